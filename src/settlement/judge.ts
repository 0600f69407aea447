/**
 * The verdict on one command, from what is known now. It looks at the state only, is asked again after
 * every event, and the first verdict stands (`docs/settlement.md` 14). In this order: proofs (4 to 6),
 * failures (10), what the answers leave open (7, 8), the deadline (14).
 */
import { DocsError, toPlainError, type PlainError } from '../errors.js'
import { accepted } from './accepted.js'
import { isFailure, standingFailure } from './failure.js'
import { held } from './held.js'
import { judgeInfo } from './judge-info.js'
import { HELD_FOR_GOOD } from './timing.js'
import { nothingToSave } from './nothing-to-save.js'
import { byNothingHeld, bySave } from './proof.js'
import { sendAgain } from './send-again.js'
import type { Answer, Command, DocumentState } from './state.js'
import { failed, rejected, retryable, timeout, wait, type Case, type Judgement } from './verdict.js'

export function judge(situation: Case): Judgement {
  const { command, now } = situation
  if (command.kind === 'info') return judgeInfo(situation)
  const verdict = bySave(situation)
  if (verdict !== undefined) return { verdict }
  const { deadline = Infinity } = command
  const judgement = byNothingHeld(situation) ?? isFailure(situation) ?? byAnswer(situation)
  if ('verdict' in judgement) return judgement
  if (now >= deadline) {
    return { verdict: failed('14.2', errorAtDeadline(situation.state, command)) }
  }
  return { ...judgement, until: Math.min(judgement.until, deadline) }
}

function byAnswer(situation: Case): Judgement {
  const { state, command } = situation
  const { answer } = command
  if (answer === undefined) return wait
  const { error, failure } = answer
  if (error === null && answer.neverArrived === true && failure !== undefined) {
    return { verdict: failed('10.3', failure) }
  }
  if (error !== null && !LEAVES_OPEN.has(error))
    return { verdict: rejected('10.3', command, error) }
  const { told } = state
  if (told?.says === 'held' && told.turn > answer.turn) return held(situation)
  const last = lastAnswered(state, command) ?? answer
  switch (last.error) {
    case 0:
      return accepted(situation, last)
    case 4:
      return nothingToSave(situation, last)
    default:
      return sendAgain(situation, last)
  }
}

/** Answers after which an outcome can still be found: 3 can be followed by a save, 1 by a forgotten file. */
const LEAVES_OPEN: ReadonlySet<number> = new Set([0, 1, 3, 4])

/** 8.6: the newest answer to a forcesave that was registered with this one or later says the most. */
function lastAnswered({ commands }: DocumentState, command: Command): Answer | undefined {
  return commands.findLast(
    ({ kind, turn, answer }) =>
      kind === 'forcesave' && turn >= command.turn && LEAVES_OPEN.has(answer?.error ?? -1),
  )?.answer
}

/** 14.2: what is known when a deadline passes. */
export function errorAtDeadline(state: DocumentState, command: Command | undefined): PlainError {
  const standing = standingFailure(state)
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
