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
  const session = state.session !== undefined
  // Rules 6 and 9: those edits are not known to be in storage, however long the document stays open.
  const standing = session ? standingFailures(state) : []
  const lost = session ? newestLost(state) : []
  const commands = keep(
    state.commands,
    (command) => isFinished(state, command),
    (command) =>
      command.settled === undefined || command.settled.at > oldest || lost.includes(command),
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

/**
 * The newest request whose save never came, and the newest of unknown fate: what makes up for these
 * makes up for those before them.
 */
function newestLost(state: DocumentState): readonly (Command | undefined)[] {
  const unfinished = state.commands.filter(
    (command) => command.settled !== undefined && !isFinished(state, command),
  )
  return (['pending', 'expired'] as const).map((kind) =>
    unfinished.findLast((command) => fateOfCommand(state, command).kind === kind),
  )
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
