/** What can happen to a document key, and what is to be done about it. Plain JSON, as the state is. */
import type { PlainError } from '../errors.js'
import type { FailureStatus, SaveStatus } from '../protocol/callback.js'
import type { Answer, Command, Presence, SaveFacts, SavePayload, Trigger } from './state.js'

/** A save as it arrives: a callback 2, 3, 6 or 7, or a forgotten file (as a 2). */
export interface Arrival {
  /** Rule 2. */
  readonly name: string
  readonly status: SaveStatus | FailureStatus
  readonly trigger: Trigger
  /** ms since the epoch, in whole seconds. */
  readonly lastSave?: number
  /** The command id in its userdata, if there is one of our form. */
  readonly commandId?: string
  readonly markedReplay: boolean
  /** The same for the same bytes only: the Docs server signs a new link each time it sends a save. */
  readonly message?: string
  /** By whose leaving a final save was made. */
  readonly left?: readonly string[]
  readonly facts: SaveFacts
  readonly payload: SavePayload
  /** Why it cannot be stored at all: a failed conversion, or a link that is not the Docs server's. */
  readonly failure?: PlainError
}

/** Everything that can happen to a key. */
export type LedgerEvent =
  | {
      readonly type: 'registered'
      readonly id: string
      readonly kind: Command['kind']
      /** Infinity: none. */
      readonly deadline: number
      readonly userdata?: string
    }
  | { readonly type: 'answered'; readonly id: string; readonly answer: AnswerFacts }
  | {
      readonly type: 'presence'
      readonly status: 1 | 4
      readonly users: readonly string[]
      /** Who connected or disconnected: nobody in the callback of an info. */
      readonly joined: readonly string[]
      readonly left: readonly string[]
      readonly commandId?: string
      readonly ref?: string
    }
  | { readonly type: 'arrived'; readonly save: Arrival }
  | {
      /** The run of `onSave` with this sequence number has ended: may come twice, and late. */
      readonly type: 'stored'
      readonly name: string
      readonly sequence: number
      readonly stored: unknown
    }
  | {
      readonly type: 'failed'
      readonly name: string
      readonly sequence: number
      readonly error: PlainError
      readonly permanent: boolean
    }
  | { readonly type: 'discarded'; readonly name: string }
  | {
      /** The search of rule 8 has ended: a file that then arrives, nothing, or a failure. */
      readonly type: 'searched'
      readonly id: string
      readonly save?: Arrival
      readonly failure?: PlainError
    }
  | {
      /** `recover()` has found a forgotten file: `forgotten.ts` decides whether it arrives. */
      readonly type: 'found'
      readonly since: number
      readonly vouched: boolean
      readonly save: Arrival
    }
  | {
      /** What the info of rules 6 and 7 told about who edits. */
      readonly type: 'looked'
      readonly id: string
      readonly presence: Presence['status'] | 'unknown'
    }
  | { readonly type: 'tick' }

export type AnswerFacts = Pick<Answer, 'error' | 'failure' | 'neverArrived' | 'users'>

/** How a command ended. `rule` is the number in `settlement.md` that decided. */
export type Verdict =
  | {
      readonly outcome: 'saved'
      readonly rule: number
      readonly certain: boolean
      /** The name of the save that it rests on (rule 2); verdicts kept by older versions have none. */
      readonly save?: string
      readonly final: boolean
      readonly trigger: Trigger
      readonly lastSave?: number
      readonly filetype?: string
      readonly users: readonly string[]
      readonly userdata?: string
      readonly stored: unknown
    }
  | {
      readonly outcome: 'unchanged'
      readonly rule: number
      readonly certain: boolean
      readonly reason: 'no-changes' | 'not-open'
    }
  | { readonly outcome: 'failed'; readonly rule: number; readonly error: PlainError }
  | ({ readonly outcome: 'info'; readonly rule: number } & Presence)

/** What is to be done about an event. Each may be done twice without harm. */
export type Effect =
  | { readonly type: 'run'; readonly save: RunnableSave }
  | {
      readonly type: 'settle'
      readonly id: string
      readonly kind: Command['kind']
      readonly verdict: Verdict
    }
  | { readonly type: 'late'; readonly id: string }
  | { readonly type: 'nudge' }
  | { readonly type: 'misdirected'; readonly ref: string }
  | { readonly type: 'look'; readonly id: string }
  | { readonly type: 'search'; readonly id: string; readonly ref?: string }

/** A save on its way to `onSave`. */
export interface RunnableSave {
  readonly name: string
  readonly sequence: number
  readonly status: SaveStatus
  readonly trigger: Trigger
  readonly lastSave?: number
  readonly payload: SavePayload
}
