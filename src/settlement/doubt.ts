/**
 * Rule 11: what is in doubt. One number per key is enough: a proof from after that turn ends the doubt.
 * Nothing else does, neither time nor forgetting.
 */
import type { Command, DocumentState, Doubt } from './state.js'

/** 11.1: from now on a new proof is needed, and why. */
export function doubted(state: DocumentState, why: Doubt, turn = state.turn): DocumentState {
  return state.doubt !== undefined && state.doubt.turn > turn
    ? state
    : { ...state, doubt: { turn, why } }
}

/** 11.2: everything that the Docs server received before `turn` is stored. */
export function proven(before: DocumentState, turn: number): DocumentState {
  if (turn <= before.proven) return before
  const { doubt, ...rest } = before
  const state = { ...rest, proven: turn, known: true }
  return doubt === undefined || doubt.turn < turn ? state : { ...state, doubt }
}

/** 11.3: what the request of a forcesave that nobody answered has done, only its own save can tell. */
export const isOfUnknownFate = ({ kind, answer }: Command): boolean =>
  kind === 'forcesave' &&
  (answer === undefined || (answer.error === null && answer.neverArrived !== true))

/**
 * Whether the save of a forcesave may still be under way (7.2): its own is not stored, and nothing from
 * after its answer is proven. Requests overtake each other, so its registration says nothing here.
 */
export const isOutstanding = (state: DocumentState, command: Command): boolean =>
  canBeOutstanding(state, command) &&
  !state.saves.some(({ phase, by }) => phase === 'stored' && by?.id === command.id)

/** The same, but for whether its own save is stored. */
export function canBeOutstanding({ proven }: DocumentState, command: Command): boolean {
  const { kind, answer } = command
  if (kind !== 'forcesave') return false
  if (isOfUnknownFate(command)) return true
  if (answer?.error !== 0 && answer?.error !== 3) return false
  return answer.turn >= proven
}

/** What is dropped from the state leaves its doubt behind (11.5). */
export function leaveDoubts(state: DocumentState, dropped: readonly Command[]): DocumentState {
  let next = state
  for (const command of dropped) {
    if (!isOutstanding(state, command)) continue
    next = isOfUnknownFate(command)
      ? { ...next, unanswered: true }
      : doubted(next, 'save-outstanding', command.answer?.turn)
  }
  return next
}

/** Why nothing proves a result while somebody edits (7.5). */
export function whyDoubtful(
  { doubt, unanswered }: DocumentState,
  outstanding: readonly Command[],
  otherSaves: boolean,
): Doubt {
  if (doubt !== undefined) return doubt.why
  if (unanswered === true || outstanding.some(isOfUnknownFate)) return 'request-unanswered'
  if (outstanding.length > 0) return 'save-outstanding'
  return otherSaves ? 'others-may-save' : 'editors-unknown'
}
