/**
 * What may be kept and shown: no token, no secret, no query of a link, and nothing of the application's
 * userdata but its length. Names and ids of users stay.
 */
import { createHmac, randomBytes } from 'node:crypto'
import { isDocsError } from '../errors.js'
import { packUserdata, unpackUserdata } from '../protocol/userdata.js'
import type { Failure, SafeBody } from './entry.js'

/** The longest body that is kept whole, in characters of JSON; a longer one loses its longest fields. */
const MAX_BODY = 16 * 1024
const MAX_MESSAGE = 500
const MAX_TEXT = 4 * 1024

/** Told apart, and not to be turned back: an echo has the query that was seen before (`settlement.md` 10). */
const mark = randomBytes(32)
const marked = (query: string): string =>
  `?link=${createHmac('sha256', mark).update(query).digest('base64url').slice(0, 8)}`

/** A link without credentials, query and fragment. */
function safeLink(link: string): string {
  if (!URL.canParse(link)) return '<no link>'
  const { protocol, host, pathname, search } = new URL(link)
  return `${protocol}//${host}${pathname}${search === '' ? '' : marked(search)}`
}

/**
 * A link, or the query of one that begins with its path. Bounded, so that a long text without any takes no
 * longer; a name may stand right before it.
 */
const LINK = /([a-z][a-z\d+.-]{0,30}:\/\/[^\s"'<>]+)|\?[^\s"'<>=?]*=[^\s"'<>]*/gi
const TOKEN = /\beyJ[\w-]+(\.[\w-]*)*/g

/** A message without what a link or token in it would tell. */
export function safeText(text: string): string {
  const safe = text
    .slice(0, MAX_TEXT)
    .replace(LINK, (_found, link?: string) => (link === undefined ? '?…' : safeLink(link)))
    .replace(TOKEN, '<token>')
  return safe.length <= MAX_MESSAGE ? safe : `${safe.slice(0, MAX_MESSAGE)}…`
}

export function failureOf(error: unknown): Failure {
  if (!(error instanceof Error)) return { code: 'error', message: safeText(String(error)) }
  const { cause } = error
  const because = cause instanceof Error ? ` (${cause.name}: ${cause.message})` : ''
  const code = isDocsError(error) ? error.code : error.name
  return { code, message: safeText(error.message + because) }
}

/** Of the licence nothing is kept but that it came. */
const LICENSE = new Set(['license', 'server', 'quota'])
const LINKS = /url$/i

/** The fields of a body as they may be shown; `prefix` tells our userdata from that of others. */
export function safeBody(body: object, prefix: string): SafeBody {
  const safe = Object.fromEntries(
    Object.entries(body)
      .filter(([name]) => name !== 'token')
      .map(([name, value]: [string, unknown]) => [name, safeField(name, value, prefix)]),
  )
  return shortened(safe)
}

function safeField(name: string, value: unknown, prefix: string): unknown {
  if (name === 'userdata') return safeUserdata(value, prefix)
  if (LICENSE.has(name)) return {}
  if (LINKS.test(name)) return typeof value === 'string' ? safeLink(value) : '<no link>'
  if (typeof value === 'string') return safeText(value)
  return typeof value === 'object' && value !== null ? safeTexts(value) : value
}

/** What stands deeper, in `history` for instance. A callback has no more than 1,000 levels. */
function safeTexts(value: object): unknown {
  return JSON.parse(
    JSON.stringify(value, (_name, one: unknown) => (typeof one === 'string' ? safeText(one) : one)),
  ) as unknown
}

/** Ours by its id, and of the application's part, or of somebody else's, the length. */
function safeUserdata(value: unknown, prefix: string): string {
  const { commandId, userdata } = unpackUserdata(prefix, value)
  const text = typeof userdata === 'string' ? userdata : JSON.stringify(userdata)
  const length = text === '' ? '' : `<${text.length} characters>`
  return commandId === undefined ? length : packUserdata(prefix, commandId, length)
}

function shortened(body: Record<string, unknown>): SafeBody {
  const lengths = Object.entries(body).map(
    ([name, value]) => [name, (JSON.stringify(value) as string | undefined)?.length ?? 0] as const,
  )
  let total = lengths.reduce((sum, [, length]) => sum + length, 0)
  for (const [name, length] of lengths.sort(([, a], [, b]) => b - a)) {
    if (total <= MAX_BODY) break
    body[name] = `<${length} characters left out>`
    total -= length
  }
  return body
}
