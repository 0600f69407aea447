/** What a key's state no longer needs. Everything expires, but a doubt stays (11.5). */
import { digestOf, without } from './digest.js'
import { isOutstanding, leaveDoubts } from './doubt.js'
import { standingFailures } from './failure.js'
import { isOpen, type Command, type DocumentState, type Rules, type Save } from './state.js'

/** Finished commands, and finished saves, that a key remembers at the most. */
const FINISHED_KEPT = 64
const NOTHING: readonly never[] = []

/** Drops what is older than the retention time, and finished entries beyond the newest. */
export function forget(state: DocumentState, now: number, rules: Rules): DocumentState {
  const oldest = now - rules.retention
  const dropped = surplusCommands(state, oldest)
  const gone = surplusSaves(state, oldest)
  if (dropped.length === 0 && gone.length === 0) return state
  return leaveDoubts(
    {
      ...state,
      commands:
        dropped.length === 0
          ? state.commands
          : state.commands.filter((command) => !dropped.includes(command)),
      saves: without(state.saves, gone),
    },
    dropped.filter((command) => isOutstanding(state, command)),
  )
}

function surplusCommands({ commands }: DocumentState, oldest: number): readonly Command[] {
  let done = 0
  let old = false
  for (const { settled, answer } of commands) {
    if (settled === undefined) continue
    if (settled.at <= oldest) old = true
    if (answer !== undefined || settled.at <= oldest) done += 1
  }
  if (done <= FINISHED_KEPT && !old) return NOTHING
  const isOld = ({ settled }: Command): boolean => settled !== undefined && settled.at <= oldest
  // An answer that is still to come must find it.
  const isDone = (command: Command): boolean =>
    command.settled !== undefined && (command.answer !== undefined || isOld(command))
  return surplus(commands.filter(isDone), isOld)
}

function surplusSaves(state: DocumentState, oldest: number): readonly Save[] {
  const { saves, turn } = state
  const { waiting, running, last, firstEnd } = digestOf(saves)
  const most = saves.length - waiting - running - (last === undefined ? 0 : 1)
  if (most <= FINISHED_KEPT && firstEnd > oldest) return NOTHING
  const standing = standingFailures(state)
  // What has ended in this turn is still to be reported to those who wait for it. The newest file is
  // what the order of the next one goes by (3.2).
  const isDone = (save: Save): boolean =>
    save.done !== undefined &&
    save.done.turn < turn &&
    save !== last &&
    !isOpen(save) &&
    !standing.includes(save)
  return surplus(saves.filter(isDone), ({ done }) => done !== undefined && done.at <= oldest)
}

/** Of what is done: what is old, or before the newest so many. */
function surplus<Entry>(
  done: readonly Entry[],
  isOld: (entry: Entry) => boolean,
): readonly Entry[] {
  const many = done.length - FINISHED_KEPT
  return done.filter((entry, index) => index < many || isOld(entry))
}

/** Whether nothing has happened for the retention time. */
export const isIdle = (state: DocumentState, now: number, rules: Rules): boolean =>
  state.touchedAt + rules.retention <= now
