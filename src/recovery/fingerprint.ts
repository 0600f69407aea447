/**
 * Which forgotten file it is. Every forgotten file of a key has the same path, and a newer one replaces
 * an older one without a word, so only its bytes tell them apart (`docs/settlement.md` 13.2).
 */
import type { Downloader, DownloadLimits } from '../client/download.js'

/** The type of a forgotten file, which only its link gives: `output.docx`. */
export const filetypeOf = (link: URL | undefined): string | undefined =>
  /\.([0-9a-z]{1,10})$/i.exec(link?.pathname ?? '')?.[1]

/**
 * A hash of the bytes behind a link. A page of a proxy has none: it would count as another file.
 *
 * @throws DocsError `UNREACHABLE` or `BAD_RESPONSE`, as `downloader.open()`
 */
export async function fingerprintOf(
  link: URL,
  downloader: Downloader,
  limits: DownloadLimits,
): Promise<string> {
  const options = { filetype: filetypeOf(link), ...limits }
  const { stream, measured } = await downloader.open(link, options)
  await stream.pipeTo(new WritableStream())
  const { sha256 } = await measured
  return Buffer.from(sha256, 'hex').toString('base64url')
}
