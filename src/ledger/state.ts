/**
 * What is known about one document key: its commands, its saves, who edits. Plain JSON, so that it
 * can live in a Map or in Redis alike. Only `document.ts` makes a new one from an old one.
 */
import type { PlainError } from '../errors.js'
import type { SaveStatus, FailureStatus } from '../protocol/callback.js'

/** What made the Docs server save. */
export type Trigger = 'command' | 'button' | 'timer' | 'form' | 'close' | 'forgotten'

/** Numbers of `settlement.md`, in ms. */
export interface Rules {
  /** Whether others may save too: button, timer, form, another application (rule 6). */
  readonly otherSaves: boolean
  /** How long a save that nobody told us about is waited for (rules 6, 7, 13). */
  readonly grace: number
  /** How long an accepted command goes without a callback before it is helped (rule 14). */
  readonly nudgeAfter: number
  /** How long settled commands and finished saves are remembered. */
  readonly retention: number
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
  /** A nudge is a forcesave of our own (rule 14). */
  readonly kind: 'forcesave' | 'nudge' | 'info'
  /** The turn in which it was registered. */
  readonly turn: number
  /** Absent: none. */
  readonly deadline?: number
  /** The application's own. */
  readonly userdata?: string
  readonly answer?: Answer
  /** What the callback of an info told (rule 16). */
  readonly presence?: Presence
  /** End of the grace period, once one has begun (rules 6 and 7). */
  readonly graceUntil?: number
  /** End of the grace period after a callback 4 (rule 13). */
  readonly closedUntil?: number
  /** Rule 8: the turn in which the search for a forgotten file ended, and why it failed. */
  readonly searched?: {
    readonly turn: number
    /** A file was found that may be older than what is stored, and was left where it is. */
    readonly outdated: boolean
    readonly failure?: PlainError
  }
  /** Rule 10: the name of the replayed save whose fate it shares. */
  readonly shares?: string
  /** Rules 6 and 7: what an `info` that was sent after its answer told about who edits. */
  readonly looked?: { readonly at: number; readonly presence: Presence['status'] | 'unknown' }
  readonly nudges: number
  /** The turn in which a request without an answer ran out of time. */
  readonly expired?: number
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

export interface Save {
  readonly name: string
  /** The file that it belongs to (rule 18). */
  readonly ref: string
  readonly status: SaveStatus | FailureStatus
  readonly trigger: Trigger
  /** First and last arrival. A final save of the session before counts as having come before this one. */
  readonly turn: number
  readonly lastTurn: number
  /** It may be of the session before: for commands registered after this turn it is not certain. */
  readonly doubtFrom?: number
  readonly at: number
  readonly lastSave?: number
  readonly facts: SaveFacts
  /** The command that it was made for, when that is a command of this key. */
  readonly by?: { readonly id: string; readonly turn: number; readonly answered?: number }
  readonly phase: 'waiting' | 'running' | 'stored' | 'failed'
  readonly done?: { readonly turn: number; readonly at: number }
  /** Given when it is handed to `onSave`; grows per key (rule 3). */
  readonly sequence?: number
  readonly error?: PlainError
  /** The application has let the Docs server throw its edits away. */
  readonly discarded?: boolean
  /** It failed and will not succeed when it is tried again. */
  readonly permanent?: boolean
  /** What `onSave` returned, as JSON. */
  readonly stored?: unknown
  /** The newer stored save that made it stale (rule 3). */
  readonly staleBy?: string
  /** Rule 10: how often it was replayed, and the forcesaves unanswered at those times. */
  readonly replays: number
  readonly candidates: readonly string[]
  /** In which messages it has come: one of them again is an echo of the network's, or an attack. */
  readonly messages?: readonly string[]
  readonly payload?: SavePayload
}

/** One at a time per key; it serves all commands that were answered before it began. */
export interface Question {
  /** The command that it is asked for. */
  readonly id: string
  readonly turn: number
  readonly at: number
}

/** A document that is open by what was told of it (`session.ts`). No verdict rests on this. */
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

export interface DocumentState {
  readonly turn: number
  /** The sequence number given last. */
  readonly sequence: number
  /**
   * Who edits, by the last callback; null while no callback has told. Empty only after a close: an
   * info's 4 says that nobody edits now, and not that nothing is being saved.
   */
  readonly users: readonly string[] | null
  /** The turn in which somebody connected last. */
  readonly joined: number
  readonly joinedAt: number
  /** The turn in which the present session began. */
  readonly began?: number
  /** Who was in the one before, when its end was not told; until when that may still come, ms. */
  readonly untold?: { readonly users: readonly string[]; readonly until: number }
  /** The application's name for the file, by the first callback (rule 18). */
  readonly ref?: string
  readonly session?: Session
  /** An `info` of ours under way (rules 6 and 7), and a search for a forgotten file (8). */
  readonly look?: Question
  readonly search?: Question
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
  commands: [],
  saves: [],
  touchedAt: 0,
}

export const isFinal = (save: Pick<Save, 'status'>): boolean =>
  save.status === 2 || save.status === 3

/** A final save of the session before the one that it has arrived in (rule 5). */
export const isOvertaken = ({ turn, lastTurn }: Save): boolean => lastTurn < turn

/** Arrived, and neither stored nor failed. */
export const isOpen = (save: Save): boolean => save.phase === 'waiting' || save.phase === 'running'
