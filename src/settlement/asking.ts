/**
 * Rules 8 and 9: what an answer leaves open is asked, by an info or by another forcesave. Time decides
 * when to ask, and never what is certain.
 */
import { DocsError, toPlainError, type PlainError } from '../errors.js'
import { digestOf } from './digest.js'
import { conversionFailure } from './failure.js'
import type { Answer, Command, DocumentState, Told } from './state.js'
import { GIVE_UP_AFTER, pauseOf, QUESTION_PAUSES, RESEND_PAUSES } from './timing.js'
import { ask, failed, retryable, until, wait, type Case, type Judgement } from './verdict.js'

/** 8.2: the same question again, later and later. */
export function askAgain(
  { now }: Case,
  { at, times }: Told,
  what: 'info' | 'forcesave' = 'info',
): Judgement {
  const again = at + pauseOf(QUESTION_PAUSES, times)
  return now < again ? until(again) : ask(what)
}

/** A session, or a final save, has ended since the Docs server was asked last. */
export const hasEndedSince = ({ ended, told }: DocumentState, { turn }: Answer): boolean =>
  ended > turn && ended > (told?.turn ?? 0)

/** 8.4: answered 0. Its save is to come; an end, a replay, or a long wait makes us ask. */
export function accepted({ state, command, view, now, rules }: Case, last: Answer): Judgement {
  if (view.hasOpenSaves) return wait
  // What still converts when the session ends is never sent, the final save is (`docs-server.md`).
  if (hasEndedSince(state, last)) return ask('info')
  const { count, turn } = command.round ?? { count: 0, turn: -1 }
  if (turn >= last.turn) {
    if ((state.told?.turn ?? -1) < turn) return ask('info')
    // Its save, or its answer, says more than waiting does.
    if (!state.commands.some((other) => isForcesaveAfter(other, turn))) return ask('forcesave')
  }
  const since = command.answer?.at ?? now
  const askAt =
    wasReplayed(state, command) && count === 0 ? now : since + rules.nudgeAfter * 2 ** count
  if (now < askAt) return until(askAt)
  return { ...ask('info'), note: { round: { count: count + 1, turn: state.turn } } }
}

/** 10.5: a save was sent again, as the Docs server does inside of a forcesave that finds it unacknowledged. */
export const wasReplayed = ({ saves }: DocumentState, command: Command): boolean =>
  digestOf(saves).replayed.some(
    ({ replayed = -1, by }) => replayed > command.turn && by?.id !== command.id,
  )

/** 8.5: answered 3, 1, or not at all. */
export function sendAgain(situation: Case, last: Answer): Judgement {
  const { state, command, view, now } = situation
  const { told } = state
  if (view.hasOpenSaves) return wait
  if (told === undefined || told.turn < last.turn) return ask('info')
  if (told.says !== 'editing') {
    // The Docs server answers nothing at all: the call fails as its own request did.
    const { failure } = command.answer ?? {}
    const isOver = failure !== undefined && told.times >= GIVE_UP_AFTER
    return isOver ? { verdict: failed('8.5', failure) } : askAgain(situation, told)
  }
  const tries = triesSince(state, command)
  if (last.error === 3) {
    const failure = conversionFailure(view.standing)
    if (failure !== undefined) return { verdict: failed('8.5', retryable(failure)) }
    if (tries > RESEND_PAUSES.length) return { verdict: failed('8.5', noConversion()) }
  }
  const isUnanswered = (other: Command): boolean =>
    isForcesaveAfter(other, command.turn) && other.answer === undefined
  if (state.commands.some(isUnanswered)) return wait
  const sendAt = last.at + pauseOf(RESEND_PAUSES, tries - 1)
  return now < sendAt ? until(sendAt) : ask('forcesave')
}

/** Rule 9: nobody edits, and the Docs server holds edits that nobody has acknowledged. */
export function held(situation: Case, told: Told): Judgement {
  const { state, command, view } = situation
  if (view.hasOpenSaves) return wait
  if (state.ended > told.turn) return ask('info')
  // 9.3: the conversion may work again, and only another forcesave makes the Docs server try.
  const failure = conversionFailure(view.standing)
  const isSent = state.commands.some((other) => isForcesaveAfter(other, told.turn))
  if (failure === undefined || isSent) return askAgain(situation, told)
  const isOver = triesSince(state, command) > RESEND_PAUSES.length
  return isOver
    ? { verdict: failed('9.3', retryable(failure)) }
    : askAgain(situation, told, 'forcesave')
}

/** How often the call's forcesave was sent, by itself or by one of our own that holds its edits too. */
const triesSince = ({ commands }: DocumentState, { turn }: Command): number =>
  1 + commands.filter((other) => other.own === true && isForcesaveAfter(other, turn)).length

const isForcesaveAfter = (command: Command, turn: number): boolean =>
  command.kind === 'forcesave' && command.turn > turn

const noConversion = (): PlainError =>
  toPlainError(
    new DocsError(
      'CONVERSION_FAILED',
      'the Docs server answered every forcesave with error 3: it could not begin to convert the document; its edits are still in the editor',
    ),
  )
