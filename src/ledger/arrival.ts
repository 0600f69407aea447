/**
 * What an arriving save changes: its name (`settlement.md` 2), and whether it is a replay (10).
 */
import { isMisdirected, refused } from './binding.js'
import type { Arrival } from './event.js'
import { sessionOf } from './presence.js'
import { isFinal, isOvertaken, type DocumentState, type Save } from './state.js'

/** A save that is not acknowledged can come any number of times. */
const MESSAGES_KEPT = 32

/** The state once `given` is known in it. Runs nothing yet: `order.ts` decides what runs. */
export function recordArrival(state: DocumentState, given: Arrival, now: number): DocumentState {
  const known = state.saves.find((save) => save.name === given.name)
  const misdirected = isMisdirected(state, given)
  // Rule 18: what is known of a save is not changed by sending it elsewhere.
  if (misdirected && known !== undefined) return state
  const arrival = misdirected ? refused(given) : given
  const by = madeFor(state, arrival)
  const session = sessionOf(state, arrival, now)
  const fresh: Save = {
    name: arrival.name,
    ref: (misdirected ? state.ref : undefined) ?? arrival.payload.ref,
    status: arrival.status,
    trigger: arrival.trigger,
    turn: state.turn,
    lastTurn: session === 'before' ? (state.began ?? state.turn) - 1 : state.turn,
    ...(session === 'doubtful' && state.began !== undefined ? { doubtFrom: state.began } : {}),
    at: now,
    ...(arrival.lastSave === undefined ? {} : { lastSave: arrival.lastSave }),
    facts: arrival.facts,
    ...(by === undefined ? {} : { by }),
    phase: 'waiting',
    replays: 0,
    candidates: [],
  }
  const base = known ?? fresh
  const { message } = arrival
  const { messages = [] } = base
  // The Docs server has not sent it again: no command of now has caused that (rules 5 and 10).
  const echo = message !== undefined && messages.includes(message)
  const replay = arrival.status === 6 && !echo && (known !== undefined || arrival.markedReplay)
  const save: Save = {
    ...progress(state, base, arrival, now),
    lastTurn: echo ? base.lastTurn : lastTurn(state, base),
    ...(replay ? withCandidates(state, base) : {}),
    ...(echo || message === undefined
      ? {}
      : { messages: [...messages, message].slice(-MESSAGES_KEPT) }),
  }
  return {
    ...state,
    ref: state.ref ?? arrival.payload.ref,
    // The last editor has left when a final save comes, good or bad; one of before tells nothing of now,
    // nor does one that may be.
    ...(isFinal(save) &&
    arrival.trigger === 'close' &&
    save.lastTurn === state.turn &&
    session !== 'doubtful'
      ? { users: [] }
      : {}),
    saves:
      known === undefined
        ? [...state.saves, save]
        : state.saves.map((other) => (other === known ? save : other)),
  }
}

/** By `docs-server.md` a final save is not sent again once somebody is there: such a one is an echo. */
function lastTurn(state: DocumentState, base: Save): number {
  return isFinal(base) && (state.joined > base.turn || isOvertaken(base))
    ? base.lastTurn
    : state.turn
}

/** The same name again: stored stays stored, what is under way is joined, what failed runs again. */
function progress(state: DocumentState, base: Save, arrival: Arrival, now: number): Save {
  if (base.phase === 'stored' || base.phase === 'running') return base
  const { done, error, permanent, ...rest } = base
  if (arrival.failure === undefined) return { ...rest, phase: 'waiting', payload: arrival.payload }
  return {
    ...rest,
    phase: 'failed',
    done: { turn: state.turn, at: now },
    error: arrival.failure,
    permanent: true,
  }
}

function madeFor(state: DocumentState, arrival: Arrival): Save['by'] {
  const command = state.commands.find(({ id }) => id === arrival.commandId)
  if (command === undefined || command.kind === 'info') return undefined
  const { id, turn, answer } = command
  return { id, turn, ...(answer === undefined ? {} : { answered: answer.turn }) }
}

/**
 * Rule 10: a replay is sent inside a forcesave, before that command's answer, so one of the
 * forcesaves unanswered now has caused it.
 */
function withCandidates(state: DocumentState, save: Save): Partial<Save> {
  const unanswered = state.commands
    .filter((command) => command.kind !== 'info' && command.answer === undefined)
    .map(({ id }) => id)
  return {
    replays: save.replays + 1,
    candidates: [...new Set([...save.candidates, ...unanswered])],
  }
}

/**
 * Rule 10: once a save has been replayed as often as it has candidates, each candidate that is
 * answered 0 shares its fate. One that is answered 4 or 1 has not caused a replay.
 */
export function shareFates(state: DocumentState): DocumentState {
  const shares = new Map<string, string>()
  for (const save of state.saves) {
    if (save.replays === 0) continue
    const candidates = state.commands.filter(
      ({ id, answer }) =>
        save.candidates.includes(id) && answer?.error !== 4 && answer?.error !== 1,
    )
    if (save.replays < candidates.length) continue
    for (const { id, answer } of candidates) {
      if (answer?.error === 0) shares.set(id, save.name)
    }
  }
  if (shares.size === 0) return state
  return {
    ...state,
    commands: state.commands.map((command) => {
      const name = command.shares ?? shares.get(command.id)
      return name === undefined || name === command.shares ? command : { ...command, shares: name }
    }),
  }
}
