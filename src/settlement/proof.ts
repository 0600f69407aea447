/**
 * The proofs that end a call for certain: rule 4, a save that holds its edits; rule 5, all is
 * acknowledged; rule 6, the key is not known any more.
 */
import type { PlainError } from '../errors.js'
import { digestOf } from './digest.js'
import { proven } from './doubt.js'
import { hasOpenForgotten, MOST_ROUNDS } from './forgotten.js'
import { isBuried } from './order.js'
import type { DocumentState } from './state.js'
import { pauseOf, QUESTION_PAUSES } from './timing.js'
import {
  ask,
  failed,
  saved,
  savedOrUnchanged,
  until,
  wait,
  type Case,
  type Judgement,
} from './verdict.js'
import type { Verdict } from './event.js'

/** Rule 4: its own save, or that of a forcesave that was registered after it, is stored. */
export function bySave({ state, command, view }: Case): Verdict | undefined {
  const { covering } = digestOf(state.saves)
  const own = view.storedFor(command.id)
  const later = (covering?.by?.turn ?? 0) > command.turn ? covering : undefined
  const save = own ?? later
  if (save === undefined) return undefined
  const file = state.saves.find(({ name }) => name === save.within) ?? save
  const doubt = isBuried(state, file) ? 'order-unknown' : undefined
  return saved(own === undefined ? '4.2' : '4.1', command, save, doubt)
}

/** 11.2: writes down from which turn on everything is proven to be stored. */
export function noteProofs(state: DocumentState): DocumentState {
  let turn = Math.max(state.proven, digestOf(state.saves).covering?.by?.turn ?? 0)
  if (state.told !== undefined && isNothingHeld(state)) turn = Math.max(turn, state.told.turn)
  return proven(state, turn)
}

/** Nothing is held, and no forgotten file was there after that was said. */
const isNothingHeld = ({ told, searched }: DocumentState): boolean =>
  (told?.says === 'acknowledged' || told?.says === 'unknown-key') &&
  searched?.found === 'nothing' &&
  searched.turn >= told.heard

/**
 * Rules 5 and 6: an info that was sent after the call said that the Docs server holds nothing that is
 * not acknowledged, or does not know the key; and then there was no forgotten file either.
 */
export function byNothingHeld(situation: Case): Judgement | undefined {
  const { state, command, now } = situation
  const { told, searched } = state
  if (told === undefined || told.turn <= command.turn) return undefined
  if (told.says !== 'acknowledged' && told.says !== 'unknown-key') return undefined
  const thrownAway = discardedSince(situation)
  if (thrownAway !== undefined) return { verdict: failed('10.2', thrownAway) }
  const rule = told.says === 'acknowledged' ? '5.1' : '6.1'
  const reason = told.says === 'acknowledged' ? 'no-changes' : 'not-open'
  if (hasOpenForgotten(state)) return wait
  if (searched === undefined || searched.turn < told.heard)
    return { until: Infinity, ask: 'search' }
  switch (searched.found) {
    case 'nothing':
      return { verdict: savedOrUnchanged(rule, situation, reason) }
    case 'left':
      return { verdict: savedOrUnchanged('13.4', situation, reason, 'forgotten-file-left') }
    case 'unsupported':
      return { verdict: savedOrUnchanged('13.5', situation, reason, 'forgotten-files-unknown') }
    case 'failed': {
      const { failure } = searched
      if (failure?.retryable === false) return { verdict: failed('13.3', failure) }
      const again = searched.at + pauseOf(QUESTION_PAUSES, searched.times)
      return now < again ? until(again) : ask('search')
    }
    case 'file':
      return afterForgotten(situation, reason)
  }
}

/** 13.2: the forgotten file is stored by now, or could not be: look whether it was the last one. */
function afterForgotten(situation: Case, reason: 'no-changes' | 'not-open'): Judgement {
  const { state, command } = situation
  const taken = digestOf(state.saves).forgotten.filter(
    ({ done }) => done !== undefined && done.turn > command.turn,
  )
  const last = taken.at(-1)
  if (last?.phase === 'failed' && last.error !== undefined) {
    return { verdict: failed('13.3', last.error) }
  }
  return taken.length < MOST_ROUNDS
    ? ask('search')
    : { verdict: savedOrUnchanged('13.4', situation, reason, 'forgotten-file-left') }
}

/** The application has let the Docs server throw away edits that were made before the call. */
function discardedSince({ state, command }: Case): PlainError | undefined {
  return digestOf(state.saves).discarded.findLast(({ lastTurn }) => lastTurn > command.turn)?.error
}
