/**
 * What the inspector keeps: one thing that happened in this process. Plain JSON, safe to show. The page
 * reads these types, too, so nothing of Node is in them.
 */
import type { Verdict } from '../settlement/event.js'
import type { Doubt, Trigger } from '../settlement/state.js'
import type { CommandName } from '../protocol/command.js'
import type { TurnedAwayCode } from '../protocol/reject-code.js'

/** A sentence; `{0}`, `{1}` … stand for the times, ms since the epoch, which a reader's zone words. */
export interface Sentence {
  readonly text: string
  readonly times: readonly number[]
}

/** A failure in words: the code of a `DocsError`, or the name of another error. */
export interface Failure {
  readonly code: string
  readonly message: string
}

/** The fields of a command, response or callback, made safe by `safe.ts`. */
export type SafeBody = Readonly<Record<string, unknown>>

/** `id` is that of a command outside of this package: the same in its call, callback and verdict. */
export type Happening =
  /** The application calls; `call` counts the calls. */
  | { type: 'call'; call: number; name: string; key?: string; id?: string }
  | { type: 'call-ended'; call: number; key?: string; outcome?: string; failure?: Failure }
  /** A request leaves; `own`: no call of the application has asked for it. */
  | {
      type: 'command'
      command: number
      name: CommandName
      key?: string
      id?: string
      own: boolean
      body: SafeBody
    }
  /** `error: null`: no answer of a Docs server came; `sent: false`: nor did the request leave. */
  | {
      type: 'response'
      command: number
      key?: string
      error: number | null
      sent: boolean
      body: SafeBody
      failure?: Failure
    }
  /** Verified and understood; `callback` counts them. */
  | {
      type: 'callback'
      callback: number
      key: string
      ref: string
      status: number
      id?: string
      save?: string
      body: SafeBody
    }
  | { type: 'reply'; callback: number; key: string; status: number; error: 0 | 1 }
  /** Turned away, or taken and not acted upon; with `key` it is about a verified callback. */
  | {
      type: 'rejected'
      code: TurnedAwayCode
      status: number
      reason: string
      advice: string
      key?: string
      ref?: string
    }
  /** A run of `onSave` begins. */
  | {
      type: 'saving'
      key: string
      ref: string
      save: string
      trigger: Trigger
      attempt: number
    }
  /** It is over, and with a `failure` it has failed. */
  | { type: 'ran'; key: string; save: string; failure?: Failure }
  /** `onSave` has failed, after its retries. */
  | { type: 'save-failed'; key: string; save: string; permanent: boolean }
  | {
      type: 'verdict'
      key: string
      id: string
      kind: 'forcesave' | 'info'
      outcome: Verdict['outcome']
      rule: string
      certain?: boolean
      doubt?: Doubt
      why: Sentence
    }
  /** A save for a command that had its verdict already. */
  | { type: 'late'; key: string; id: string }

/** `n` counts what happened; `at` is ms since the epoch. */
export type Entry = { readonly n: number; readonly at: number } & Happening
