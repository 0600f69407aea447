/** Rule 10: saves that failed. */
import type { PlainError } from '../errors.js'
import { digestOf } from './digest.js'
import { contains } from './order.js'
import { isFinal, type DocumentState, type Save } from './state.js'

/** A final save that failed is sent again by the Docs server, unless it can never succeed. */
export const comesAgain = (save: Save): boolean =>
  save.status === 2 &&
  save.trigger !== 'forgotten' &&
  save.phase === 'failed' &&
  save.permanent !== true

/** 10.4: what failed and stands, the newest last. */
export function standingFailures(state: DocumentState): readonly Save[] {
  const { failed } = digestOf(state.saves)
  if (failed.length === 0) return failed
  const failures = failed.filter(
    ({ discarded, turn }) => discarded !== true && turn >= state.proven,
  )
  if (failures.length === 0) return failures
  const stored = state.saves.filter(({ phase }) => phase === 'stored')
  return failures.filter((failure) => !stored.some((save) => heals(save, failure)))
}

/** Whether what failed is in what is stored. Where only clocks say so, it does not fail a call. */
export function heals(stored: Save, failure: Save): boolean {
  if (contains(stored, failure)) return true
  if (isFinal(stored) && stored.turn > failure.turn) return true
  return (
    stored.lastSave !== undefined &&
    failure.lastSave !== undefined &&
    stored.lastSave > failure.lastSave
  )
}

/** 8.5: a conversion that failed makes the Docs server answer 3 until somebody edits again. */
export const conversionFailure = (standing: readonly Save[]): PlainError | undefined =>
  standing.findLast(({ status }) => status === 3 || status === 7)?.error
