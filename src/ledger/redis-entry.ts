/** What one process keeps about a key whose state is in Redis: who waits, what is to be written. */
import type { LedgerEvent, Verdict } from '../settlement/event.js'
import type { DocumentState } from '../settlement/state.js'
import type { Wait } from './waiting.js'

export interface Entry {
  readonly key: string
  pending: Pending[]
  writing: boolean
  looking: boolean
  lookAgain: boolean
  /** The next look is for what was left undone, too. */
  overdue: boolean
  /**
   * The state as this process has written it last, until it hears that somebody else has gone on. It
   * may not hear that in time: a write finds out, and who waits looks it up every few seconds.
   */
  known: { version: string; state: DocumentState } | undefined
  /** What was looked at last: unless it has changed, or has something to be done, it is not read again. */
  seen: { version: string; undone: boolean } | undefined
  /** The versions that were published while this process was writing. */
  readonly news: Set<string>
  readonly waits: Set<Wait<Seen>>
  /** The commands whose verdicts are waited for, with the number of those who wait. */
  readonly ids: Map<string, number>
  tickAt: number
  cancelTick: () => void
}

interface Pending {
  event: LedgerEvent
  resolve: () => void
  reject: (reason: unknown) => void
}

/** The state, undefined where only verdicts are told, and the verdicts that were asked for. */
export type Seen = [
  state: DocumentState | undefined,
  verdicts: ReadonlyMap<string, Verdict | undefined>,
]

export const newEntry = (key: string): Entry => ({
  key,
  pending: [],
  writing: false,
  looking: false,
  lookAgain: false,
  overdue: false,
  known: undefined,
  seen: undefined,
  news: new Set(),
  waits: new Set(),
  ids: new Map(),
  tickAt: Infinity,
  cancelTick: () => {},
})
