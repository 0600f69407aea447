/**
 * Rule 7: answered 4. Something newer than the call's edits is stored or under way, so what is known to
 * be under way is waited for, and then the Docs server is asked who edits.
 */
import { askAgain, hasEndedSince, wasReplayed } from './asking.js'
import { whyDoubtful } from './doubt.js'
import { isSame, type Answer, type Command, type DocumentState } from './state.js'
import { LONGEST_SAVE, LONGEST_UNLIKELY_SAVE } from './timing.js'
import {
  ask,
  failed,
  retryable,
  savedOrUnchanged,
  until,
  wait,
  type Case,
  type Judgement,
} from './verdict.js'

export function nothingToSave(situation: Case, last: Answer): Judgement {
  const { state, command, view, now, rules } = situation
  // 7.1
  if (view.hasOpenSaves) return wait
  const { told } = state
  if (hasEndedSince(state, last)) return ask('info')
  // 7.2
  const underWayUntil = untilWhen(situation)
  if (now < underWayUntil) return until(underWayUntil)
  // 7.3
  if (told === undefined || told.turn < last.turn) return ask('info')
  if (told.says !== 'editing') return askAgain(situation, told)
  const failure = view.standing[0]?.error
  if (failure !== undefined) return { verdict: failed('10.4', retryable(failure)) }
  if (isChained(situation)) return { verdict: savedOrUnchanged('7.3', situation, 'no-changes') }
  // 7.4
  const graceUntil = command.graceUntil ?? now + rules.grace
  if (now < graceUntil) return { ...until(graceUntil), note: { graceUntil } }
  const doubt = whyDoubtful(state, view.outstanding, rules.otherSaves)
  return { verdict: savedOrUnchanged('7.5', situation, 'no-changes', doubt) }
}

/** 7.2: until when a save that is not there yet may come of a forcesave that we know of. */
function untilWhen({ state, command, view }: Case): number {
  let end = 0
  for (const other of view.outstanding) {
    // 10.5
    if (other.id === command.id && wasReplayed(state, command)) continue
    const patience = isLikely(state, other) ? LONGEST_SAVE : LONGEST_UNLIKELY_SAVE
    end = Math.max(end, (other.answer?.at ?? other.at) + patience)
  }
  return end
}

/** Accepted, and nothing has happened since that makes the Docs server drop the save. */
function isLikely({ doubt, ended }: DocumentState, { answer, turn }: Command): boolean {
  if (answer === undefined) return true
  return answer.error === 0 && Math.max(doubt?.turn ?? 0, ended) < turn
}

/**
 * 7.3: nobody else saves, no forcesave is outstanding, and since the last proof the callbacks told one
 * story, which ends with those whom the Docs server names.
 */
function isChained({ state, view, rules }: Case): boolean {
  const { told, users, doubt, unanswered } = state
  if (rules.otherSaves || doubt !== undefined || unanswered === true) return false
  if (view.outstanding.length > 0) return false
  return users !== null && told !== undefined && isSame(users, told.users)
}
