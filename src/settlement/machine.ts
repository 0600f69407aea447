/**
 * The state machine of `docs/settlement.md`: the state of one key and an event give its next state and
 * what to do. Pure: no clock, no I/O, no randomness; they come in with the event. Both ledgers run
 * this same function and differ only in where the state lives.
 */
import { dropUnconfirmed, recordArrival } from './arrival.js'
import { recordAnswer, recordCommand } from './command.js'
import { changed, digestOf } from './digest.js'
import { doubted } from './doubt.js'
import type { Effect, LedgerEvent } from './event.js'
import { recordFound, recordSearch } from './forgotten.js'
import { judge } from './judge.js'
import { cameElsewhere } from './one-file.js'
import { advanceSaves } from './order.js'
import { recordPresence } from './presence.js'
import { noteProofs } from './proof.js'
import { forget } from './retention.js'
import { isFinal, type Command, type DocumentState, type Rules, type Save } from './state.js'
import { COMES_AGAIN_WITHIN, QUESTION_PATIENCE } from './timing.js'
import { isAsking } from './told.js'
import { View } from './view.js'

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
  const recorded = record(begun, event, now)
  const advanced = advanceSaves(dropUnconfirmed(recorded, now), now, rules)
  const known = noteProofs(advanced.state)
  const settled = settle(known, now, rules)
  const elsewhere = cameElsewhere(before, event)
  const effects: Effect[] = [
    ...(advanced.run === undefined ? [] : [{ type: 'run' as const, save: advanced.run }]),
    ...lateFor(before, event),
    ...(elsewhere === undefined ? [] : [{ type: 'misdirected' as const, ref: elsewhere }]),
    ...settled.effects,
  ]
  return { state: forget(settled.state, now, rules), effects, dueAt: settled.dueAt }
}

/** Writes down what has happened. Decides nothing. */
function record(state: DocumentState, event: LedgerEvent, now: number): DocumentState {
  switch (event.type) {
    case 'registered':
      return recordCommand(state, event, now)
    case 'answered':
      return recordAnswer(state, event, now)
    case 'presence':
      return recordPresence(state, event, now)
    case 'arrived':
      return recordArrival(state, event.save, now)
    case 'searched':
      return recordSearch(state, event, now)
    case 'found':
      return recordFound(state, event, now)
    case 'discarded':
      return finish(state, now, isNamed(event), (save) => ({ ...save, discarded: true }))
    case 'stored':
      return finish(state, now, isRun(event), (save) => {
        const { error, permanent, ...rest } = save
        return { ...rest, phase: 'stored', stored: event.stored }
      })
    case 'failed': {
      const { error, permanent } = event
      const isOfIt = isRun(event)
      return finish(
        state,
        now,
        (save) => isOfIt(save) && save.phase === 'running',
        (save) => ({ ...save, phase: 'failed', error, permanent }),
      )
    }
    case 'lost':
      return doubted(state, 'ledger-lost')
    case 'tick':
      return state
  }
}

function finish(
  state: DocumentState,
  now: number,
  isMeant: (save: Save) => boolean,
  change: (save: Save) => Save,
): DocumentState {
  const save = state.saves.findLast(isMeant)
  if (save === undefined) return state
  const { payload, ...rest } = change(save)
  const done = { turn: state.turn, at: now }
  const saves = changed(state.saves, save, { ...rest, done })
  const next = isFinal(rest) ? { ...state, saves, ended: state.turn } : { ...state, saves }
  // 11.1: which of the files is the newest is for the application to say.
  return rest.phase === 'stored' && rest.order === 'unknown' ? doubted(next, 'order-unknown') : next
}

/** Stored stays stored: a second verdict on one run is a step done twice. */
const isNamed =
  ({ name }: { name: string }) =>
  (save: Save): boolean =>
    save.name === name && save.phase !== 'stored'

/** A worker that gets no reply from Redis reports the end of a run twice, the second time perhaps during the next one. */
const isRun =
  (run: { name: string; sequence: number }) =>
  (save: Save): boolean =>
    isNamed(run)(save) && save.sequence === run.sequence

/** 14.3: a save that comes after its command's verdict is reported, and changes nothing. */
function lateFor(before: DocumentState, event: LedgerEvent): Effect[] {
  if (event.type !== 'stored') return []
  const save = before.saves.findLast(isRun(event))
  const command = before.commands.findLast(({ id }) => id === save?.by?.id)
  return command?.settled === undefined || command.own === true
    ? []
    : [{ type: 'late', id: command.id }]
}

/** Settles what can be settled, and asks the one question that the others wait for (8.3). */
function settle(before: DocumentState, now: number, rules: Rules): Step {
  const effects: Effect[] = []
  const asks = new Set<'info' | 'forcesave' | 'search'>()
  let dueAt = nextEnd(before, now)
  const view = new View(before)
  // Only what changes is copied.
  let commands: Command[] | undefined
  for (let index = 0; index < before.commands.length; index += 1) {
    const command = before.commands[index]
    if (command === undefined || command.settled !== undefined || command.own === true) continue
    const judgement = judge({ state: before, command, view, now, rules })
    if ('verdict' in judgement) {
      const { id, kind } = command
      effects.push({ type: 'settle', id, kind, verdict: judgement.verdict })
      commands ??= before.commands.slice()
      commands[index] = { ...command, settled: { turn: before.turn, at: now } }
      continue
    }
    dueAt = Math.min(dueAt, judgement.until)
    if (judgement.ask !== undefined) asks.add(judgement.ask)
    if (judgement.note === undefined) continue
    commands ??= before.commands.slice()
    commands[index] = { ...command, ...judgement.note }
  }
  const state = commands === undefined ? before : { ...before, commands }
  if (asks.size === 0) return { state, effects, dueAt }
  if (isAsking(state, now)) {
    const givenUpAt = (state.asking?.at ?? now) + QUESTION_PATIENCE
    return { state, effects, dueAt: Math.min(dueAt, givenUpAt) }
  }
  const what = asks.has('info') ? 'info' : asks.has('search') ? 'search' : 'forcesave'
  const asking = { what, turn: state.turn, at: now } as const
  effects.push(askFor(what, state))
  return {
    state: { ...state, asking },
    effects,
    dueAt: Math.min(dueAt, now + QUESTION_PATIENCE),
  }
}

/** What asks the question of that turn. */
export function askFor(
  what: 'info' | 'forcesave' | 'search',
  { turn, ref }: DocumentState,
): Effect {
  if (what !== 'search') return { type: 'ask', what }
  return { type: 'search', since: turn, ...(ref === undefined ? {} : { ref }) }
}

/** When the next doubtful final save is given up (12.3). */
function nextEnd({ saves }: DocumentState, now: number): number {
  let end = Infinity
  for (const { at } of digestOf(saves).doubtful) {
    end = Math.min(end, Math.max(at + COMES_AGAIN_WITHIN, now + 1))
  }
  return end
}
