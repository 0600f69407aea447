/** A stream to a file that is there whole or not at all. */
import { randomUUID } from 'node:crypto'
import { open, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { ReadableStream } from 'node:stream/web'

/**
 * Writes `stream` to a temporary file in the folder of `path` and renames it once all of it is on disk.
 * After any failure the temporary file is gone, the stream cancelled and `path` what it was before.
 *
 * @throws what the stream fails with, the file system's errors, and the reason of `signal`
 * @example const { size } = await writeWhole('files/contract.docx', stream)
 */
export async function writeWhole(
  path: string,
  stream: ReadableStream<Uint8Array>,
  signal?: AbortSignal,
): Promise<{ size: number }> {
  // In the same folder, since a rename is atomic within one file system only.
  const temporary = join(dirname(path), `.${randomUUID()}.part`)
  try {
    const file = await open(temporary, 'wx')
    let size
    try {
      await writeFile(file, stream)
      await file.sync()
      size = (await file.stat()).size
    } finally {
      await file.close()
    }
    signal?.throwIfAborted()
    await rename(temporary, path)
    return { size }
  } catch (error) {
    // What fails here, fails because of the failure that is reported.
    await Promise.allSettled([stream.cancel(), rm(temporary, { force: true })])
    throw error
  }
}
