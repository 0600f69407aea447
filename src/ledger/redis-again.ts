/**
 * What a process that has died, or has lost Redis for a moment, may have left undone. Whoever waits for
 * the key does it: each of these may be done twice without harm.
 */
import { askFor } from '../settlement/machine.js'
import { runnableOf } from '../settlement/order.js'
import type { Effect } from '../settlement/event.js'
import type { DocumentState } from '../settlement/state.js'

/** Whether there is anything that could be left undone. */
export const isUnderWay = ({ saves, asking }: DocumentState): boolean =>
  asking !== undefined || saves.some(({ phase }) => phase === 'running')

/** `since`: what was begun after that is still being done, ms since the epoch. */
export function leftUndone(state: DocumentState, since: number): Effect[] {
  const { saves, asking } = state
  const effects: Effect[] = []
  // Sequence numbers are made of the time.
  const late = saves.find(({ phase, sequence = 0 }) => phase === 'running' && sequence < since)
  const save = late && runnableOf(late)
  if (save !== undefined) effects.push({ type: 'run', save })
  // Once its command is registered, its answer is awaited (`docs/settlement.md` 8.3).
  if (asking !== undefined && asking.id === undefined && asking.at < since) {
    effects.push(askFor(asking.what, { ...state, turn: asking.turn }))
  }
  return effects
}
