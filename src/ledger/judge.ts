/**
 * The verdict on one command, from what is known now (`settlement.md`, rules 4 to 16). Looks at
 * the state only: it is asked again after every event, and the first verdict stands.
 */
import type { PlainError } from '../errors.js'
import { judgeInfo } from './judge-info.js'
import {
  comesAgain,
  finalAfter,
  hasDoubtfulRequest,
  ownSave,
  standingFailure,
  endedMeanwhile,
} from './fate.js'
import { orderIsInDoubt } from './order.js'
import { finalMayCome } from './presence.js'
import type { Verdict } from './event.js'
import { isFinal, isOpen, type Command, type DocumentState, type Save } from './state.js'
import {
  failed,
  rejected,
  saved,
  timedOut,
  unchanged,
  type Case,
  type Judgement,
} from './verdict.js'

/** A question that has no answer by then: whoever asked it has died, ms. */
const LONGEST_QUESTION = 60_000

/** After once, twice and four times `nudgeAfter` (rule 14). */
const NUDGES = 3

export function judge(situation: Case): Judgement {
  if (situation.command.kind === 'info') return judgeInfo(situation)
  const verdict = settledBySave(situation)
  if (verdict !== undefined) return { verdict: qualified(situation.state, verdict) }
  const judgement = byAnswer(situation)
  if ('verdict' in judgement) return { verdict: qualified(situation.state, judgement.verdict) }
  const { command, now } = situation
  const { deadline = Infinity } = command
  if (now >= deadline) return { verdict: timedOut(command) }
  return { ...judgement, until: Math.min(judgement.until, deadline) }
}

/** Says that a result is not certain where the order of what was stored is not (`settlement.md` 3). */
function qualified(state: DocumentState, verdict: Verdict): Verdict {
  const certain = 'certain' in verdict && verdict.certain
  return certain && (orderIsInDoubt(state) || hasDoubtfulRequest(state))
    ? { ...verdict, certain: false }
    : verdict
}

/** Rules 4, 5 and 12: a save or a failure settles commands whatever they were answered. */
function settledBySave(situation: Case): Verdict | undefined {
  const { state, command } = situation
  const shared = sharedSave(situation)
  // Rule 4: its own save, or that of a forcesave registered later, whose edits include its own.
  const covering = state.saves.filter(
    (save) => save.by !== undefined && save.by.turn >= command.turn,
  )
  const final = finalAfter(state, command)

  const store = [...covering, final].find((save) => save?.phase === 'stored')
  if (store !== undefined) {
    const certain = command.turn <= (store.doubtFrom ?? Infinity)
    return saved(command, store, { rule: isFinal(store) ? 5 : 4, certain })
  }
  // Rule 12: a failed conversion (7) rejects its own command only, a failed `onSave` all that the
  // save would have settled.
  const failure = [
    shared,
    ...covering.filter((save) => save.status === 6 || save.by?.id === command.id),
    final,
  ].find((save) => save?.phase === 'failed' && !comesAgain(save))
  return failure?.error === undefined ? undefined : failed(12, failure.error)
}

/** Rule 10: the replayed save whose fate an accepted command shares. */
function sharedSave({ state, command }: Case): Save | undefined {
  if (command.shares === undefined || command.answer?.error !== 0) return undefined
  return state.saves.find(({ name }) => name === command.shares)
}

function byAnswer(situation: Case): Judgement {
  const { answer } = situation.command
  if (answer === undefined) return { until: Infinity }
  switch (answer.error) {
    case 0:
      return accepted(situation)
    case 1:
      return notOpen(situation)
    case 3:
      // Rule 7: a callback of its own or the final save may still follow.
      return lastChance(situation, rejected(7, situation.command, answer.error))
    case 4:
      return nothingToSave(situation, answer.turn)
    case null: {
      const error = answer.failure
      if (error === undefined) return { until: Infinity }
      // Not known whether it arrived: its callback may still come, as in rule 7.
      return answer.neverArrived === true
        ? { verdict: failed(7, error) }
        : lastChance(situation, failed(7, error))
    }
    default:
      return { verdict: rejected(7, situation.command, answer.error) }
  }
}

/** Fails after the grace period, unless a save of its own or the final save has arrived by then. */
function lastChance(situation: Case, verdict: Verdict): Judgement {
  const { state, command, now, rules } = situation
  if (awaits(ownSave(state, command)) || awaits(finalAfter(state, command))) {
    return { until: Infinity }
  }
  const graceUntil = command.graceUntil ?? now + rules.grace
  // An answer 3 after a failed conversion is no riddle; just after a close it is.
  const riddle = command.answer?.error === 3 && standingFailure(state) === undefined
  const wait = riddle ? waitForClose(situation, graceUntil) : undefined
  if (wait !== undefined) return wait
  if (now >= graceUntil) return { verdict }
  return { until: graceUntil, note: { graceUntil } }
}

/**
 * The last editor may just have left: the callback that tells so comes only when the final save is
 * converted, so an `info` is sent. If nobody edits any more, that callback is waited for.
 */
function waitForClose(situation: Case, graceUntil: number | undefined): Judgement | undefined {
  const { state, command, now, rules } = situation
  if (command.looked === undefined) {
    const grace = graceUntil === undefined ? {} : { note: { graceUntil } }
    return { ...ask(situation, 'look'), ...grace }
  }
  // Nobody is known to have edited since the last close: then no such callback is due.
  if (command.looked.presence !== 'closed' || !someoneEdits(state)) return undefined
  const closeUntil = command.looked.at + rules.nudgeAfter
  return now < closeUntil ? { until: closeUntil } : undefined
}

/** One question at a time per key; when it is answered, those it came too early for ask again. */
function ask({ state, now }: Case, what: 'look' | 'search'): Judgement & { until: number } {
  const until = (state[what]?.at ?? -Infinity) + LONGEST_QUESTION
  if (now < until) return { until }
  const asked = what === 'look' ? { look: true as const } : { search: true as const }
  return { until: now + LONGEST_QUESTION, ...asked }
}

const awaits = (save: Save | undefined): boolean =>
  save !== undefined && (isOpen(save) || comesAgain(save))

/** Answered 0: its callback is to come. Rule 13 ends the wait after a close, rule 14 helps it. */
function accepted(situation: Case): Judgement {
  const { state, command, now, rules } = situation
  if (state.saves.some((save) => isOpen(save))) return { until: Infinity }
  const shared = sharedSave(situation)
  if (shared?.phase === 'stored') {
    // A stranger's save may have caused the replay just as well: then a callback of its own comes.
    const strangers = rules.otherSaves
    const graceUntil = command.graceUntil ?? now + (strangers ? rules.grace : 0)
    if (now < graceUntil) return { until: graceUntil, note: { graceUntil } }
    return { verdict: saved(command, shared, { rule: 10, certain: !strangers }) }
  }
  if (command.closedUntil !== undefined && !awaits(finalAfter(state, command))) {
    if (now < command.closedUntil) return { until: command.closedUntil }
    return { verdict: nothingNew(state, 13, false) }
  }
  if (command.kind === 'nudge' || command.nudges === NUDGES) return { until: Infinity }
  const accepted = command.answer?.at ?? now
  const nudgeAt = accepted + rules.nudgeAfter * 2 ** command.nudges
  if (now < nudgeAt) return { until: nudgeAt }
  // One that left lately for another command of the key helps it just as well.
  const lately = now - rules.nudgeAfter / 2
  const helped = state.commands.some(
    ({ kind, turn, answer }) =>
      kind === 'nudge' &&
      turn > (command.answer?.turn ?? Infinity) &&
      (answer === undefined || answer.at > lately),
  )
  const nudges = command.nudges + 1
  const until = nudges === NUDGES ? Infinity : accepted + rules.nudgeAfter * 2 ** nudges
  return helped ? { until, note: { nudges } } : { until, note: { nudges }, nudge: true }
}

/** Rule 6: answered 4, something newer than its edits is stored or under way. */
function nothingToSave(situation: Case, answered: number): Judgement {
  const { state, command, now, rules } = situation
  const ended = endedMeanwhile(state, command, answered)
  if (ended === undefined) return { until: Infinity }
  if (ended.failure !== undefined) return { verdict: failed(6, retryable(ended.failure)) }
  if (ended.expired) return { verdict: timedOut(command) }

  // The Docs server cannot be asked whether somebody else's save is under way: wait for it a while.
  const looked = command.looked?.presence
  const mayBeEdited = someoneEdits(state) || looked === 'editing' || looked === 'unknown'
  const strangers =
    state.users === null || (rules.otherSaves && mayBeEdited) || finalMayCome(state, now)
  const graceUntil = command.graceUntil ?? (strangers ? now + rules.grace : undefined)
  const wait = waitForClose(situation, graceUntil)
  if (wait !== undefined) return wait
  // Callbacks get lost and overtake each other: closed is what both they and the info say.
  const closed = state.users?.length === 0 && looked === 'closed'
  if (!closed && graceUntil !== undefined && now < graceUntil) {
    return { until: graceUntil, note: { graceUntil } }
  }
  const standing = standingFailure(state)
  if (standing !== undefined) return { verdict: failed(9, retryable(standing)) }
  // The last editor may have left before the answer and come again since: the callback that tells of
  // it is on its way then, and an info's can overtake it.
  const rejoinUntil = command.looked === undefined ? 0 : command.looked.at + rules.grace
  if (looked === 'editing' && now < rejoinUntil) return { until: rejoinUntil }
  const certain =
    graceUntil === undefined && (closed || (looked === 'editing' && isSession(state, command)))
  const save = newestStored(ended.stored)
  return {
    verdict:
      save === undefined
        ? unchanged({ rule: 6, certain, reason: 'no-changes' })
        : saved(command, save, { rule: 6, certain }),
  }
}

/** Whether the present session was seen to begin, and before the call. */
const isSession = (state: DocumentState, command: Command): boolean =>
  state.joined > 0 && state.joined < command.turn

/** By the callbacks so far; no word of a close counts as editing only if somebody had come. */
const someoneEdits = (state: DocumentState): boolean =>
  state.users !== null && state.users.length > 0

/** Rule 8: answered 1, nothing is open under this key. */
function notOpen(situation: Case): Judgement {
  const { state, command } = situation
  const { searched } = command
  if (searched === undefined) {
    // None before the file that the last one found is dealt with: it would be found again.
    if (state.saves.some((save) => save.trigger === 'forgotten' && isOpen(save))) {
      return { until: Infinity }
    }
    return ask(situation, 'search')
  }
  if (searched.failure !== undefined) return { verdict: failed(8, searched.failure) }
  const saves = state.saves.filter(
    (save) => isOpen(save) || (save.done !== undefined && save.done.turn > command.turn),
  )
  if (saves.some((save) => isOpen(save))) return { until: Infinity }
  const standing = standingFailure(state)
  if (standing !== undefined) return { verdict: failed(9, retryable(standing)) }
  const certain = !searched.outdated
  const save = newestStored(saves)
  return {
    verdict:
      save === undefined
        ? unchanged({ rule: 8, certain, reason: 'not-open' })
        : saved(command, save, { rule: 8, certain }),
  }
}

/** Rule 9: never `unchanged` over a failure that still stands. */
function nothingNew(state: DocumentState, rule: number, certain: boolean): Verdict {
  const standing = standingFailure(state)
  return standing === undefined
    ? unchanged({ rule, certain, reason: 'no-changes' })
    : failed(9, retryable(standing))
}

function newestStored(saves: readonly Save[]): Save | undefined {
  let newest: Save | undefined
  for (const save of saves) {
    if (save.phase !== 'stored') continue
    if (newest === undefined || (save.sequence ?? 0) >= (newest.sequence ?? 0)) newest = save
  }
  return newest
}

const retryable = (error: PlainError): PlainError => ({ ...error, retryable: true })
