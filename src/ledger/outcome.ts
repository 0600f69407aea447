/** What both ledgers tell those who wait. */
import { DocsError } from '../errors.js'
import type { SaveOutcome } from './ledger.js'
import { isOpen, type DocumentState } from '../settlement/state.js'

/** How the save of this name has ended, if it has and is known. */
export function saveOutcome(
  { saves }: DocumentState,
  name: string,
): SaveOutcome | 'unknown' | 'pending' {
  const save = saves.find((other) => other.name === name)
  if (save === undefined) return 'unknown'
  // Asked for again (`docs/settlement.md` 12.1): this delivery has ended.
  if (isOpen(save) && save.phase !== 'doubtful') return 'pending'
  const { ref } = save
  return save.phase === 'stored'
    ? { phase: 'stored', ref }
    : { phase: 'failed', ref, permanent: save.permanent === true, error: save.error }
}

/** `key`: of the call that was under way, where it has one. */
export function closedError(key?: string): DocsError {
  return new DocsError(
    'CLOSED',
    'docs.close() was called; make a new one with createDocs()',
    key === undefined ? {} : { key },
  )
}
