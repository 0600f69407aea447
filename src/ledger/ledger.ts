/**
 * The port behind which the state of all keys lives. Two implementations run the same state machine
 * (`document.ts`): `memory.ts` in this process, and one in Redis for several processes.
 *
 * Contract, the same for both and tested by one suite:
 * - `apply` is atomic per key: events of one key are applied one after the other, each to the state
 *   that the one before has left. It resolves when the new state is kept.
 * - The effects of an event are performed once its state is kept, in their order. An effect may be
 *   performed twice (a process died in between), never for a state that was not kept.
 * - A verdict is kept before anyone is told, the first one stands, and it can be read by id until
 *   it expires.
 * - What is due by time alone (deadlines, grace periods, nudges) happens without anyone asking.
 * - Waits end: with the verdict, with the signal's reason, or with `CLOSED`.
 */
import type { Signal } from '../abort.js'
import type { PlainError } from '../errors.js'
import type { Effect, LedgerEvent, Verdict } from '../settlement/event.js'
import type { DocumentState } from '../settlement/state.js'

/** How a save ended, for the callback that waits to be answered. */
export type SaveOutcome =
  | { readonly phase: 'stored'; readonly ref: string }
  | {
      readonly phase: 'failed'
      /** The file that it belongs to, whichever it was sent for (rule 18). */
      readonly ref: string
      readonly permanent: boolean
      readonly error: PlainError | undefined
    }

export interface Ledger {
  apply(key: string, event: LedgerEvent): Promise<void>
  /** The state of a key now; the empty one when nothing is known. */
  read(key: string): Promise<DocumentState>
  /** The verdict on a command, as soon as there is one. Undefined: no such command is known. */
  settled(key: string, id: string, signal?: Signal): Promise<Verdict | undefined>
  /** How the save of this name ends. Undefined: no such save is known. */
  finished(key: string, name: string, signal?: Signal): Promise<SaveOutcome | undefined>
  /** The documents that are listed as open (`session.ts`). */
  open(): Promise<OpenDocuments>
  close(): Promise<void>
}

/** A document that is listed as open, its state and the time of the ledger, ms since the epoch. */
export interface OpenDocument {
  readonly key: string
  readonly state: DocumentState
  readonly now: number
}

export interface OpenDocuments {
  /** How many there are about. */
  readonly count: number
  /** Each once, read as they are asked for; what opens or closes meanwhile is there or is not. */
  readonly documents: AsyncIterable<OpenDocument>
}

/** What a ledger does about an effect. It must not throw. */
export type Perform = (key: string, effect: Effect) => void
