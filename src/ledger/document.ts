/**
 * The state machine of `settlement.md`: the state of one key and an event give its next state and
 * what to do. Pure: no clock, no I/O, no randomness; they come in with the event. Both ledgers run
 * this same function and differ only in where the state lives.
 */
import { recordArrival, shareFates } from './arrival.js'
import { cameElsewhere } from './binding.js'
import { mayBeOutdated } from './fate.js'
import { joinedSave, recordFound } from './forgotten.js'
import { judge } from './judge.js'
import { advanceSaves } from './order.js'
import { recordPresence } from './presence.js'
import { forget } from './retention.js'
import { recordSession } from './session.js'
import type { AnswerFacts, Effect, LedgerEvent } from './event.js'
import type { Command, DocumentState, Question, Rules, Save } from './state.js'

/** A save that takes longer than this between command and callback is not reckoned with, ms. */
const LONGEST_SAVE = 60_000

export interface Step {
  readonly state: DocumentState
  readonly effects: readonly Effect[]
  /** When to send a `tick` at the latest, ms since the epoch; Infinity: only an event can matter. */
  readonly dueAt: number
}

export type Transition = typeof transition

export function transition(
  before: DocumentState,
  event: LedgerEvent,
  now: number,
  rules: Rules,
): Step {
  const begun = { ...before, turn: before.turn + 1, touchedAt: now }
  const told = recordSession(record(begun, event, now, rules), event, now, rules)
  const recorded = expireRequests(shareFates(told), now)
  const { state, run } = advanceSaves(recorded, now)
  const effects: Effect[] = run === undefined ? [] : [{ type: 'run', save: run }]
  effects.push(...lateFor(before, event))
  const elsewhere = cameElsewhere(before, event)
  if (elsewhere !== undefined) effects.push({ type: 'misdirected', ref: elsewhere })
  const settled = settle(state, now, rules, effects)
  return { ...settled, state: forget(settled.state, now, rules), effects }
}

/** Writes down what has happened. Decides nothing. */
function record(
  state: DocumentState,
  event: LedgerEvent,
  now: number,
  rules: Rules,
): DocumentState {
  switch (event.type) {
    case 'registered':
      // Done twice, it changes nothing.
      return state.commands.some(({ id }) => id === event.id)
        ? state
        : { ...state, commands: [...state.commands, newCommand(state, event)] }
    case 'answered':
      return recordAnswer(state, event.id, event.answer, now)
    case 'presence':
      return recordPresence(state, event, now, rules)
    case 'arrived':
      return recordArrival(state, event.save, now)
    case 'searched':
      return recordSearch(state, event, now)
    case 'found':
      return recordFound(state, event, now)
    case 'discarded':
      return finish(state, isNamed(event), (save) => ({ ...save, discarded: true }))
    case 'stored':
      return finish(state, isRun(event), (save) => {
        const { error, permanent, ...rest } = save
        return { ...rest, phase: 'stored', stored: event.stored }
      })
    case 'failed': {
      const { error, permanent } = event
      const isOfIt = isRun(event)
      return finish(
        state,
        (save) => isOfIt(save) && save.phase === 'running',
        (save) => ({ ...save, phase: 'failed', error, permanent }),
      )
    }
    case 'looked': {
      const { look, ...rest } = state
      const looked = { at: now, presence: event.presence }
      return serve(rest, look, event.id, (command) =>
        command.looked === undefined ? { looked } : {},
      )
    }
    case 'tick':
      return state
  }

  function finish(
    from: DocumentState,
    isMeant: (save: Save) => boolean,
    change: (save: Save) => Save,
  ): DocumentState {
    const saves = from.saves.map((save) => {
      if (!isMeant(save)) return save
      const { payload, ...rest } = change(save)
      return { ...rest, done: { turn: from.turn, at: now } }
    })
    return { ...from, saves }
  }
}

/** Stored stays stored: a second verdict on one run is a step done twice. */
const isNamed =
  ({ name }: { name: string }) =>
  (save: Save): boolean =>
    save.name === name && save.phase !== 'stored'

/** Whoever gets no answer of Redis tells the end of a run twice, the second time perhaps during the next one. */
const isRun =
  (run: { name: string; sequence: number }) =>
  (save: Save): boolean =>
    isNamed(run)(save) && save.sequence === run.sequence

function recordSearch(
  before: DocumentState,
  event: Extract<LedgerEvent, { type: 'searched' }>,
  now: number,
): DocumentState {
  const { search, ...state } = before
  const failure = event.failure === undefined ? {} : { failure: event.failure }
  const since = search?.turn ?? 0
  // `recover()` may have found the same file meanwhile.
  const joined = joinedSave(state, since) !== undefined
  const outdated = event.save !== undefined && !joined && mayBeOutdated(state, since)
  const searched = { turn: state.turn, outdated, ...failure }
  const served = serve(state, search, event.id, (command) =>
    command.answer?.error === 1 && command.searched === undefined ? { searched } : {},
  )
  const arrives = event.save !== undefined && !outdated && !joined
  return arrives ? recordArrival(served, event.save, now) : served
}

/** What a question has told, for the one it was asked for and all answered before it was asked. */
function serve(
  state: DocumentState,
  question: Question | undefined,
  id: string,
  patch: (command: Command) => Partial<Command>,
): DocumentState {
  const until = question?.id === id ? question.turn : -1
  const commands = state.commands.map((command) => {
    const { answer } = command
    const served = command.id === id || (answer !== undefined && answer.turn <= until)
    return served ? { ...command, ...patch(command) } : command
  })
  return { ...state, commands }
}

function newCommand(
  state: DocumentState,
  event: Extract<LedgerEvent, { type: 'registered' }>,
): Command {
  const { id, kind, deadline, userdata } = event
  return {
    id,
    kind,
    turn: state.turn,
    // Infinity is no JSON.
    ...(deadline === Infinity ? {} : { deadline }),
    ...(userdata === undefined ? {} : { userdata }),
    nudges: 0,
  }
}

function recordAnswer(
  state: DocumentState,
  id: string,
  answer: AnswerFacts,
  now: number,
): DocumentState {
  const { turn } = state
  const answered = patchCommand(state, id, (command) =>
    command.answer === undefined ? { answer: { ...answer, turn, at: now } } : {},
  )
  // Its callback may have come before its response (`docs-server.md`, "Early").
  const saves = state.saves.map((save) =>
    save.by?.id === id && save.by.answered === undefined
      ? { ...save, by: { ...save.by, answered: turn } }
      : save,
  )
  return { ...answered, saves }
}

/** A request that nobody answered has run out of time for those who wait for it (rule 6). */
function expireRequests(state: DocumentState, now: number): DocumentState {
  const expires = (command: Command): boolean => now >= expiryOf(command)
  return state.commands.some(expires)
    ? {
        ...state,
        commands: state.commands.map((command) =>
          expires(command) ? { ...command, expired: state.turn } : command,
        ),
      }
    : state
}

/** Rule 15: a save that comes after its command's verdict is told, and changes nothing. */
function lateFor(before: DocumentState, event: LedgerEvent): Effect[] {
  if (event.type !== 'stored') return []
  const save = before.saves.find(isRun(event))
  if (save === undefined) return []
  const command = before.commands.find(({ id }) => id === save.by?.id)
  return command?.settled === undefined ? [] : [{ type: 'late', id: command.id }]
}

/** Settles what can be settled. A verdict may free another command, so it goes round until none is. */
function settle(
  start: DocumentState,
  now: number,
  rules: Rules,
  effects: Effect[],
): { state: DocumentState; dueAt: number } {
  let state = start
  let dueAt = Infinity
  for (let again = true; again;) {
    again = false
    dueAt = Infinity
    for (const command of state.commands) {
      if (command.settled !== undefined) {
        dueAt = Math.min(dueAt, expiryOf(command))
        continue
      }
      const judgement = judge({ state, command, now, rules })
      if ('verdict' in judgement) {
        const settled = { turn: state.turn, at: now }
        state = patchCommand(state, command.id, () => ({ settled }))
        const { id, kind } = command
        effects.push({ type: 'settle', id, kind, verdict: judgement.verdict })
        again = true
        continue
      }
      dueAt = Math.min(dueAt, judgement.until)
      const { note } = judgement
      if (note !== undefined) state = patchCommand(state, command.id, () => note)
      if (judgement.nudge) effects.push({ type: 'nudge' })
      const question = { id: command.id, turn: state.turn, at: now }
      if (judgement.look) {
        state = { ...state, look: question }
        effects.push({ type: 'look', id: command.id })
      }
      if (judgement.search) {
        state = { ...state, search: question }
        const ref = state.ref === undefined ? {} : { ref: state.ref }
        effects.push({ type: 'search', id: command.id, ...ref })
      }
    }
  }
  return { state, dueAt }
}

/**
 * Until when others wait for a request that nobody knows the fate of, settled or not (rule 6): it
 * may have been accepted, and its save may be converting, whatever its caller's patience was.
 */
function expiryOf({ kind, expired, answer, deadline = Infinity }: Command): number {
  if (kind === 'info' || expired !== undefined) return Infinity
  if (answer === undefined) return deadline
  const unknown = answer.error === null && answer.neverArrived !== true
  return unknown ? answer.at + LONGEST_SAVE : Infinity
}

function patchCommand(
  state: DocumentState,
  id: string,
  patch: (command: Command) => Partial<Command>,
): DocumentState {
  const index = state.commands.findIndex((command) => command.id === id)
  const command = state.commands[index]
  if (command === undefined) return state
  return { ...state, commands: state.commands.with(index, { ...command, ...patch(command) }) }
}
