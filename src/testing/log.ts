/** The log of a conversation, in the format of the recordings in `test/wire`. */
import type { EditorAction } from './editor.js'

/** What a command and a callback have in the log. */
export interface LogMessage {
  /** Counts commands and callbacks apart; a response or reply has the number of what it answers. */
  id: number
  /** Path and query. */
  path: string
  /** `content-type` and `authorization`, where it came with them. */
  headers: Record<string, string>
  /** Parsed JSON, or text where it is none. Tokens are elided: `"<signed body>"`. */
  body: unknown
}

/** One entry; `t` is in milliseconds since the server was started. */
export type LogEntry = { t: number } & (
  | { type: 'editor'; action: EditorAction; user: string; key: string }
  | ({ type: 'command' | 'callback' } & LogMessage)
  | { type: 'response' | 'reply'; id: number; status: number; body: unknown }
  /** No answer came. */
  | { type: 'reply'; id: number; connection: 'destroyed' }
)

/** The oldest entries go when there are more. */
const LONGEST = 100_000

/** Adds the entry, without the tokens in it. */
export function append(log: LogEntry[], entry: LogEntry): void {
  if (log.length >= LONGEST) log.shift()
  log.push('headers' in entry ? elide(entry) : entry)
}

function elide<T extends LogMessage>(message: T): T {
  const { headers, body } = message
  const hasToken = typeof body === 'object' && body !== null && 'token' in body
  return {
    ...message,
    headers:
      headers.authorization === undefined
        ? headers
        : { ...headers, authorization: 'Bearer <signed {payload: body}>' },
    body: hasToken ? { ...body, token: '<signed body>' } : body,
  }
}
