/** What the calls resolve with, and how a verdict becomes it. */
import type { Verdict } from './settlement/event.js'
import type { Doubt, Trigger } from './settlement/state.js'

/**
 * How `forcesave()` resolves. `saved`: every edit that the Docs server had received before the call
 * is in a file that `onSave` has stored. `unchanged`: it held no edit that was not already stored
 * (`no-changes`), or nothing is open under this key (`not-open`).
 */
export type ForcesaveResult<Stored = unknown> =
  | {
      /** The edits are in a file that `onSave` has stored. */
      outcome: 'saved'
      /** The document key. */
      key: string
      /** The application's name for the file, where the call was about `{ ref }` or the key is one of `open()`. */
      ref?: string
      /**
       * What `onSave` returned, as JSON: a Date has become a string, `undefined` is null. Also null where it was
       * no JSON, or too long.
       */
      stored: Stored
      /** Whether it was the final save: the last editor has left. */
      final: boolean
      /** What made the Docs server save. It may be another save than the one that the call asked for. */
      trigger: Trigger
      /** When the last edit in it was made, in whole seconds. */
      lastSave: Date | undefined
      /** The file's type, `docx` for example. */
      filetype: string | undefined
      /** Ids of the users whose edits it holds. */
      users: readonly string[]
      /** As given to the call. */
      userdata: string | undefined
      /**
       * True: a proof from after the call says so (`docs/settlement.md`, rules 4 to 6; with `otherSaves: false`
       * also 7.3). False: no proof was found, and `doubt` says what could make the result wrong.
       */
      certain: boolean
      /** Set if `certain` is false. `docs/reference.md`, "Doubts", says what each means and what to do. */
      doubt?: Doubt
    }
  | {
      /** There was no edit that is not already stored. */
      outcome: 'unchanged'
      /** The document key. */
      key: string
      /** The application's name for the file, where the call was about `{ ref }` or the key is one of `open()`. */
      ref?: string
      /** `not-open`: the Docs server knows no open document under this key (`docs/docs-server.md`, error 1). */
      reason: 'no-changes' | 'not-open'
      /** As with `saved`. */
      certain: boolean
      /** As with `saved`. */
      doubt?: Doubt
    }

/** Who edits a document. */
export interface InfoResult {
  /** The document key. */
  key: string
  /** The application's name for the file, where the call was about `{ ref }` or the key is one of `open()`. */
  ref?: string
  /**
   * `closed`: nobody edits, and the Docs server holds no edit that is not acknowledged. `editing` with an empty
   * `users`: nobody edits, and it does hold such edits, while a final save is on its way for example.
   */
  status: 'editing' | 'closed'
  /** Ids of the users who edit. */
  users: readonly string[]
}

export function forcesaveResult(key: string, verdict: Verdict): ForcesaveResult {
  switch (verdict.outcome) {
    case 'saved': {
      const { outcome, stored, final, trigger, lastSave, filetype, users, userdata, certain } =
        verdict
      const date = lastSave === undefined ? undefined : new Date(lastSave)
      return {
        outcome,
        key,
        stored,
        final,
        trigger,
        lastSave: date,
        filetype,
        users,
        userdata,
        certain,
        ...doubtOf(verdict),
      }
    }
    case 'unchanged': {
      const { outcome, reason, certain } = verdict
      return { outcome, key, reason, certain, ...doubtOf(verdict) }
    }
    default:
      throw new TypeError(`a forcesave does not end as ${verdict.outcome}`)
  }
}

const doubtOf = (verdict: Verdict): { doubt?: Doubt } =>
  'doubt' in verdict ? { doubt: verdict.doubt } : {}

export function infoResult(key: string, verdict: Verdict): InfoResult {
  if (verdict.outcome !== 'info') throw new TypeError(`an info does not end as ${verdict.outcome}`)
  return { key, status: verdict.status, users: verdict.users }
}
