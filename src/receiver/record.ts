/**
 * Tells the ledger of a callback. One that says who edits is answered whatever becomes of it, so the Docs
 * server does not send it again: where Redis is away it is told later. Without it a document would count
 * as closed that is being edited, and a result as certain that is not (`settlement.md` 6).
 */
import { onAbort } from '../abort.js'
import type { Clock } from '../clock.js'
import { isDocsError } from '../errors.js'
import type { Logger } from '../events.js'
import type { LedgerEvent } from '../settlement/event.js'
import type { Ledger } from '../ledger/ledger.js'

/** How often, and with which pauses (ms), it is told again. */
const MAX_TRIES = 60
const TRY_PAUSE = 1_000
/** Of so many keys at once. */
const MAX_LATE = 10_000

type Presence = Extract<LedgerEvent, { type: 'presence' }> & { readonly ref: string }
type Arrived = Extract<LedgerEvent, { type: 'arrived' }>

/** Rejects where the ledger has not taken it now. */
export type RecordCallback = (key: string, event: Presence | Arrived) => Promise<void>

export interface RecorderParts {
  ledger: Ledger
  clock: Clock
  logger: Logger
  /** ms */
  grace: number
  /** Aborted by `close()`. */
  closing: AbortSignal
}

/** A callback that says who edits, until the ledger has taken it or something newer. */
interface News {
  readonly event: Presence
  /** When it came, ms since the epoch. */
  readonly at: number
  /** False: it is being told for the first time. */
  refused: boolean
}

/** What is still to be told of a key, in the order in which it came. */
interface Untold {
  news: readonly News[]
  /** How much of it, or of what undoes it, is being told now. */
  underway: number
  tries: number
  cancel: () => void
}

export function createRecorder(parts: RecorderParts): RecordCallback {
  const { ledger, clock, logger, grace, closing } = parts
  const untoldOf = new Map<string, Untold>()
  onAbort(closing, () => {
    for (const { cancel } of untoldOf.values()) cancel()
  })

  /** Tells `event`, after which what is `past`, and `news` themselves, need not be told any more. */
  async function tell(
    key: string,
    { event, past, news }: { event: Presence | Arrived } & Record<'past' | 'news', readonly News[]>,
    untold: Untold,
  ): Promise<void> {
    const forget = (told: readonly News[]): void => {
      untold.news = untold.news.filter((one) => !told.includes(one))
    }
    // Not before this one is told, and not after it: that would undo what this one tells.
    untold.cancel()
    untold.underway += 1
    try {
      await ledger.apply(key, event)
      forget([...past, ...news])
    } catch (error) {
      if (!isDocsError(error, 'UNREACHABLE')) forget(news)
      for (const one of news) one.refused = true
      throw error
    } finally {
      untold.underway -= 1
      if (untold.underway === 0) tellLater(key, untold)
    }
  }

  /** If there is anything, and it is not too much. */
  function tellLater(key: string, untold: Untold): void {
    const newest = untold.news.at(-1)
    const isOver = closing.aborted || untold.tries >= MAX_TRIES || untoldOf.size > MAX_LATE
    if (newest === undefined || isOver) {
      untoldOf.delete(key)
      return
    }
    const event = { ...untold.news.map((one) => one.event).reduce(joined), late: true as const }
    const whole = { ...newest, event }
    untold.news = [whole]
    untold.cancel = clock.after(TRY_PAUSE, () => void tellAgain(key, whole, untold))
  }

  async function tellAgain(key: string, one: News, untold: Untold): Promise<void> {
    untold.tries += 1
    try {
      await tell(key, { event: one.event, past: [], news: [one] }, untold)
    } catch (error) {
      const isGivenUp = !isDocsError(error, 'UNREACHABLE') || untold.tries >= MAX_TRIES
      if (isGivenUp) logger.error({ err: error, key }, 'who edits could not be told')
    }
  }

  /** Callbacks overtake each other: an end that comes just after somebody came may be of the session before. */
  function isOutdated({ event: { users }, at }: News, event: Presence | Arrived): boolean {
    if (isNews(event)) return true
    const left = leftBy(event)
    if (left === undefined || clock.now() - at < grace) return false
    return left.length === 0 || users.every((id) => left.includes(id))
  }

  return function record(key, event) {
    const untold = untoldOf.get(key) ?? { news: [], underway: 0, tries: 0, cancel: () => {} }
    const newest = untold.news.at(-1)
    const past = newest !== undefined && isOutdated(newest, event) ? untold.news : []
    const news = isNews(event) ? [{ event, at: clock.now(), refused: false }] : []
    if (past.length === 0 && news.length === 0) return ledger.apply(key, event)
    untoldOf.set(key, untold)
    untold.news = [...untold.news, ...news]
    untold.tries = 0
    // Who came by one that was refused has come with the next one.
    const refused = past.filter((one) => one.refused).map((one) => one.event)
    const whole = isNews(event) ? [...refused, event].reduce(joined) : event
    return tell(key, { event: whole, past, news }, untold)
  }
}

const isNews = (event: Presence | Arrived): event is Presence =>
  event.type === 'presence' && event.status === 1

/** Who has left by the end of a session; undefined: this tells of none. That of an info does not either. */
function leftBy(event: Presence | Arrived): readonly string[] | undefined {
  if (event.type === 'presence') return event.left.length > 0 ? event.left : undefined
  return event.save.left
}

/** Two callbacks as one. A key's `ref` is that of its first (17.1). */
function joined(older: Presence, newer: Presence): Presence {
  return {
    ...newer,
    ref: older.ref,
    joined: [...new Set([...older.joined, ...newer.joined])],
    late: true,
  }
}
