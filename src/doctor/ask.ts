/** One request of the doctor's: the whole answer whatever its status, bounded, by a connection of its own. */
import type { IncomingHttpHeaders } from 'node:http'
import type { Readable } from 'node:stream'
import { HttpFailure } from '../client/http.js'
import type { Context } from './finding.js'
import { shown } from './words.js'

export interface Question {
  method: 'GET' | 'POST'
  url: URL
  headers?: Record<string, string>
  body?: string | Readable
}

export interface Answer {
  status: number
  headers: IncomingHttpHeaders
  /** Its beginning only, where it is longer than 16 MB: a list of 100,000 forgotten files fits. */
  text: string
  /** How long it took to come, ms. */
  took: number
}

const LONGEST_ANSWER = 16 * 1024 * 1024

/** Follows no redirect. @throws HttpFailure where no answer comes. */
export async function ask(context: Context, question: Question): Promise<Answer> {
  const { http, signal, known, clock } = context
  const sent = clock.now()
  const { status, headers, body } = await http.open({
    ...{ headers: {}, ...question, signal },
    ...{ maxBytes: Infinity, publicOnly: false },
  })
  const came = clock.now()
  const date = Date.parse(headers.date ?? '')
  // An answer from a cache has the time at which it was made.
  const fresh = headers.age === undefined && !Number.isNaN(date)
  if (fresh && question.url.origin === context.settings.server.origin) {
    known.moments.push({ date, sent, came })
  }
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of body) {
    chunks.push(chunk)
    length += chunk.byteLength
    if (length > LONGEST_ANSWER) break
  }
  return { status, headers, text: Buffer.concat(chunks).toString('utf8'), took: came - sent }
}

/** The same for JSON. */
export function postJson(
  context: Context,
  url: URL,
  body: string,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const type = { 'content-type': 'application/json', accept: 'application/json' }
  return ask(context, { method: 'POST', url, body, headers: { ...type, ...headers } })
}

/** What an answer says as JSON; undefined: it is none. */
export function jsonOf({ text }: Pick<Answer, 'text'>): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export const isHtml = ({ headers, text }: Answer): boolean =>
  (headers['content-type'] ?? '').includes('html') || /^\s*<(!doctype|html)/i.test(text)

/** Where a redirect leads, without its query; undefined: it is none. */
export function redirectOf({ status, headers }: Answer, from: URL): URL | undefined {
  const { location = '' } = headers
  if (status < 300 || status > 399 || !URL.canParse(location, from.href)) return undefined
  return new URL(location, from)
}

/** What a redirect changes, in words. */
export function redirection(from: URL, to: URL): { what: string; fix: string } {
  const fix = `use ${shown(to)} itself`
  if (from.protocol !== to.protocol && from.hostname === to.hostname) {
    return { what: `from ${from.protocol} to ${to.protocol}`, fix }
  }
  if (from.host !== to.host) return { what: `to another host, ${to.host}`, fix }
  if (from.pathname.replace(/\/$/, '') === to.pathname.replace(/\/$/, '')) {
    return {
      what: 'for a slash at its end',
      fix: 'take this path out of what adds or removes slashes: the callback URL has none at its end',
    }
  }
  return {
    what: `to ${shown(to)}`,
    fix: 'take this path out of what redirects it: a log-in, often',
  }
}

export { HttpFailure }
