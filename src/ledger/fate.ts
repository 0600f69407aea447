/**
 * What a command that is answered 4 finds under way (`settlement.md` 6), what became of it, and
 * which failures still stand (9).
 */
import type { PlainError } from '../errors.js'
import { isFinal, isOpen, type Command, type DocumentState, type Save } from './state.js'

/** What became of something under way, and in which turn. */
export type Fate =
  | { kind: 'pending'; failed?: number }
  | { kind: 'nothing' | 'expired'; turn: number }
  | { kind: 'stored'; turn: number; save: Save }
  | { kind: 'failed'; turn: number; error: PlainError }

const pending: Fate = { kind: 'pending' }

/** A final save that failed is sent again by the Docs server, unless it can never succeed. */
export const comesAgain = (save: Save): boolean =>
  save.status === 2 &&
  save.trigger !== 'forgotten' &&
  save.phase === 'failed' &&
  save.permanent !== true

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
  // A forgotten file is what an earlier session has left, unless nothing was open (rule 8).
  const finals = state.saves.filter(
    (save) =>
      isFinal(save) &&
      save.lastTurn > command.turn &&
      (save.trigger !== 'forgotten' || command.answer?.error === 1),
  )
  return finals.findLast(({ phase }) => phase === 'stored') ?? finals.at(-1)
}

/**
 * A stored save whose command was registered after this accepted one had been answered, or after this
 * one without an answer had run out of time: it holds everything that a save of this one can hold, so
 * nobody has to wait for that any more.
 */
function coveringSave(
  state: DocumentState,
  { answer, expired }: Pick<Command, 'answer' | 'expired'>,
): Save | undefined {
  // Not answered yet: its caller's patience is over, and the request may arrive at any time.
  if (answer === undefined) return undefined
  const dealtWith = answer.error === 0 ? answer.turn : expired && Math.max(expired, answer.turn)
  if (dealtWith === undefined) return undefined
  return state.saves.find(
    ({ phase, by }) => phase === 'stored' && by !== undefined && by.turn > dealtWith,
  )
}

/** Fates depend on the saves and on the command alone, and are asked for many times an event. */
const known = new WeakMap<readonly Save[], WeakMap<Command, Fate>>()

/** What became of a forcesave as something that others wait for, whatever its caller was told. */
export function fateOfCommand(state: DocumentState, command: Command): Fate {
  let fates = known.get(state.saves)
  if (fates === undefined) known.set(state.saves, (fates = new WeakMap<Command, Fate>()))
  let fate = fates.get(command)
  if (fate === undefined) fates.set(command, (fate = findFate(state, command)))
  return fate
}

function findFate(state: DocumentState, command: Command): Fate {
  // Whether a replay was caused by this command is known when it is settled (rule 10).
  if (command.shares !== undefined && command.settled === undefined) return pending
  const { answer } = command
  const save = ownSave(state, command) ?? finalAfter(state, command) ?? coveringSave(state, command)
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

export interface Ended {
  readonly expired: boolean
  readonly failure: PlainError | undefined
  readonly stored: readonly Save[]
}

/**
 * Rule 6: what was under way at any time between the registration of `command` and its answer, and
 * every save of unknown origin that has come since (in the grace period). Undefined while any of it
 * is not dealt with: that is the common case where many wait for one, and is found at the first.
 */
export function endedMeanwhile(
  state: DocumentState,
  command: Command,
  answered: number,
): Ended | undefined {
  let expired = false
  let failure: PlainError | undefined
  const stored: Save[] = []
  const isPending = (fate: Fate): boolean => {
    if (endOf(fate) <= command.turn) return false
    if (fate.kind === 'expired') expired = true
    else if (fate.kind === 'failed') failure ??= fate.error
    else if (fate.kind === 'stored') stored.push(fate.save)
    return fate.kind === 'pending'
  }
  for (const other of state.commands) {
    if (other.turn >= answered) break
    if (other.kind === 'info' || other.id === command.id) continue
    if (isPending(fateOfCommand(state, other))) return undefined
  }
  for (const save of state.saves) {
    const { turn, by } = save
    const counts = turn < answered || by === undefined || by.turn < answered
    if (counts && isPending(fateOfSave(save))) return undefined
  }
  return { expired, failure, stored }
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
 * Rule 8: whether a forgotten file may be older than what is stored, or than what is being edited
 * again. Storing it could destroy newer edits; leaving it where it is destroys nothing. It is what
 * is missing when the newest final save known has failed, or when a session began and nothing has
 * told of its end. `since`: the turn in which the search began.
 */
export function mayBeOutdated(state: DocumentState, since: number): boolean {
  const newer = state.saves.some(
    ({ trigger, turn, lastTurn }) => trigger !== 'forgotten' && Math.max(turn, lastTurn) > since,
  )
  if (newer || state.joined > since) return true
  const final = state.saves.findLast((save) => isFinal(save) && save.trigger === 'close')
  return final === undefined ? (state.users ?? []).length === 0 : final.phase === 'stored'
}

const endOf = (fate: Fate): number =>
  fate.kind === 'pending' ? (fate.failed ?? Infinity) : fate.turn

/**
 * Rule 9: the error of a failed save whose edits no stored save is known to hold.
 */
export const standingFailure = (state: DocumentState): PlainError | undefined =>
  standingFailures(state)[0]?.error

export function standingFailures({ saves }: DocumentState): readonly Save[] {
  const failed = saves.filter(({ phase, discarded }) => phase === 'failed' && discarded !== true)
  if (failed.length === 0) return failed
  const stored = saves.filter(({ phase }) => phase === 'stored')
  return failed.filter((save) => !stored.some((other) => heals(other, save)))
}

/** Whether what failed is in what is stored (rule 9). */
export function heals(stored: Save, failed: Save): boolean {
  if (isFinal(stored) && Math.min(stored.turn, stored.lastTurn) > failed.turn) return true
  // Its command left after the failed save had been made, so it holds those edits too.
  if (stored.by !== undefined && stored.by.turn > failed.turn) return true
  return (
    stored.lastSave !== undefined &&
    failed.lastSave !== undefined &&
    stored.lastSave > failed.lastSave
  )
}
