/**
 * What a process that has died, or has lost Redis for a moment, may have left undone. Whoever waits for
 * the key does it: each of these may be done twice without harm.
 */
import { runnableOf } from './order.js'
import type { Effect } from './event.js'
import type { DocumentState } from './state.js'

/** Whether there is anything that could be left undone. */
export const isUnderWay = ({ saves, look, search }: DocumentState): boolean =>
  look !== undefined || search !== undefined || saves.some(({ phase }) => phase === 'running')

/** `since`: what was begun after that is still being done, ms since the epoch. */
export function leftUndone(state: DocumentState, since: number): Effect[] {
  const { saves, look, search, ref } = state
  const effects: Effect[] = []
  // Sequence numbers are made of the time.
  const late = saves.find(({ phase, sequence = 0 }) => phase === 'running' && sequence < since)
  const save = late && runnableOf(late)
  if (save !== undefined) effects.push({ type: 'run', save })
  if (look !== undefined && look.at < since) effects.push({ type: 'look', id: look.id })
  if (search !== undefined && search.at < since) {
    effects.push({ type: 'search', id: search.id, ...(ref === undefined ? {} : { ref }) })
  }
  return effects
}
