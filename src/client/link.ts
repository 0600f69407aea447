/** Where a link leads. It comes from outside, even where it is signed, so its host is not believed. */

export interface Allowed {
  url: URL
  /** By a pattern: only public addresses may be behind it. */
  publicOnly: boolean
}

/** Why a link is not fetched: without its query, which is a secret. */
export interface Refused {
  refused: string
}

/** What the Docs server signs of a link begins here; in front of it is what proxies made of the address. */
const CACHE = '/cache/files/'
const MAX_SHOWN = 200

/**
 * Makes the check of a link. A link to an origin of `origins` is fetched from there. Those are compared
 * whole (scheme, host and port); a `*` stands for the first label of a name, one and no more. Of any
 * other http or https link only path and query count, from `/cache/files/` on: they are asked of `server`,
 * under its own path prefix.
 *
 * @example createLinkCheck(new URL('http://docs.internal'), [], [])('https://docs.example.com/cache/files/…')
 */
export function createLinkCheck(
  server: URL,
  nodes: readonly URL[],
  origins: readonly string[],
): (link: unknown) => Allowed | Refused {
  const baseOf = ({ origin, pathname }: URL): string => origin + pathname.replace(/\/+$/, '')
  const others = new Set(origins.map((origin) => new URL(origin).origin))
  return (link) => {
    const text = link instanceof URL ? link.href : link
    if (typeof text !== 'string' || text === '') return { refused: 'there is no link' }
    if (!URL.canParse(text)) return { refused: 'the link has no scheme or no host' }
    const url = new URL(text)
    if (url.protocol !== 'http:' && url.protocol !== 'https:') {
      return {
        refused: `the link has the scheme ${shown(url.protocol)}; allowed are http and https`,
      }
    }
    const where = placeOf(url)
    if (url.username !== '' || url.password !== '') {
      return { refused: `the link to ${where} has credentials, which no link of a Docs server has` }
    }
    // The parser takes `*` for a letter, and a DNS server for all names there are.
    if (!url.hostname.includes('*')) {
      if (others.has(url.origin)) return { url, publicOnly: false }
      if (others.has(patternFor(url))) return { url, publicOnly: true }
    }
    if (isTricky(text)) {
      return { refused: `the link to ${where} has a path that can be read in two ways` }
    }
    const at = url.pathname.indexOf(CACHE)
    if (at !== -1) {
      // A forgotten file lies on the node that was asked for it.
      const base = baseOf(nodes.find(({ origin }) => origin === url.origin) ?? server)
      return { url: new URL(base + url.pathname.slice(at) + url.search), publicOnly: false }
    }
    return {
      refused:
        `the link to ${where} has no ${CACHE} in its path, so it is not asked of \`server\`, and its ` +
        'origin is not in `downloadOrigins`: add it if the Docs server keeps its cache there',
    }
  }
}

/** Origin and path of a link, to be shown: its query and credentials are secrets. */
export function placeOf({ origin, pathname }: URL): string {
  return shown(origin + pathname)
}

const shown = (text: string): string =>
  text.length <= MAX_SHOWN ? text : `${text.slice(0, MAX_SHOWN)}…`

/**
 * Whether the path, as it was written, has what parsers disagree about: `..`, `//`, backslashes, white
 * space, and any of them encoded. A server that decodes first would leave the folder by them.
 */
function isTricky(link: string): boolean {
  const [before = ''] = link.split(/[?#]/, 1)
  if (/[\\\s\p{Cc}]/u.test(before)) return true
  const path = before.replace(/^[a-z]+:\/\/[^/]*/i, '')
  return /\/\/|%2f|%5c|%25|%2e|%[01]|\/\.{1,2}(\/|$)/i.test(path)
}

/** The one pattern that allows this origin. */
const patternFor = ({ protocol, host }: URL): string =>
  `${protocol}//${host.replace(/^[^.]+\./, '*.')}`
