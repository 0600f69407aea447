/**
 * Which forgotten file it is. Every forgotten file of a key has the same path, and a newer one replaces
 * an older one without a word, so only its bytes tell them apart (`docs/settlement.md` 13.2).
 */
import { createHash } from 'node:crypto'
import type { Downloader } from '../client/download.js'

/**
 * A hash of the bytes behind a link.
 *
 * @throws DocsError `UNREACHABLE` or `BAD_RESPONSE`, as `downloader.open()`
 */
export async function fingerprintOf(link: URL, downloader: Downloader): Promise<string> {
  const hash = createHash('sha256')
  const { stream } = await downloader.open(link)
  for await (const bytes of stream) hash.update(bytes)
  return hash.digest('base64url')
}
