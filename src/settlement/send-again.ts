/**
 * 8.5: answered 3, 1, or not at all. An info tells whether somebody edits; if so, another forcesave of
 * our own, whose save holds the call's edits too.
 */
import { DocsError, toPlainError } from '../errors.js'
import { standingConversionFailure } from './failure.js'
import { hasOpenSaves } from './order.js'
import type { Answer, Command, DocumentState } from './state.js'
import { pauseOf, QUESTION_PAUSES, RESEND_PAUSES } from './timing.js'
import { failed, retryable, wait, type Case, type Judgement } from './verdict.js'

/** Infos without a usable answer in a row, after a request that had none either. */
const GIVE_UP_AFTER = 2

export function sendAgain({ state, command, now }: Case, last: Answer): Judgement {
  if (hasOpenSaves(state)) return wait
  const { told } = state
  if (told === undefined || told.turn < last.turn) return { until: Infinity, ask: 'info' }
  const again = told.at + pauseOf(QUESTION_PAUSES, told.times)
  if (told.says !== 'editing') {
    // The Docs server answers nothing at all: the call fails as its own request did.
    const { failure } = command.answer ?? {}
    if (failure !== undefined && told.times >= GIVE_UP_AFTER)
      return { verdict: failed('8.5', failure) }
    return now < again ? { until: again } : { until: Infinity, ask: 'info' }
  }
  const tries = triesSince(state, command)
  if (last.error === 3) {
    const failure = standingConversionFailure(state)
    if (failure !== undefined) return { verdict: failed('8.5', retryable(failure)) }
    if (tries > RESEND_PAUSES.length)
      return { verdict: failed('8.5', toPlainError(noConversion())) }
  }
  // A request that is not answered is under way.
  if (isUnanswered(state, command)) return wait
  const sendAt = last.at + pauseOf(RESEND_PAUSES, tries - 1)
  return now < sendAt ? { until: sendAt } : { until: Infinity, ask: 'forcesave' }
}

/** How often the call's forcesave was sent, by itself or by one that holds its edits too. */
export const triesSince = ({ commands }: DocumentState, { turn }: Command): number =>
  1 + commands.filter((other) => other.own === true && isForcesaveAfter(other, turn)).length

/** Whether a forcesave was registered after that turn. */
export const isForcesaveAfter = (command: Command, turn: number): boolean =>
  command.kind === 'forcesave' && command.turn > turn

const isUnanswered = ({ commands }: DocumentState, { turn }: Command): boolean =>
  commands.some((other) => isForcesaveAfter(other, turn) && other.answer === undefined)

const noConversion = (): DocsError =>
  new DocsError(
    'CONVERSION_FAILED',
    'the Docs server answered every forcesave with error 3: it could not begin to convert the document; its edits are still in the editor',
  )
