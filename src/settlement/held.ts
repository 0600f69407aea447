/**
 * Rule 9: nobody edits, and the Docs server holds edits that nobody has acknowledged. A final save, or
 * a failure, is on its way: wait for it and ask again.
 */
import { standingConversionFailure } from './failure.js'
import { hasOpenSaves } from './order.js'
import { isForcesaveAfter, triesSince } from './send-again.js'
import { pauseOf, QUESTION_PAUSES, RESEND_PAUSES } from './timing.js'
import { failed, retryable, wait, type Case, type Judgement } from './verdict.js'

export function held({ state, command, now }: Case): Judgement {
  const { told, ended } = state
  if (told === undefined || hasOpenSaves(state)) return wait
  if (ended > told.turn) return { until: Infinity, ask: 'info' }
  const again = told.at + pauseOf(QUESTION_PAUSES, told.times)
  if (now < again) return { until: again }
  // 9.3: the conversion may work again, and only another forcesave makes the Docs server try.
  const failure = standingConversionFailure(state)
  const isSent = state.commands.some((other) => isForcesaveAfter(other, told.turn))
  if (failure === undefined || isSent) return { until: Infinity, ask: 'info' }
  const tries = triesSince(state, command)
  if (tries > RESEND_PAUSES.length) return { verdict: failed('9.3', retryable(failure)) }
  return { until: Infinity, ask: 'forcesave' }
}
