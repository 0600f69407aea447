/**
 * The port behind which saves are run. The ledger hands over one save per key at a time
 * (`settlement.md` 3); a queue runs those of different keys side by side, tries a failed one again,
 * and reports how each ended.
 */
import type { RunnableSave } from '../settlement/event.js'

export interface SaveQueue {
  /** Takes a save to run. Adding one that is already there changes nothing. */
  add: (key: string, save: RunnableSave) => void
  /** Takes no more, and resolves when what is running has ended or was told to. */
  close: () => Promise<void>
}

/** Runs one attempt and resolves with what `onSave` returned, as JSON. */
export type RunSave = (
  key: string,
  save: RunnableSave,
  attempt: number,
  signal: AbortSignal,
) => Promise<unknown>

export interface SaveReport {
  stored: (key: string, save: RunnableSave, result: unknown) => Promise<void>
  failed: (key: string, save: RunnableSave, error: unknown, attempts: number) => Promise<void>
}

/** Pauses between attempts, in ms: 0.25 s, 1 s, 4 s, and so on. */
export const retryPause = (attempt: number): number => 250 * 4 ** (attempt - 1)
