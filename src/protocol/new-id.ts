/** Apart from `userdata.ts`, whose types the pages read: nothing of Node is in that. */
import { randomFillSync } from 'node:crypto'

const LENGTH = 16
/** To ask the system once for many ids: each time costs as much as forty of them. */
const pool = Buffer.allocUnsafeSlow(128 * LENGTH)
let used = pool.length

/** The id of a command: 16 random bytes in base64url, which cannot be guessed. */
export function newId(): string {
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  return pool.toString('base64url', used, (used += LENGTH))
}
