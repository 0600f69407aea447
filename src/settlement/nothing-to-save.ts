/**
 * Rule 7: answered 4. Something newer than the call's edits is stored or under way, so what is known to
 * be under way is waited for, and then the Docs server is asked who edits.
 */
import { wasReplayed } from './accepted.js'
import { isOfUnknownFate, isOutstanding, whyDoubtful } from './doubt.js'
import { standingFailure, standingFailures } from './failure.js'
import { hasOpenSaves } from './order.js'
import { isSame } from './presence.js'
import type { Answer, Command, DocumentState } from './state.js'
import { LONGEST_SAVE, LONGEST_UNLIKELY_SAVE, pauseOf, QUESTION_PAUSES } from './timing.js'
import { failed, retryable, savedOrUnchanged, wait, type Case, type Judgement } from './verdict.js'

export function nothingToSave(situation: Case, last: Answer): Judgement {
  const { state, command, now, rules } = situation
  // 7.1
  if (hasOpenSaves(state)) return wait
  const { told, ended } = state
  if (ended > last.turn && ended > (told?.turn ?? 0)) return { until: Infinity, ask: 'info' }
  // 7.2
  const underWayUntil = untilWhen(situation)
  if (now < underWayUntil) return { until: underWayUntil }
  // 7.3
  if (told === undefined || told.turn < last.turn) return { until: Infinity, ask: 'info' }
  if (told.says !== 'editing') {
    const again = told.at + pauseOf(QUESTION_PAUSES, told.times)
    return now < again ? { until: again } : { until: Infinity, ask: 'info' }
  }
  const standing = standingFailure(state)
  if (standing !== undefined) return { verdict: failed('10.4', retryable(standing)) }
  if (isChained(state, rules.otherSaves)) {
    return { verdict: savedOrUnchanged('7.3', situation, 'no-changes') }
  }
  // 7.4
  const graceUntil = command.graceUntil ?? now + rules.grace
  if (now < graceUntil) return { until: graceUntil, note: { graceUntil } }
  const doubt = whyDoubtful(state, rules.otherSaves)
  return { verdict: savedOrUnchanged('7.5', situation, 'no-changes', doubt) }
}

/** 7.2: until when a save that is not there yet may come of a forcesave that we know of. */
function untilWhen({ state, command }: Case): number {
  const isWaitedFor = (other: Command): boolean =>
    isOutstanding(state, other) && !(other.id === command.id && wasReplayed(state, command))
  return state.commands.filter(isWaitedFor).reduce((until, other) => {
    const since = other.answer?.at ?? other.at
    const patience = isLikely(state, other) ? LONGEST_SAVE : LONGEST_UNLIKELY_SAVE
    return Math.max(until, since + patience)
  }, 0)
}

/** Accepted, and nothing has happened since that makes the Docs server drop the save. */
function isLikely({ doubt, ended }: DocumentState, { answer }: Command): boolean {
  if (answer === undefined) return true
  return answer.error === 0 && Math.max(doubt?.turn ?? 0, ended) < answer.turn
}

/**
 * 7.3: nobody else saves, every forcesave is covered by a stored save, and since the last proof the
 * callbacks told one story, which ends with those whom the Docs server names.
 */
function isChained(state: DocumentState, otherSaves: boolean): boolean {
  const { told, users } = state
  return (
    !otherSaves &&
    state.doubt === undefined &&
    state.unanswered !== true &&
    users !== null &&
    told !== undefined &&
    isSame(users, told.users) &&
    !state.commands.some((other) => isOutstanding(state, other)) &&
    !state.commands.some(isOfUnknownFate) &&
    standingFailures(state).length === 0
  )
}
