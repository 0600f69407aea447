/** A stream to a file that is there whole or not at all. */
import { randomUUID } from 'node:crypto'
import { open, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { ReadableStream } from 'node:stream/web'

/** What a system says that cannot put a folder on disk, or does not let us: Windows, some network disks. */
const CANNOT = new Set(['EPERM', 'EACCES', 'EISDIR', 'EINVAL', 'ENOTSUP'])

/**
 * Writes `stream` to a temporary file in the folder of `path` and renames it once all of it is on disk.
 * When this resolves, the folder is on disk, too: file and name outlast a power cut, as far as the
 * system and the disk keep their word. (A folder that the application has just made is its own affair.)
 *
 * After any failure the temporary file is gone, the stream cancelled and `path` what it was before; only
 * where the folder itself could not be put on disk, `path` is the new file already.
 *
 * @throws what the stream fails with, the file system's errors, and the reason of `signal`
 * @example await writeWhole('files/contract.docx', stream)
 */
export async function writeWhole(
  path: string,
  stream: ReadableStream<Uint8Array>,
  signal?: AbortSignal,
): Promise<void> {
  // In the same folder, since a rename is atomic within one file system only.
  const temporary = join(dirname(path), `.${randomUUID()}.part`)
  try {
    const file = await open(temporary, 'wx')
    try {
      await writeFile(file, stream)
      await file.sync()
    } finally {
      await file.close()
    }
    signal?.throwIfAborted()
    await rename(temporary, path)
    await syncFolder(dirname(path))
  } catch (error) {
    // What fails here, fails because of the failure that is reported.
    await Promise.allSettled([stream.cancel(), rm(temporary, { force: true })])
    throw error
  }
}

async function syncFolder(path: string): Promise<void> {
  try {
    const folder = await open(path)
    try {
      await folder.sync()
    } finally {
      await folder.close()
    }
  } catch (error) {
    if (!CANNOT.has((error as NodeJS.ErrnoException).code ?? '')) throw error
  }
}
