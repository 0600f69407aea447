/**
 * What is known about one document key: its commands, its saves, who edits, what is in doubt. Plain
 * JSON, so that it can live in a Map or in Redis alike. Only `machine.ts` makes a new one from an old one.
 */
import type { PlainError } from '../errors.js'
import type { FailureStatus, SaveStatus } from '../protocol/callback.js'

/** What made the Docs server save. */
export type Trigger = 'command' | 'button' | 'timer' | 'form' | 'close' | 'forgotten'

/**
 * How a save stands to what is stored of its key (`docs/settlement.md` 3): `newest`, or `unknown` where
 * nothing proves which of them is the newer, or `older` for what is contained in a stored file.
 */
export type Order = 'newest' | 'unknown' | 'older'

/** The options that the rules go by, ms. */
export interface Rules {
  /** Whether others may save too: button, timer, form, another application (7). */
  readonly otherSaves: boolean
  /** How long a save that nobody told us about is waited for (7.4). */
  readonly grace: number
  /** How long an accepted command goes without a callback before it is asked about (8.4). */
  readonly nudgeAfter: number
  /** How long settled commands and finished saves are remembered. */
  readonly retention: number
  /** Whether `onSave` gets saves that are contained in a stored file, too (3.3). */
  readonly olderSaves: boolean
}

/** What became of a command's request. */
export interface Answer {
  readonly turn: number
  readonly at: number
  /** The response's `error`; null when there was no usable response. */
  readonly error: number | null
  /** Why there was none. */
  readonly failure?: PlainError
  /** Whether the request certainly did not reach the Docs server. */
  readonly neverArrived?: boolean
  /** `users` of an info's response. */
  readonly users?: readonly string[]
}

/** Turns count the events of a key: "before" and "after" in the rules compare turns, not clocks. */
export interface Command {
  readonly id: string
  readonly kind: 'forcesave' | 'info'
  /** Sent by this package to learn something (8). Nobody waits for its verdict. */
  readonly own?: true
  /** The ledger had lost it, so its turn says nothing about what came before (4.2). */
  readonly again?: true
  /** The turn in which it was registered. */
  readonly turn: number
  readonly at: number
  /** Absent: none. */
  readonly deadline?: number
  /** The application's own. */
  readonly userdata?: string
  readonly answer?: Answer
  /** What the callback of an info said. */
  readonly presence?: Presence
  /** End of the grace period, once it has begun (7.4). */
  readonly graceUntil?: number
  /** How often it was asked about, and the turn of the last time (8.4). */
  readonly round?: { readonly count: number; readonly turn: number }
  readonly settled?: { readonly turn: number; readonly at: number }
}

export interface Presence {
  readonly status: 'editing' | 'closed'
  readonly users: readonly string[]
}

/** What `onSave` needs to know of a save; dropped from the state once the save is stored. */
export interface SavePayload {
  /** The application's name for the file, as the callback URL bore it. */
  readonly ref: string
  /** The application's own userdata, unwrapped. */
  readonly userdata: unknown
  /** The verified callback as it came, without its token. */
  readonly body: Readonly<Record<string, unknown>>
}

/** The facts of a save that a result tells. */
export interface SaveFacts {
  readonly filetype: string | undefined
  readonly users: readonly string[]
}

/** What the order of saves goes by (3). */
export interface Age {
  /** `lastsave`, ms since the epoch, where it is the time of an edit (3.4). */
  readonly lastSave?: number
  /** A hash for each beginning of `history.changes`, so that one list is seen to begin another. */
  readonly changes?: readonly string[]
  /** `notmodified`: nothing has changed since the last forced save that was acknowledged. */
  readonly notModified?: true
}

export interface Save extends Age {
  readonly name: string
  /** The file that it belongs to (17). */
  readonly ref: string
  readonly status: SaveStatus | FailureStatus
  readonly trigger: Trigger
  /** First and last arrival. */
  readonly turn: number
  readonly lastTurn: number
  readonly at: number
  readonly facts: SaveFacts
  /** The turn in which a forced save was sent again, or was marked as sent again, last (10.5). */
  readonly replayed?: number
  /** A final save by whose leaver, as the callbacks tell it, nobody was left. */
  readonly lastWord?: true
  /** The command that it was made for, when that is a command of this key. */
  readonly by?: {
    readonly id: string
    readonly turn: number
    readonly answered?: number
    readonly again?: true
  }
  /** It was made for a command that the ledger has lost (3.2). */
  readonly stray?: true
  /** `doubtful`: it is asked for again (12). `dropped`: it did not come again, so it counts as nothing. */
  readonly phase: 'doubtful' | 'waiting' | 'running' | 'stored' | 'failed' | 'dropped'
  readonly done?: { readonly turn: number; readonly at: number }
  /** Given when it is handed to `onSave`; grows per key (3). */
  readonly sequence?: number
  readonly order?: Order
  readonly error?: PlainError
  /** The application has let the Docs server throw its edits away. */
  readonly discarded?: true
  /** It failed and will not succeed when it is tried again. */
  readonly permanent?: boolean
  /** What `onSave` returned, as JSON. */
  readonly stored?: unknown
  /** The stored save that holds all of it, so that it was not handed to `onSave` (3.3). */
  readonly within?: string
  /** In which messages it has come: one of them again is an echo of the network's, or an attack. */
  readonly messages: readonly string[]
  readonly payload?: SavePayload
}

/** What the newest `info` said that was heard of (8.1). */
export interface Told {
  /** The turn in which that info was registered: it was sent after that. */
  readonly turn: number
  /** The turn in which it was heard. */
  readonly heard: number
  readonly at: number
  readonly says: 'acknowledged' | 'editing' | 'held' | 'unknown-key' | 'nothing'
  readonly users: readonly string[]
  /** How often the infos before said the same. */
  readonly times: number
}

/** What the last search for a forgotten file found (13). */
export interface Searched {
  /** The turn in which it was begun. */
  readonly turn: number
  readonly at: number
  readonly found: 'nothing' | 'file' | 'left' | 'unsupported' | 'failed'
  readonly failure?: PlainError
  /** How often in a row it failed. */
  readonly times: number
}

/** A question under way: one at a time per key serves all that wait (8.3). */
export interface Question {
  readonly what: 'info' | 'forcesave' | 'search'
  readonly turn: number
  readonly at: number
  /** The command that asks it, once that is registered. */
  readonly id?: string
}

/** A document that is open by what was told of it (`open-documents.ts`). No verdict rests on this. */
export interface Session {
  readonly since: number
  /** When, and in which turn, the Docs server said last that somebody edits. */
  readonly heard: number
  readonly turn: number
  readonly users: readonly string[]
  /** When somebody came of whom it seems that a close before that has not been told. */
  readonly reopened?: number
  /** Since when it may have ended. */
  readonly doubted?: number
}

/**
 * Why a result is not certain (`docs/settlement.md` 11). `docs/reference.md`, "Doubts", says what to do about each.
 */
export type Doubt =
  | 'others-may-save'
  | 'docs-server-may-have-restarted'
  | 'editors-unknown'
  | 'request-unanswered'
  | 'save-outstanding'
  | 'order-unknown'
  | 'ledger-lost'
  | 'forgotten-file-left'
  | 'forgotten-files-unknown'

export interface DocumentState {
  readonly turn: number
  /** The sequence number given last. */
  readonly sequence: number
  /** Who edits, by the callbacks that say who came and left; null while none has come. */
  readonly users: readonly string[] | null
  /** The turn in which somebody connected last. */
  readonly joined: number
  readonly joinedAt: number
  /** The turn in which a callback said last that somebody connected or disconnected, but for a final save. */
  readonly cameOrLeft?: number
  /** The turn in which a session was last said to have ended, or a final save has ended. */
  readonly ended: number
  /** Everything received before this turn is proven to be stored (4 to 6). */
  readonly proven: number
  /** A proof from after this turn is needed before anything is certain by 7 (11). */
  readonly doubt?: { readonly turn: number; readonly why: Doubt }
  /** A request may reach the Docs server at any time, and nothing but its own save can tell (11.3). */
  readonly unanswered?: true
  /** Whether it is known what was stored of this key before (3.2). */
  readonly known: boolean
  /** `lastsave` has contradicted what is known to be the order: it is not gone by any more (3.4). */
  readonly clockStepped?: true
  /** The application's name for the file, by the first callback (17). */
  readonly ref?: string
  readonly session?: Session
  readonly told?: Told
  readonly searched?: Searched
  readonly asking?: Question
  /** In order of registration. */
  readonly commands: readonly Command[]
  /** In order of first arrival. */
  readonly saves: readonly Save[]
  readonly touchedAt: number
}

export const emptyDocument: DocumentState = {
  turn: 0,
  sequence: 0,
  users: null,
  joined: 0,
  joinedAt: 0,
  ended: 0,
  proven: 0,
  known: false,
  commands: [],
  saves: [],
  touchedAt: 0,
}

export const isFinal = ({ status }: Pick<Save, 'status'>): boolean => status === 2 || status === 3

/** Arrived, and neither stored nor failed. */
export const isOpen = ({ phase }: Pick<Save, 'phase'>): boolean =>
  phase === 'waiting' || phase === 'running' || phase === 'doubtful'

/** In a file that `onSave` has stored under its own number. */
export const isWritten = ({ phase, within }: Save): boolean =>
  phase === 'stored' && within === undefined

/** The same users, in whatever order and however often. */
export const isSame = (left: readonly string[], right: readonly string[]): boolean =>
  left.every((id) => right.includes(id)) && right.every((id) => left.includes(id))
