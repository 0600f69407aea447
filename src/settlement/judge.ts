/**
 * The verdict on one command, from what is known now. It looks at the state only, is asked again after
 * every event, and the first verdict stands (rule 14). In this order: proofs (4 to 6), failures (10), what
 * the answers leave open (7 to 9), the deadline (14). An `info` of the application: rule 15.
 */
import { DocsError, toPlainError, type PlainError } from '../errors.js'
import { accepted, held, sendAgain } from './asking.js'
import { digestOf } from './digest.js'
import { comesAgain, standingFailures } from './failure.js'
import { nothingToSave } from './nothing-to-save.js'
import { byNothingHeld, bySave } from './proof.js'
import { isFinal, type Command, type DocumentState, type Save } from './state.js'
import { HELD_FOR_GOOD } from './timing.js'
import {
  failed,
  rejected,
  retryable,
  timeout,
  until,
  wait,
  type Case,
  type Judgement,
} from './verdict.js'
import { LEAVES_OPEN } from './view.js'

export function judge(situation: Case): Judgement {
  const { state, command, now } = situation
  if (command.kind === 'info') return judgeInfo(situation)
  const verdict = bySave(situation)
  if (verdict !== undefined) return { verdict }
  const { deadline = Infinity } = command
  const judgement = byNothingHeld(situation) ?? byFailure(situation) ?? byAnswer(situation)
  if ('verdict' in judgement) return judgement
  if (now >= deadline) return { verdict: failed('14.2', errorAtDeadline(state, command)) }
  return { ...judgement, until: Math.min(judgement.until, deadline) }
}

function byAnswer(situation: Case): Judgement {
  const { state, command, view } = situation
  const { answer } = command
  if (answer === undefined) return wait
  const { error, failure } = answer
  if (error === null && answer.neverArrived === true && failure !== undefined) {
    return { verdict: failed('10.3', failure) }
  }
  if (error !== null && !LEAVES_OPEN.has(error))
    return { verdict: rejected('10.3', command, error) }
  const { told } = state
  if (told?.says === 'held' && told.turn > answer.turn) return held(situation, told)
  // 8.6: the newest answer to a forcesave that was registered with this one or later says the most.
  const last =
    view.newest !== undefined && view.newest.turn >= command.turn ? view.newest.answer : answer
  switch (last.error) {
    case 0:
      return accepted(situation, last)
    case 4:
      return nothingToSave(situation, last)
    default:
      return sendAgain(situation, last)
  }
}

/** 10.1: the call's own save has failed, or the final save of its session will not be sent again. */
function byFailure({ state, command }: Case): Judgement | undefined {
  const isOfIt = (save: Save): boolean =>
    save.by?.id === command.id ||
    (isFinal(save) && save.trigger === 'close' && save.lastTurn > command.turn && !comesAgain(save))
  const save = digestOf(state.saves).failed.findLast(isOfIt)
  return save?.error === undefined ? undefined : { verdict: failed('10.1', save.error) }
}

/** 14.2: what is known when a deadline passes. */
export function errorAtDeadline(state: DocumentState, command: Command | undefined): PlainError {
  const standing = standingFailures(state)[0]?.error
  if (standing !== undefined) return retryable(standing)
  const { told } = state
  const isHeld = told?.says === 'held' && told.turn > (command?.turn ?? 0)
  if (isHeld && told.times >= HELD_FOR_GOOD) return toPlainError(editsHeld())
  return command?.answer?.failure ?? timeout('forcesave')
}

const editsHeld = (): DocsError =>
  new DocsError(
    'EDITS_HELD',
    'nobody edits this document, and the Docs server holds edits that it is not saving: open the document and close it again, and it will save them',
  )

function judgeInfo({ command, now }: Case): Judgement {
  const { answer, presence, deadline = Infinity } = command
  if (answer !== undefined && answer.error !== 0) {
    if (answer.error !== null) return { verdict: rejected('15.2', command, answer.error) }
    if (answer.failure !== undefined && presence === undefined) {
      return { verdict: failed('15.2', answer.failure) }
    }
  }
  // Its callback comes before its response: with both there, the response's users are the fresher.
  if (answer !== undefined && presence !== undefined) {
    const users = answer.users ?? presence.users
    return { verdict: { outcome: 'info', rule: '15.1', status: presence.status, users } }
  }
  return now >= deadline ? { verdict: failed('15.3', timeout('info')) } : until(deadline)
}
