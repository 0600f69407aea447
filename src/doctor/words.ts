/** What others have said, in words that can be shown. */
import type { HttpFailure } from '../client/http.js'

const LONGEST = 120

/**
 * A text from outside, fit for a terminal and a log: one line without control characters, not long, without
 * queries, credentials, and what looks like a token.
 */
export function quote(text: string): string {
  const line = text
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .replace(/\/\/[^\s/@]*@/g, '//')
    .replace(/\?\S*/g, '')
    .replace(/\beyJ[\w-]+(\.[\w-]*)*|[\w-]+\.[\w-]{43}(?![\w-])/g, '…')
    .trim()
  return line.length <= LONGEST ? line : `${line.slice(0, LONGEST)}…`
}

/** Without query and credentials, and without the signature of a ref. */
export function shown(url: URL): string {
  return url.origin + url.pathname.replace(SIGNED_REF, '/<ref>').replace(/\/$/, '')
}

/** The last part of a callback URL as `callbackUrl()` makes it: a ref and its signature. */
export const SIGNED_REF = /\/[\w-]+\.[\w-]{43}$/

export interface Trouble {
  code: string
  what: string
  fix: string[]
}

/** Why no answer came, by the words of the failure: undici's and OpenSSL's stay the same. */
const TROUBLES: [pattern: RegExp, code: string, what: string, ...fix: string[]][] = [
  [
    /ECONNREFUSED/,
    'refused',
    'refuses the connection: nothing listens there',
    'see that it is running, and that the port is right',
  ],
  [
    /ENOTFOUND|EAI_AGAIN|EAI_NODATA/,
    'unknown-name',
    'has a name that does not resolve here',
    'correct the name, or see to the DNS of this machine; names of containers are known inside their network only',
  ],
  [
    /EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL/,
    'no-route',
    'cannot be reached: there is no route to it',
    'see to network, VPN and firewall',
  ],
  [/certificate has expired/i, 'certificate', 'shows a certificate that has expired', 'renew it'],
  [
    /altnames|does not match/i,
    'certificate',
    'shows a certificate for another name',
    'use the name that is in the certificate, or get one for this name',
  ],
  [
    /self.signed|unable to (verify|get)|certificate/i,
    'certificate',
    'shows a certificate that is not trusted here',
    'send the whole chain, or name your own authority in NODE_EXTRA_CA_CERTS; never turn the check off',
  ],
  [
    /SSL|TLS|EPROTO|wrong version/i,
    'tls',
    'does not speak TLS as expected',
    'see whether the address should begin with http: instead of https:',
  ],
  [
    /Expected HTTP|HTTPParser|Response does not match|Invalid|Parse Error/i,
    'not-http',
    'does not speak HTTP',
    'see that the port is right; a port for TLS needs https:',
  ],
  [
    /timeout/i,
    'timeout',
    'does not answer',
    'see to firewalls, which often swallow what they do not like, and to its load',
  ],
  [
    /ECONNRESET|other side closed|EPIPE|socket|terminated|aborted/i,
    'cut',
    'breaks the connection off',
    'see to what stands in between, and to its log',
  ],
]

/** `late`: our own deadline has ended it. */
export function troubleOf(failure: HttpFailure, late: boolean): Trouble {
  const message = late ? 'timeout' : failure.message
  const known = TROUBLES.find(([pattern]) => pattern.test(message))
  if (known === undefined) {
    return {
      code: 'no-answer',
      what: `gives no answer: ${quote(message)}`,
      fix: ['see to what stands in between'],
    }
  }
  const [, code, what, ...fix] = known
  return { code, what, fix }
}

/** `1.2 s`, `3 min`: for people. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.max(1, Math.round(ms))} ms`
  if (ms < 120_000) return `${Math.round(ms / 100) / 10} s`
  return ms < 7_200_000 ? `${Math.round(ms / 60_000)} min` : `${Math.round(ms / 3_600_000)} h`
}

/** A bare number of things, with the word for one or several. */
export const count = (number: number, one: string, several = `${one}s`): string =>
  `${number} ${number === 1 ? one : several}`
