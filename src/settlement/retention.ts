/** What a key's state no longer needs. Everything expires, but a doubt stays (11.5). */
import { isOutstanding, leaveDoubts } from './doubt.js'
import { standingFailures } from './failure.js'
import {
  isOpen,
  lastWritten,
  type Command,
  type DocumentState,
  type Rules,
  type Save,
} from './state.js'

/** Finished commands, and finished saves, that a key remembers at the most. */
const FINISHED_KEPT = 64

/** Drops what is older than the retention time, and finished entries beyond the newest. */
export function forget(state: DocumentState, now: number, rules: Rules): DocumentState {
  const oldest = now - rules.retention
  const { commands, saves } = state
  const dropped = surplus(
    commands,
    ({ settled }: Command) => settled?.at,
    // An answer that is still to come must find it.
    (command) => command.settled !== undefined && (command.answer !== undefined || isOld(command)),
  )
  const last = lastWritten(saves)
  const standing = standingFailures(state)
  const gone = surplus(
    saves,
    ({ done }: Save) => done?.at,
    // What has ended in this turn is still to be reported to those who wait for it. The newest file is
    // what the order of the next one goes by (3.2).
    (save) =>
      save !== last &&
      !isOpen(save) &&
      save.done !== undefined &&
      save.done.turn < state.turn &&
      !standing.includes(save),
  )
  if (dropped.length === 0 && gone.length === 0) return state
  const without = {
    ...state,
    commands: commands.filter((command) => !dropped.includes(command)),
    saves: saves.filter((save) => !gone.includes(save)),
  }
  return leaveDoubts(
    without,
    dropped.filter((command) => isOutstanding(state, command)),
  )

  function isOld({ settled }: Command): boolean {
    return settled !== undefined && settled.at <= oldest
  }

  function surplus<Entry>(
    entries: readonly Entry[],
    endOf: (entry: Entry) => number | undefined,
    isDone: (entry: Entry) => boolean,
  ): Entry[] {
    if (
      entries.length <= FINISHED_KEPT &&
      !entries.some((entry) => (endOf(entry) ?? now) <= oldest)
    )
      return []
    const done = entries.filter(isDone)
    const many = done.length - FINISHED_KEPT
    return done.filter((entry, index) => index < many || (endOf(entry) ?? now) <= oldest)
  }
}

/** Whether nothing has happened for the retention time. */
export const isIdle = (state: DocumentState, now: number, rules: Rules): boolean =>
  state.touchedAt + rules.retention <= now
