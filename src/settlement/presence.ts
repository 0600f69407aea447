/**
 * Who edits, and whether the callbacks that say so tell one story (`docs/settlement.md` 7.3). A story
 * with a gap breaks the chain: what it leaves open needs a new proof.
 */
import { replaced } from './digest.js'
import { doubted } from './doubt.js'
import type { Arrival, LedgerEvent } from './event.js'
import { refAfter } from './one-file.js'
import { isSame, type Command, type DocumentState } from './state.js'
import { recordTold } from './told.js'

type Presence = Extract<LedgerEvent, { type: 'presence' }>

export function recordPresence(before: DocumentState, event: Presence, now: number): DocumentState {
  const { status, users, joined, left, commandId } = event
  const ref = refAfter(before, event)
  const state = ref === undefined ? before : { ...before, ref }
  const presence = { status: status === 1 ? ('editing' as const) : ('closed' as const), users }
  const asked = state.commands.findLast(({ id, kind }) => id === commandId && kind === 'info')
  if (asked !== undefined && asked.presence === undefined) {
    const heard: Command = { ...asked, presence }
    const commands = replaced(state.commands, asked, heard)
    return recordTold({ ...state, commands }, heard, now)
  }
  // The callback of an info that is not ours says nothing about who came and left.
  return joined.length === 0 && left.length === 0 ? state : followStory(state, event, now)
}

function followStory(state: DocumentState, event: Presence, at: number): DocumentState {
  const { status, joined, left } = event
  const now = status === 1 ? event.users : []
  const next: DocumentState = {
    ...state,
    users: now,
    cameOrLeft: state.turn,
    ...(joined.length > 0 ? { joined: state.turn, joinedAt: at } : {}),
    ...(status === 4 ? { ended: state.turn } : {}),
  }
  if (event.late === true) return doubted(next, 'editors-unknown')
  const before = state.users
  if (before === null) return isFirst(state, now, joined) ? { ...next, known: true } : unknown(next)
  // Somebody comes who was there: he has left without a word, or the Docs server was restarted.
  if (joined.some((id) => before.includes(id))) return restarted(next)
  const expected = [...before, ...joined].filter((id) => !left.includes(id))
  if (isSame(expected, now)) return next
  return before.some((id) => !now.includes(id) && !left.includes(id))
    ? restarted(next)
    : unknown(next)
}

/** The first word about a key is that one user came, alone, and no command has found it open before. */
const isFirst = (
  { commands }: DocumentState,
  now: readonly string[],
  joined: readonly string[],
): boolean =>
  joined.length === 1 &&
  isSame(now, joined) &&
  commands.every(({ answer }) => answer?.error === 1 || answer?.neverArrived === true)

/** Whether a final save can be the last word of the session: nobody else is known to edit. */
export const isLastWord = (
  { users }: DocumentState,
  { status, left = [] }: Pick<Arrival, 'status' | 'left'>,
): boolean => status === 2 && (users ?? []).every((id) => left.includes(id))

/** A final save says that its last editor has left. */
export function recordLeaving(state: DocumentState, left: readonly string[]): DocumentState {
  const { users } = state
  if (left.length === 0) return state
  if (users === null) return unknown({ ...state, users: [] })
  const next = { ...state, users: users.filter((id) => !left.includes(id)) }
  return isSame(users, left) ? next : restarted(next)
}

const restarted = (state: DocumentState): DocumentState =>
  doubted(state, 'docs-server-may-have-restarted')
const unknown = (state: DocumentState): DocumentState => doubted(state, 'editors-unknown')
