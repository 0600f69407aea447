/** What the calls resolve with, and how a verdict becomes it. */
import type { Verdict } from './settlement/event.js'
import type { Doubt, Trigger } from './settlement/state.js'

/**
 * How `forcesave()` ended well. `saved`: every edit that the Docs server had received before the call
 * is in a file that `onSave` has stored. `unchanged`: it held no edit that was not stored already
 * (`no-changes`), or nothing is open under this key (`not-open`).
 */
export type ForcesaveResult =
  | {
      /** The edits are in a file that `onSave` has stored. */
      outcome: 'saved'
      /** The document key, as given. */
      key: string
      /** What `onSave` returned, as JSON. */
      stored: unknown
      /** Whether it was the final save: the last editor has left. */
      final: boolean
      /** What made the Docs server save: it may be another save than the one that was asked for. */
      trigger: Trigger
      /** When the last edit in it was made, in whole seconds. */
      lastSave: Date | undefined
      /** The file's type, `docx` for example. */
      filetype: string | undefined
      /** Ids of the users whose edits it holds. */
      users: readonly string[]
      /** As given to the call. */
      userdata: string | undefined
      /** True: it is proven. False: all that is known speaks for it, and `doubt` says what could make it wrong. */
      certain: boolean
      /** Why it is not certain, where it is not. `docs/reference.md` explains each, under "Doubts". */
      doubt?: Doubt
    }
  | {
      /** There was no edit that is not stored already. */
      outcome: 'unchanged'
      /** The document key, as given. */
      key: string
      /** `not-open`: the Docs server knows no open document under this key (`docs/docs-server.md`, error 1). */
      reason: 'no-changes' | 'not-open'
      /** As with `saved`. */
      certain: boolean
      /** As with `saved`. */
      doubt?: Doubt
    }

/** Who edits a document. */
export interface InfoResult {
  /** The document key, as given. */
  key: string
  /** `closed`: nobody edits (callback status 4; `docs/docs-server.md`, "Commands"). */
  status: 'editing' | 'closed'
  /** Ids of those who edit. */
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
