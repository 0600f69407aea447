/**
 * What a command that is answered 4 finds under way (`settlement.md` 6), what became of it, and
 * which failures still stand (9).
 */
import type { PlainError } from '../errors.js'
import {
  isFinal,
  isOpen,
  type Answer,
  type Command,
  type DocumentState,
  type Save,
} from './state.js'

/** What became of something under way, and in which turn. */
export type Fate =
  | { kind: 'pending'; failed?: number }
  | { kind: 'nothing' | 'expired'; turn: number }
  | { kind: 'stored'; turn: number; save: Save }
  | { kind: 'failed'; turn: number; error: PlainError }

const pending: Fate = { kind: 'pending' }

/** A final save that failed is sent again by the Docs server, unless it can never succeed. */
export const comesAgain = (save: Save): boolean =>
  save.status === 2 && save.phase === 'failed' && save.permanent !== true

export function fateOfSave(save: Save): Fate {
  if (isOpen(save) || save.done === undefined) return pending
  if (comesAgain(save)) return { kind: 'pending', failed: save.done.turn }
  if (save.phase === 'stored') return { kind: 'stored', turn: save.done.turn, save }
  return save.error === undefined
    ? { kind: 'nothing', turn: save.done.turn }
    : { kind: 'failed', turn: save.done.turn, error: save.error }
}

/** The save that a command's own callback brought, or whose fate it shares (rule 10). */
export function ownSave(state: DocumentState, command: Command): Save | undefined {
  return (
    state.saves.findLast((save) => save.by?.id === command.id) ??
    (command.shares === undefined
      ? undefined
      : state.saves.find((save) => save.name === command.shares))
  )
}

/** The final save that arrived after `command` was registered: a stored one, else the newest. */
export function finalAfter(state: DocumentState, command: Command): Save | undefined {
  const finals = state.saves.filter((save) => isFinal(save) && save.lastTurn > command.turn)
  return finals.findLast(({ phase }) => phase === 'stored') ?? finals.at(-1)
}

/**
 * A stored save whose command was registered after this accepted one had been answered: it holds
 * everything that a save of this one can hold, so nobody has to wait for that any more.
 */
function coveringSave(state: DocumentState, answer: Answer | undefined): Save | undefined {
  if (answer?.error !== 0) return undefined
  return state.saves.find(
    ({ phase, by }) => phase === 'stored' && by !== undefined && by.turn > answer.turn,
  )
}

/** What became of a forcesave as something that others wait for, whatever its caller was told. */
export function fateOfCommand(state: DocumentState, command: Command): Fate {
  // Whether a replay was caused by this command is known when it is settled (rule 10).
  if (command.shares !== undefined && command.settled === undefined) return pending
  const { answer } = command
  const save = ownSave(state, command) ?? finalAfter(state, command) ?? coveringSave(state, answer)
  if (save !== undefined) return fateOfSave(save)
  if (command.expired !== undefined) return { kind: 'expired', turn: command.expired }
  if (answer === undefined) return pending
  switch (answer.error) {
    case 0:
      // Closed without changes (rule 13): no callback of its own comes any more.
      return command.closedUntil !== undefined && command.settled !== undefined
        ? { kind: 'nothing', turn: command.settled.turn }
        : pending
    case 3:
      // A callback can follow an answer 3 (rule 7); its grace period ends with its verdict.
      return command.settled === undefined
        ? pending
        : { kind: 'nothing', turn: command.settled.turn }
    case null:
      return answer.neverArrived === true ? { kind: 'nothing', turn: answer.turn } : pending
    default:
      return { kind: 'nothing', turn: answer.turn }
  }
}

/**
 * Rule 6: what was under way at any time between the registration of `command` and its answer,
 * and every save of unknown origin that has come since (in the grace period).
 */
export function underWay(state: DocumentState, command: Command, answered: number): Fate[] {
  const commands = state.commands.filter(
    ({ kind, id, turn }) => kind !== 'info' && id !== command.id && turn < answered,
  )
  const saves = state.saves.filter(
    ({ turn, by }) => turn < answered || by === undefined || by.turn < answered,
  )
  return [
    ...commands.map((other) => fateOfCommand(state, other)),
    ...saves.map((save) => fateOfSave(save)),
  ].filter((fate) => endOf(fate) > command.turn)
}

/**
 * Whether a request that nobody knows the fate of may have led to a save which never showed: then
 * nothing that rests on knowing all saves under way is certain.
 */
export const hasDoubtfulRequest = (state: DocumentState): boolean =>
  state.commands.some(
    (command) => command.expired !== undefined && fateOfCommand(state, command).kind === 'expired',
  )

/**
 * Rule 8: whether a forgotten file may be older than what is stored: the newest final save known is
 * stored, so the file may be one of a session before it. Storing it could destroy newer edits;
 * leaving it where it is destroys nothing.
 */
export const mayBeOutdated = (state: DocumentState): boolean =>
  state.saves.findLast(({ status, trigger }) => status === 2 && trigger === 'close')?.phase ===
  'stored'

const endOf = (fate: Fate): number =>
  fate.kind === 'pending' ? (fate.failed ?? Infinity) : fate.turn

/**
 * Rule 9: the error of a failed save whose edits no stored save is known to hold.
 */
export function standingFailure(state: DocumentState): PlainError | undefined {
  const stored = state.saves.filter(({ phase }) => phase === 'stored')
  const standing = state.saves.find(
    (save) => save.phase === 'failed' && !stored.some((other) => heals(other, save)),
  )
  return standing?.error
}

function heals(stored: Save, failed: Save): boolean {
  if (isFinal(stored) && stored.turn > failed.turn) return true
  // Its command left after the failed save had been made, so it holds those edits too.
  if (stored.by !== undefined && stored.by.turn > failed.turn) return true
  return (
    stored.lastSave !== undefined &&
    failed.lastSave !== undefined &&
    stored.lastSave > failed.lastSave
  )
}
