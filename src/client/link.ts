/** Which links may be fetched. A link comes from outside, even where it is signed. */

/**
 * Makes the check of a link. It answers the link as a URL when it may be fetched, `undefined` else:
 * http or https, without credentials, to the origin of `server` and under its path prefix, or to one
 * of `origins`, which are compared whole (scheme, host and port), never as patterns.
 *
 * @example createLinkCheck(new URL('http://docs.internal'), [])('http://docs.internal/cache/files/…')
 */
export function createLinkCheck(
  server: URL,
  origins: readonly string[],
): (link: unknown) => URL | undefined {
  const prefix = server.pathname.replace(/\/*$/, '/')
  const others = new Set(origins.map((origin) => new URL(origin).origin))
  return (link) => {
    if (typeof link !== 'string' && !(link instanceof URL)) return undefined
    if (!URL.canParse(String(link))) return undefined
    const url = new URL(link)
    if (url.protocol !== 'http:' && url.protocol !== 'https:') return undefined
    if (url.username !== '' || url.password !== '') return undefined
    if (others.has(url.origin)) return url
    if (url.origin !== server.origin || !url.pathname.startsWith(prefix)) return undefined
    // Behind `..` an encoded slash leads out of the prefix, where a server decodes it first.
    return prefix !== '/' && /%2f|%5c/i.test(url.pathname) ? undefined : url
  }
}
