/** Checks of addresses. One that may hold credentials is not shown. */
import { badOption } from './errors.js'

/** An http(s) address with no more than a path; answered without the slash at its end. */
export function baseUrl(name: string, given: unknown): string {
  const hint = 'give an address like http://docs.internal or https://example.com/docs'
  if (typeof given !== 'string') throw badOption(name, given, hint)
  const url = URL.canParse(given) && !/[\s?#]/.test(given) ? new URL(given) : undefined
  if (url === undefined || !isHttp(url) || url.username !== '' || url.password !== '') {
    throw badOption(name, 'another text', `${hint}, without credentials, query or fragment`)
  }
  return url.href.replace(/\/+$/, '')
}

/** The addresses of single Docs servers, each as {@link baseUrl} and none twice. */
export function checkNodes(nodes: unknown): readonly URL[] {
  if (nodes === undefined) return []
  if (!Array.isArray(nodes)) throw badOption('nodes', nodes, 'give an array of addresses')
  const all = nodes.map((node, index) => baseUrl(`nodes[${index}]`, node))
  return [...new Set(all)].map((node) => new URL(node))
}

/** A path without dot segments, which every URL parser takes out, and without a slash at its end. */
export function checkPath(name: string, path: unknown): void {
  if (typeof path === 'string' && /^(\/(?!\.{1,2}(\/|$))[\w.~-]+)+$/.test(path)) return
  throw badOption(name, path, 'give a path like /docs/callback, without a slash at its end')
}

/** Whole origins, or a `*` for the first label of a name with two more at least. */
export function checkOrigins(origins: unknown): void {
  if (!Array.isArray(origins)) {
    throw badOption('downloadOrigins', origins, 'give an array of origins')
  }
  for (const origin of origins as readonly unknown[]) {
    if (typeof origin === 'string' && isOrigin(origin)) continue
    const secret = typeof origin === 'string' && origin.includes('@')
    throw badOption(
      'downloadOrigins',
      secret ? 'an address with credentials' : origin,
      'allowed is an origin like https://docs.example.com, or https://*.docs.example.com, where * ' +
        'stands for one label in front of two more at least',
    )
  }
}

function isOrigin(text: string): boolean {
  const example = text.replace('://*.', '://x.')
  if (example.includes('*') || !URL.canParse(example)) return false
  const url = new URL(example)
  if (!isHttp(url) || url.origin !== example.replace(/\/$/, '')) return false
  return example === text || /^x(\.[^.]+){2,}$/.test(url.hostname)
}

const isHttp = (url: URL): boolean => url.protocol === 'http:' || url.protocol === 'https:'
