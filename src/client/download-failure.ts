/** The words for a download that fails: what was asked, what came, what it means and what helps. */
import { DocsError } from '../errors.js'
import type { HttpFailure } from './http.js'
import { placeOf } from './link.js'
import { isPassing } from './response.js'

/** What was asked and, where it is another place, what the link said. */
export function describePlace(link: URL, url: URL): string {
  const asked = placeOf(url)
  const from = placeOf(link) === asked ? '' : ` (for a link to ${placeOf(link)})`
  return `${asked}${lengthOf(url)}${from}`
}

const TOO_LONG = 'the link is longer than the server or a proxy takes; no link of a Docs server is'

/** Node's own limit for a head; nginx's and that of most others is 8 KB. */
const LONG_LINK = 8_000

/** Of a link that not every server takes: how long it is. It may be why a connection breaks. */
function lengthOf({ pathname, search }: URL): string {
  const length = pathname.length + search.length
  return length < LONG_LINK ? '' : ` (a link of ${length} characters)`
}

/** What the server means by it, as far as it can be known. */
const MEANINGS: Record<number, string> = {
  403: 'the link has expired (15 minutes after it was signed), or a proxy in between wants a log-in',
  404: 'the file is gone, or the Docs server keeps its cache elsewhere (then name that origin in `downloadOrigins`)',
  414: TOO_LONG,
  431: TOO_LONG,
}

export function badStatus(place: string, status: number): DocsError {
  const meaning = status >= 300 && status < 400 ? 'redirects are not followed' : MEANINGS[status]
  const message = `${place} was answered with HTTP ${status}${meaning === undefined ? '' : `: ${meaning}`}`
  return isPassing(status) ? unreachable(message) : refused(message)
}

/**
 * Trying again can help: a document is not empty, so the server was not ready or is broken. Only of a text
 * is it believed, and only where the length was given: a body that merely ends may have been cut off.
 */
export function emptyFile(place: string): DocsError {
  return new DocsError('BAD_RESPONSE', `${place} is empty, which no document is`)
}

/** Trying again can help: a maintenance page is gone after a while, and meanwhile the Docs server keeps the file. */
export function otherContent(
  place: string,
  filetype: string | undefined,
  instead: string,
): DocsError {
  const message =
    `${place} was answered with ${instead} instead of a ${filetype} file: see whether a proxy in front of the ` +
    'Docs server shows a log-in or maintenance page; `checkContent: false` takes files as they come'
  return new DocsError('BAD_RESPONSE', message)
}

export function refused(message: string): DocsError {
  return new DocsError('BAD_RESPONSE', message, { retryable: false })
}

export function unreachable(message: string, cause?: HttpFailure): DocsError {
  return new DocsError('UNREACHABLE', message, cause === undefined ? {} : { cause })
}

/** Trying again cannot help, and one call can. */
export function tooLong(place: string, limit: number, size: number | undefined): DocsError {
  const found =
    size === undefined ? `more than the ${limit} bytes` : `${size} bytes, more than the ${limit}`
  return refused(
    `${place} has ${found} of maxDownload; the Docs server keeps a final save that is refused as a forgotten ` +
      'file: docs.forgotten.recover({ maxDownload }) with a higher one takes it, and a higher option all others',
  )
}

export function tookTooLong(place: string, limit: number): DocsError {
  return unreachable(
    `${place} took longer than ${limit} ms (downloadTimeout); a final save that cannot be fetched becomes a ` +
      'forgotten file: docs.forgotten.recover({ downloadTimeout }) with a longer one takes it',
  )
}

/** The connection broke. Some servers end it so where a link is too long for them. */
export function notWhole(place: string, failure: HttpFailure): DocsError {
  const hint = place.includes(' (a link of ') ? `; ${TOO_LONG}, perhaps` : ''
  return unreachable(`${place} could not be fetched whole: ${failure.message}${hint}`, failure)
}
