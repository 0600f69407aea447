/** Size and checksum of a download, as it is read. */
import { createHash } from 'node:crypto'

/** What was read. */
export interface Measured {
  /** In bytes. */
  size: number
  /** The SHA-256 of its bytes, in hexadecimal. */
  sha256: string
}

export interface Meter {
  add: (chunk: Uint8Array) => void
  end: () => void
  fail: (error: unknown) => void
  /** Nobody has to take it. */
  measured: Promise<Measured>
}

export function createMeter(): Meter {
  const hash = createHash('sha256')
  let size = 0
  let resolve = (_measured: Measured): void => {}
  let reject = (_error: unknown): void => {}
  const measured = new Promise<Measured>((...ends) => ([resolve, reject] = ends))
  measured.catch(() => {})
  return {
    add(chunk) {
      size += chunk.byteLength
      hash.update(chunk)
    },
    end: () => resolve({ size, sha256: hash.digest('hex') }),
    fail: (error) => reject(error),
    measured,
  }
}
