/** What BullMQ is given of a save. */
import type { RunnableSave } from '../settlement/event.js'

/**
 * What a job holds: readable in any dashboard, small, and without the callback, whose links open the file
 * to whoever sees them. The worker takes that from the ledger.
 */
export interface SaveJob {
  key: string
  ref: string
  status: number
  trigger: string
  /** As `save.lastSave`. */
  lastSave?: string
  /** The save's name. */
  save: string
  sequence: number
}

export function jobOf(
  key: string,
  { name, sequence, status, trigger, lastSave, payload }: RunnableSave,
): SaveJob {
  const time = lastSave === undefined ? {} : { lastSave: new Date(lastSave).toISOString() }
  return { key, ref: payload.ref, status, trigger, ...time, save: name, sequence }
}

/** A name may run again after it has failed: each run is a job of its own. */
export const jobIdOf = (save: string, sequence: number): string => `${save}-${sequence}`
