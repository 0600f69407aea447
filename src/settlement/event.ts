/** What can happen to a document key, and what is to be done about it. Plain JSON, as the state is. */
import type { PlainError } from '../errors.js'
import type { FailureStatus, SaveStatus } from '../protocol/callback.js'
import type {
  Age,
  Answer,
  Command,
  Doubt,
  Order,
  Presence,
  SaveFacts,
  SavePayload,
  Trigger,
} from './state.js'

/** A save as it arrives: a callback 2, 3, 6 or 7, or a forgotten file (as a 2). */
export interface Arrival extends Age {
  /** Rule 2. */
  readonly name: string
  readonly status: SaveStatus | FailureStatus
  readonly trigger: Trigger
  /** The command id in its userdata, if there is one of our form. */
  readonly commandId?: string
  /** Only replays are marked, in the versions that were seen (`docs-server.md`). */
  readonly markedReplay: boolean
  /** The same for the same bytes only: the Docs server signs a new link each time it sends a save. */
  readonly message?: string
  /** By whose leaving a final save was made. */
  readonly left?: readonly string[]
  readonly facts: SaveFacts
  readonly payload: SavePayload
  /** Why it cannot be stored at all: a failed conversion, or a link that leads nowhere. */
  readonly failure?: PlainError
}

/** What a search for a forgotten file has found: a file, why it cannot be had, or nothing. */
export interface SearchResult {
  readonly save?: Arrival
  readonly failure?: PlainError
  /** The Docs server does not know the command. */
  readonly unsupported?: true
  /** The application says that this key is its file's still. */
  readonly vouched?: true
}

/** Everything that can happen to a key. */
export type LedgerEvent =
  | {
      readonly type: 'registered'
      readonly id: string
      readonly kind: Command['kind']
      readonly own?: true
      readonly again?: true
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
      /** The ledger did not take it when it came: something else may have come before it. */
      readonly late?: true
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
  /** `since`: the turn of the question that it answers. */
  | ({ readonly type: 'searched'; readonly since: number } & SearchResult)
  | {
      /** `recover()` has found a forgotten file: `forgotten.ts` decides whether it arrives. */
      readonly type: 'found'
      readonly since: number
      readonly vouched: boolean
      readonly save: Arrival
    }
  /** What the ledger knew may be incomplete: Redis was away and may have lost its last writes (11.4). */
  | { readonly type: 'lost' }
  | { readonly type: 'tick' }

export type AnswerFacts = Pick<Answer, 'error' | 'failure' | 'neverArrived' | 'users'>

/** A result that may be certain: then no doubt is named. */
type Confirmed = { readonly certain: true } | { readonly certain: false; readonly doubt: Doubt }

/** How a command ended. `rule` is the clause of `docs/settlement.md` that decided. */
export type Verdict =
  | ({
      readonly outcome: 'saved'
      readonly rule: string
      /** The name of the save that it rests on (2). */
      readonly save: string
      readonly final: boolean
      readonly trigger: Trigger
      readonly lastSave?: number
      readonly filetype?: string
      readonly users: readonly string[]
      readonly userdata?: string
      readonly stored: unknown
    } & Confirmed)
  | ({
      readonly outcome: 'unchanged'
      readonly rule: string
      readonly reason: 'no-changes' | 'not-open'
    } & Confirmed)
  | { readonly outcome: 'failed'; readonly rule: string; readonly error: PlainError }
  | ({ readonly outcome: 'info'; readonly rule: string } & Presence)

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
  | { readonly type: 'misdirected'; readonly ref: string }
  /** Ask the Docs server by an info or a forcesave of our own (8). */
  | { readonly type: 'ask'; readonly what: 'info' | 'forcesave' }
  /** Look for a forgotten file (13). */
  | { readonly type: 'search'; readonly since: number; readonly ref?: string }

/** A save on its way to `onSave`. */
export interface RunnableSave {
  readonly name: string
  readonly sequence: number
  readonly status: SaveStatus
  readonly trigger: Trigger
  readonly order: Order
  readonly lastSave?: number
  readonly payload: SavePayload
}
