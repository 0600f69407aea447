/** Checks of addresses. What was given is not shown: it may hold credentials. */
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

/** Whole origins, never patterns. */
export function checkOrigins(origins: unknown): void {
  const hint = 'give an array of origins like https://docs.example.com'
  if (!Array.isArray(origins)) throw badOption('downloadOrigins', origins, hint)
  for (const origin of origins as readonly unknown[]) {
    if (typeof origin !== 'string') throw badOption('downloadOrigins', origin, hint)
    if (!isOrigin(origin)) throw badOption('downloadOrigins', 'another text', hint)
  }
}

function isOrigin(text: string): boolean {
  if (!URL.canParse(text) || text.includes('*')) return false
  const url = new URL(text)
  return isHttp(url) && url.origin === text.replace(/\/$/, '')
}

const isHttp = (url: URL): boolean => url.protocol === 'http:' || url.protocol === 'https:'
