/**
 * Which documents are open, as far as is told: for `sessions()` and `forcesaveAll()`. No verdict
 * rests on it, so that it may end by an answer 1 what `users` still takes for open.
 */
import type { Transition } from '../settlement/machine.js'
import { isFinal, isOpen } from '../settlement/state.js'
import type { LedgerEvent } from '../settlement/event.js'
import type { DocumentState, Rules, Session } from '../settlement/state.js'
import { LATE_CLOSE, SESSION_KEPT, SESSION_SILENCE } from '../settlement/timing.js'

/** Whether this document is among those that are open: one whose last save is not stored yet is. */
export const isListed = (state: DocumentState): boolean =>
  state.session !== undefined || state.saves.some(isOpen)

/** Whether the Docs server is to be asked before the session is told of. */
export const isDoubtful = (session: Session, now: number): boolean =>
  session.doubted !== undefined || now - session.heard >= SESSION_SILENCE

/** Until when its state is to be kept, ms since the epoch. */
const sessionEndsBy = (session: Session | undefined): number =>
  session === undefined || session.doubted !== undefined ? 0 : session.heard + SESSION_KEPT

/** The state machine, and the list of what is open beside it. */
export const withSessions =
  (machine: Transition): Transition =>
  (state, event, now, rules) => {
    const step = machine(state, event, now, rules)
    const next = recordSession(step.state, event, now, rules)
    return next === step.state ? step : { ...step, state: next }
  }

/** When the whole state may be thrown away, ms since the epoch. */
export const expiresAt = (state: DocumentState, rules: Rules): number =>
  Math.max(state.touchedAt + rules.retention, sessionEndsBy(state.session))

/** Writes down in `state`, where `event` is recorded, what that tells of the session. */
function recordSession(
  state: DocumentState,
  event: LedgerEvent,
  now: number,
  rules: Rules,
): DocumentState {
  const next = sessionAfter(state, event, now, rules)
  if (next === state.session) return state
  const { session: _over, ...rest } = state
  return next === undefined ? rest : { ...rest, session: next }
}

function sessionAfter(
  state: DocumentState,
  event: LedgerEvent,
  now: number,
  rules: Rules,
): Session | undefined {
  const { session } = state
  switch (event.type) {
    case 'presence':
      return event.status === 1
        ? afterEditing(state, event, now)
        : afterClosed(state, event, now, rules)
    case 'arrived':
      return afterSave(state, event, now)
    case 'answered':
      return afterAnswer(state, event, now)
    default:
      return session
  }
}

/** The last editor has left, in this session or in the one before (`settlement.md` 13). */
function afterClosed(
  { session, joinedAt, commands }: DocumentState,
  { left, commandId }: Extract<LedgerEvent, { type: 'presence' }>,
  now: number,
  rules: Rules,
): Session | undefined {
  if (session === undefined) return undefined
  if (left.length > 0) {
    return now - joinedAt < rules.grace ? doubted(session, now) : ended(session, now)
  }
  const asked = commands.find(({ id }) => id === commandId)
  if (asked !== undefined && asked.turn < session.turn) return session
  // By an info nobody edits: the close or the final save may be on its way, or may have got lost.
  const since = session.doubted ?? now
  return now - since < LATE_CLOSE ? doubted(session, now) : undefined
}

/** Callbacks 1: their word ends all doubt. That of an info has no `actions`. */
function afterEditing(
  { session, turn }: DocumentState,
  { users, joined, left }: Extract<LedgerEvent, { type: 'presence' }>,
  now: number,
): Session {
  if (session === undefined) {
    const begun = { since: now, heard: now, turn, users }
    // The close may have come before the answer to a question.
    return joined.length === 0 && left.length === 0 ? doubted(begun, now) : begun
  }
  // Somebody comes who was there, or instead of one of whom nothing was told.
  const again =
    joined.some((id) => session.users.includes(id)) ||
    (joined.length > 0 && session.users.some((id) => !users.includes(id) && !left.includes(id)))
  const { doubted: _doubt, ...sure } = session
  return {
    ...{ ...sure, heard: now, turn, users },
    ...(again ? { reopened: now } : {}),
  }
}

function afterSave(
  { session, turn, saves }: DocumentState,
  { save: { name, status, trigger, facts } }: Extract<LedgerEvent, { type: 'arrived' }>,
  now: number,
): Session | undefined {
  if (trigger === 'forgotten') return session
  if (isFinal({ status })) {
    // One that comes again may be of the session before.
    const echo = saves.some((save) => save.name === name && save.turn !== turn)
    return session === undefined || echo ? session : ended(session, now)
  }
  // The callbacks of this session have not reached us, or it is over.
  if (session === undefined) {
    return doubted({ since: now, heard: now, turn, users: facts.users }, now)
  }
  return { ...session, heard: now, turn }
}

/** What the Docs server says when it is asked, unless a callback has told something newer. */
function afterAnswer(
  { session, turn, commands }: DocumentState,
  { id, answer }: Extract<LedgerEvent, { type: 'answered' }>,
  now: number,
): Session | undefined {
  const command = commands.findLast((other) => other.id === id)
  if (command === undefined || (session?.turn ?? 0) > command.turn) return session
  // It does not know the key any more.
  if (answer.error === 1) return undefined
  const { users = [] } = answer
  if (command.kind !== 'info' || answer.error !== 0 || users.length === 0) return session
  if (session === undefined) return doubted({ since: now, heard: now, turn, users }, now)
  const { doubted: _doubt, ...sure } = session
  return { ...sure, heard: now, turn, users }
}

function ended({ reopened, ...session }: Session, now: number): Session | undefined {
  const late = reopened !== undefined && now - reopened < LATE_CLOSE
  return late ? doubted(session, now) : undefined
}

const doubted = (session: Session, now: number): Session => ({ doubted: now, ...session })
