/**
 * What a key's state no longer needs. Everything expires; what is unfinished stays until then.
 */
import { fateOfCommand, standingFailures } from './fate.js'
import { sessionEndsBy } from './session.js'
import { isFinal, isOpen, type Command, type DocumentState, type Rules } from './state.js'

/** Finished commands, and finished saves, that a key remembers at the most. */
const FINISHED_KEPT = 64

/** Drops what is older than the retention time, and finished entries beyond the newest. */
export function forget(state: DocumentState, now: number, rules: Rules): DocumentState {
  const oldest = now - rules.retention
  // Rule 9: its edits are not in storage, however long the document stays open.
  const standing = state.session === undefined ? [] : standingFailures(state)
  const commands = keep(
    state.commands,
    (command) => isFinished(state, command),
    ({ settled }) => settled === undefined || settled.at > oldest,
  )
  const saves = keep(
    state.saves,
    // What has ended in this turn is still to be told to those who wait for it. A final save is never
    // stale (rule 3), so nothing but its name keeps it from being stored again, over newer ones.
    (save) => save.done !== undefined && save.done.turn < state.turn && !isFinal(save),
    (save) =>
      isOpen(save) || save.done === undefined || save.done.at > oldest || standing.includes(save),
  )
  return commands === state.commands && saves === state.saves
    ? state
    : { ...state, commands, saves }
}

/** Settled, and nobody can be waiting for it either (rule 6). */
function isFinished(state: DocumentState, command: Command): boolean {
  if (command.settled === undefined) return false
  if (command.kind === 'info') return true
  const { kind } = fateOfCommand(state, command)
  return kind !== 'pending' && kind !== 'expired'
}

function keep<Entry>(
  entries: readonly Entry[],
  isDone: (entry: Entry) => boolean,
  isFresh: (entry: Entry) => boolean,
): readonly Entry[] {
  const fresh = entries.every(isFresh) ? entries : entries.filter(isFresh)
  if (fresh.length <= FINISHED_KEPT) return fresh
  let surplus = fresh.filter(isDone).length - FINISHED_KEPT
  if (surplus <= 0) return fresh
  return fresh.filter((entry) => !(isDone(entry) && surplus-- > 0))
}

/** Whether nothing has happened for the retention time. */
export const isIdle = (state: DocumentState, now: number, rules: Rules): boolean =>
  state.touchedAt + rules.retention <= now

/** When the whole state may be thrown away, ms since the epoch. */
export const expiresAt = (state: DocumentState, rules: Rules): number =>
  Math.max(state.touchedAt + rules.retention, sessionEndsBy(state.session))
