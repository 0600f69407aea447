/**
 * Tells the ledger of a callback. One that says who edits is answered whatever becomes of it, so the Docs
 * server does not send it again: where Redis is away it is told later. Without it a document would count
 * as closed that is being edited, and a result as certain that is not (`settlement.md` 6).
 */
import { onAbort } from '../abort.js'
import type { Clock } from '../clock.js'
import { isDocsError } from '../errors.js'
import type { Logger } from '../events.js'
import type { LedgerEvent } from '../ledger/event.js'
import type { Ledger } from '../ledger/ledger.js'
import { isFinal } from '../ledger/state.js'

/** How often, and with which pauses (ms), it is told again. */
const MAX_TRIES = 60
const TRY_PAUSE = 1_000
/** Of so many keys at once. */
const MAX_LATE = 10_000

type Presence = Extract<LedgerEvent, { type: 'presence' }>
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

/** What is to be told of who edits a key: all that has failed since the last that has not. */
interface Late {
  readonly event: Presence
  /** When the newest of it came, ms since the epoch. */
  readonly at: number
  tries: number
  cancel: () => void
}

export function createRecorder(parts: RecorderParts): RecordCallback {
  const { ledger, clock, logger, grace, closing } = parts
  const late = new Map<string, Late>()
  onAbort(closing, () => {
    for (const key of [...late.keys()]) takeOut(key)
  })

  function takeOut(key: string): void {
    late.get(key)?.cancel()
    late.delete(key)
  }

  function keep(key: string, event: Presence, at: number): void {
    takeOut(key)
    if (closing.aborted || late.size >= MAX_LATE) return
    const entry: Late = { event, at, tries: 0, cancel: () => {} }
    late.set(key, entry)
    tellLater(key, entry)
  }

  function tellLater(key: string, entry: Late): void {
    entry.cancel = clock.after(TRY_PAUSE, () => void tellAgain(key, entry))
  }

  async function tellAgain(key: string, entry: Late): Promise<void> {
    let failure: unknown
    try {
      await ledger.apply(key, entry.event)
    } catch (error) {
      failure = error
    }
    // Taken out meanwhile: something newer has been told, or will be.
    if (late.get(key) !== entry) return
    entry.tries += 1
    if (isDocsError(failure, 'UNREACHABLE') && entry.tries < MAX_TRIES) {
      tellLater(key, entry)
      return
    }
    late.delete(key)
    if (failure !== undefined) logger.error({ err: failure, key }, 'who edits could not be told')
  }

  /** Callbacks overtake each other: an end that comes just after somebody came may be of the session before. */
  function isOutdated({ event: { users }, at }: Late, event: Presence | Arrived): boolean {
    if (event.type === 'presence' && event.status === 1) return true
    const left = leftBy(event)
    if (left === undefined || clock.now() - at < grace) return false
    return left.length === 0 || users.every((id) => left.includes(id))
  }

  return async function record(key, event) {
    const before = late.get(key)
    const outdated = before !== undefined && isOutdated(before, event)
    // Before this one is told: after it, it would undo what this one tells.
    if (outdated) takeOut(key)
    try {
      await ledger.apply(key, event)
    } catch (error) {
      const news = event.type === 'presence' && event.status === 1
      if (isDocsError(error, 'UNREACHABLE') && (news || outdated)) {
        const untold = [
          ...(outdated ? [before.event] : []),
          ...(news ? [event] : []),
          // One that came later and failed sooner.
          ...[late.get(key)?.event ?? []].flat(),
        ]
        keep(key, untold.reduce(joined), clock.now())
      }
      throw error
    }
  }
}

/** Who has left by the end of a session; undefined: this tells of none. That of an info does not either. */
function leftBy(event: Presence | Arrived): readonly string[] | undefined {
  if (event.type === 'presence') return event.left.length > 0 ? event.left : undefined
  return isFinal(event.save) ? (event.save.left ?? []) : undefined
}

/** Two callbacks as one. A key's `ref` is that of its first (rule 18). */
function joined(older: Presence, newer: Presence): Presence {
  return {
    ...newer,
    ...(older.ref === undefined ? {} : { ref: older.ref }),
    joined: [...new Set([...older.joined, ...newer.joined])],
    left: [...new Set([...older.left, ...newer.left])],
  }
}
