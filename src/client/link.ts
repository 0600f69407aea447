/** Which links may be fetched. A link comes from outside, even where it is signed. */

export interface Allowed {
  url: URL
  /** By a pattern: only public addresses may be behind it. */
  publicOnly: boolean
}

/**
 * Makes the check of a link. It answers the link as a URL when it may be fetched, `undefined` else:
 * http or https, without credentials, to the origin of a server and under its path prefix, or to one
 * of `origins`. These are compared whole (scheme, host and port); a `*` stands for the first label
 * of a name, one and no more.
 *
 * @example createLinkCheck(new URL('http://docs.internal'), [])('http://docs.internal/cache/files/…')
 */
export function createLinkCheck(
  servers: URL | readonly URL[],
  origins: readonly string[],
): (link: unknown) => Allowed | undefined {
  const places = [servers].flat().map(({ origin, pathname }) => ({
    origin,
    prefix: pathname.replace(/\/*$/, '/'),
  }))
  const others = new Set(origins.map((origin) => new URL(origin).origin))
  return (link) => {
    if (typeof link !== 'string' && !(link instanceof URL)) return undefined
    if (!URL.canParse(String(link))) return undefined
    const url = new URL(link)
    if (url.protocol !== 'http:' && url.protocol !== 'https:') return undefined
    if (url.username !== '' || url.password !== '') return undefined
    // The parser takes it for a letter, and a DNS server for all names there are.
    if (url.hostname.includes('*')) return undefined
    if (others.has(url.origin)) return { url, publicOnly: false }
    if (places.some(({ origin, prefix }) => isUnder(origin, prefix, url)))
      return { url, publicOnly: false }
    return others.has(patternFor(url)) ? { url, publicOnly: true } : undefined
  }
}

function isUnder(origin: string, prefix: string, url: URL): boolean {
  if (url.origin !== origin || !url.pathname.startsWith(prefix)) return false
  // Behind `..` an encoded slash leads out of the prefix, where a server decodes it first.
  return prefix === '/' || !/%2f|%5c/i.test(url.pathname)
}

/** The one pattern that allows this origin. */
const patternFor = ({ protocol, host }: URL): string =>
  `${protocol}//${host.replace(/^[^.]+\./, '*.')}`
