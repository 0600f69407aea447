/** `docs.sessions()`: the documents open now, as the callbacks told, and the Docs server where they may be wrong. */
import { checkCall } from '../arguments.js'
import type { CallOptions } from '../call-options.js'
import { isDocsError } from '../errors.js'
import type { Ledger, OpenDocument } from '../ledger/ledger.js'
import { isDoubtful } from '../ledger/open-documents.js'
import type { InfoResult } from '../results.js'
import { sweep } from './sweep.js'

/** A document that is open. */
export interface Session {
  /** The document key. */
  key: string
  /** The application's name for the file, as the callback URL bore it. */
  ref: string | undefined
  /** The ids of those who edit. */
  users: readonly string[]
  /** When the first word of it came. */
  since: Date
  /**
   * False: it may have ended, and the Docs server could not be asked. It is asked where nothing was
   * heard of a session for 10 minutes, and where its callbacks leave open whether it has ended.
   */
  certain: boolean
}

export interface SessionParts {
  ledger: Ledger
  info: (key: string, options: CallOptions) => Promise<InfoResult>
  closing: AbortSignal
}

/** Questions to the Docs server at once, and how many in a row go unanswered before it is let be. */
const CONCURRENCY = 8

export function listSessions(
  { ledger, info, closing }: SessionParts,
  options: CallOptions = {},
): AsyncIterableIterator<Session> {
  checkCall(options)
  const { signal, timeout } = options
  let unanswered = 0

  /** Whoever edits it by the Docs server; null: nobody; undefined: it did not say. */
  async function ask(
    key: string,
    stop: AbortSignal,
  ): Promise<readonly string[] | null | undefined> {
    if (unanswered >= CONCURRENCY) return undefined
    try {
      const { status, users } = await info(key, { timeout, signal: stop })
      unanswered = 0
      return status === 'editing' ? users : null
    } catch (error) {
      if (!isDocsError(error) || error.code === 'CLOSED') throw error
      if (error.error === 1) return null
      unanswered += 1
      return undefined
    }
  }

  async function tell(
    { key, state: { session, ref }, now }: OpenDocument,
    stop: AbortSignal,
  ): Promise<Session | undefined> {
    // Closed, and its last save is not stored yet.
    if (session === undefined) return undefined
    const { users, since } = session
    const told = { key, ref, users, since: new Date(since), certain: true }
    if (!isDoubtful(session, now)) return told
    const found = await ask(key, stop)
    if (found === null) return undefined
    return found === undefined ? { ...told, certain: false } : { ...told, users: found }
  }

  async function* documents(): AsyncGenerator<OpenDocument> {
    yield* (await ledger.open()).documents
  }

  return sweep({
    items: documents(),
    concurrency: CONCURRENCY,
    ends: signal === undefined ? [closing] : [closing, signal],
    work: tell,
  })
}
