/** Rule 2, one save, one name; and rule 12, final saves that may not be the last word. */
import { added, changed, digestOf } from './digest.js'
import { isMisdirected, refused } from './one-file.js'
import type { Arrival } from './event.js'
import { hasStepped, isUndecided } from './order.js'
import { isLastWord, recordLeaving } from './presence.js'
import { isFinal, isOpen, isWritten, type DocumentState, type Save } from './state.js'
import { COMES_AGAIN_WITHIN } from './timing.js'

/** A save that is not acknowledged can come any number of times. */
const MESSAGES_KEPT = 32

/** The state once `given` is known in it. Runs nothing yet: `order.ts` decides what runs. */
export function recordArrival(state: DocumentState, given: Arrival, now: number): DocumentState {
  const known = state.saves.findLast((save) => save.name === given.name)
  const misdirected = isMisdirected(state, given)
  // 17.2: what is known of a save is not changed by sending it elsewhere.
  if (misdirected && known !== undefined) return state
  const arrival = misdirected ? refused(given) : given
  const { message } = arrival
  const base = known ?? freshSave(state, arrival, misdirected, now)
  // The same bytes: the Docs server has not sent it again.
  const echo = message !== undefined && base.messages.includes(message)
  const isReplay = arrival.status === 6 && !echo && (known !== undefined || arrival.markedReplay)
  const save: Save = {
    ...progress(state, base, arrival, { now, isNew: known === undefined, echo }),
    lastTurn: echo ? base.lastTurn : state.turn,
    ...(isReplay ? { replayed: state.turn } : {}),
    ...(echo || message === undefined
      ? {}
      : { messages: [...base.messages, message].slice(-MESSAGES_KEPT) }),
  }
  const saves = known === undefined ? added(state.saves, save) : changed(state.saves, known, save)
  const stepped = known === undefined && hasStepped(state.saves, save)
  const next: DocumentState = {
    ...state,
    ref: state.ref ?? arrival.payload.ref,
    saves,
    ...(stepped ? { clockStepped: true } : {}),
  }
  const isWord = known === undefined && isFinal(save) && arrival.trigger === 'close'
  return isWord ? recordLeaving(next, arrival.left ?? []) : next
}

function freshSave(
  state: DocumentState,
  arrival: Arrival,
  misdirected: boolean,
  now: number,
): Save {
  const { name, status, trigger, commandId, lastSave, changes, notModified, facts, payload } =
    arrival
  const by = madeFor(state, arrival)
  return {
    ...{ name, status, trigger, facts, turn: state.turn, lastTurn: state.turn, at: now },
    ref: (misdirected ? state.ref : undefined) ?? payload.ref,
    ...(lastSave === undefined ? {} : { lastSave }),
    ...(changes === undefined ? {} : { changes }),
    ...(notModified === undefined ? {} : { notModified }),
    ...(by === undefined ? {} : { by }),
    ...(by === undefined && commandId !== undefined ? { stray: true } : {}),
    ...(isLastWord(state, arrival) ? { lastWord: true } : {}),
    phase: 'waiting',
    messages: [],
  }
}

/** The same name again: stored stays stored, what is under way is joined, what failed runs again. */
function progress(
  state: DocumentState,
  base: Save,
  arrival: Arrival,
  { now, isNew, echo }: { now: number; isNew: boolean; echo: boolean },
): Save {
  if (base.phase === 'running' || (base.phase === 'stored' && !mayBeAnother(base, arrival, echo)))
    return base
  const { done: _done, error: _error, permanent: _permanent, ...rest } = base
  if (arrival.failure !== undefined) {
    const done = { turn: state.turn, at: now }
    return { ...rest, phase: 'failed', done, error: arrival.failure, permanent: true }
  }
  const { payload } = arrival
  if (isNew) return { ...rest, payload, phase: mayBeOld(state, base) ? 'doubtful' : 'waiting' }
  // 12.2: it was asked for again, and has been sent again: nobody has come in between.
  return base.phase === 'doubtful' && echo ? base : { ...rest, payload, phase: 'waiting' }
}

/**
 * 2.3: two forced saves of one second can be alike in all that is compared. What is sent again is marked as
 * a replay; without the mark it may be another one, and storing it twice is harmless.
 */
const mayBeAnother = (base: Save, arrival: Arrival, echo: boolean): boolean =>
  base.status === 6 && !arrival.markedReplay && !echo

/**
 * 12.1: a final save that may be one of a session before. It is answered 503, and comes again only
 * if nobody has opened the document since.
 */
function mayBeOld(state: DocumentState, save: Save): boolean {
  if (save.status !== 2 || save.trigger !== 'close' || save.notModified === true) return false
  return state.saves.some(
    (other) => (isWritten(other) || isOpen(other)) && isUndecided(save, other, state),
  )
}

/** 12.3: one that has not come again by now was not the last word. */
export function dropUnconfirmed(state: DocumentState, now: number): DocumentState {
  const isOver = ({ phase, at }: Save): boolean =>
    phase === 'doubtful' && now >= at + COMES_AGAIN_WITHIN
  if (!digestOf(state.saves).doubtful.some(isOver)) return state
  const saves = state.saves.map((save) => {
    if (!isOver(save)) return save
    const { payload, ...rest } = save
    return { ...rest, phase: 'dropped' as const, done: { turn: state.turn, at: now } }
  })
  return { ...state, saves, ended: state.turn }
}

function madeFor(state: DocumentState, arrival: Arrival): Save['by'] {
  const command = state.commands.findLast(({ id }) => id === arrival.commandId)
  if (command?.kind !== 'forcesave') return undefined
  const { id, turn, answer, again } = command
  // 3.1: a second save of one command says that its request was received twice, at whatever time.
  const isRepeated = state.saves.some(({ by, name }) => by?.id === id && name !== arrival.name)
  return {
    ...{ id, turn },
    ...(answer?.error === 0 && !isRepeated ? { answered: answer.turn } : {}),
    ...(again === undefined ? {} : { again }),
  }
}
