/** What a callback that tells who edits changes, and whose session a final save is of. */
import { refAfter } from './binding.js'
import type { Arrival, LedgerEvent } from './event.js'
import { isFinal, isOpen, type DocumentState, type Rules, type Save } from './state.js'

/** How long a final save that was sent may take to arrive, ms. */
const LATE_FINAL = 60_000

type Told = Extract<LedgerEvent, { type: 'presence' }>

export function recordPresence(
  state: DocumentState,
  event: Told,
  now: number,
  rules: Rules,
): DocumentState {
  const { status, users, joined, left } = event
  // Callbacks overtake each other: a 4 just after somebody came may tell of the session before.
  // An info may tell of somebody whose own callback is still on its way.
  const strangers = status === 1 && state.users !== null && users.some((id) => !isKnown(state, id))
  const hasJoined = joined.length > 0 || strangers
  const closed = status === 4 && left.length > 0 && now - state.joinedAt >= rules.grace
  const ref = refAfter(state, event)
  // Their coming was not told, so a final save that is not stored yet may have been made before it.
  const unseen = status === 1 && users.some((id) => !joined.includes(id) && !isKnown(state, id))
  const doubt = (save: Save): Save =>
    isFinal(save) && isOpen(save) ? { doubtFrom: state.began ?? 0, ...save } : save
  const presence =
    status === 1 ? { status: 'editing' as const, users } : { status: 'closed' as const, users: [] }
  return {
    ...state,
    users: closed ? [] : status === 1 ? users : state.users,
    ...(hasJoined ? { joined: state.turn, joinedAt: now, ...beginning(state, event, now) } : {}),
    ...(ref === undefined ? {} : { ref }),
    ...(unseen ? { saves: state.saves.map(doubt) } : {}),
    commands: state.commands.map((command) => {
      if (command.kind === 'info') {
        return command.id === event.commandId ? { ...command, presence } : command
      }
      // Rule 13: nobody edits any more and nothing was changed, so no callback of its own will come.
      const waits = closed && command.settled === undefined && command.answer?.error === 0
      return waits ? { ...command, closedUntil: now + rules.grace } : command
    }),
  }
}

const isKnown = ({ users }: DocumentState, id: string): boolean => users?.includes(id) === true

/** A session begins when somebody comes and nobody of before has stayed. */
function beginning(
  state: DocumentState,
  { users, joined }: Told,
  now: number,
): Pick<DocumentState, 'began' | 'untold'> {
  // Who edited before the first callback that came, nobody has told: it may have been the same.
  const before = state.users ?? (wasOpen(state) ? users : [])
  if (state.users !== null && before.some((id) => users.includes(id) && !joined.includes(id)))
    return {}
  // Callbacks overtake each other: who was there before that is not forgotten by who has come since.
  const earlier = finalMayCome(state, now) ? (state.untold?.users ?? []) : []
  const untold = [...new Set([...earlier, ...before])]
  return { began: state.turn, untold: { users: untold, until: now + LATE_FINAL } }
}

/** Whether a command has found it open. */
const wasOpen = ({ commands }: DocumentState): boolean =>
  commands.some(({ answer }) => [0, 3, 4].includes(answer?.error ?? 1))

/**
 * Rule 6: whether the final save of the session before may be on its way still. It was called off, or
 * sent before somebody came again (`docs-server.md`, "What our reply does").
 */
export const finalMayCome = ({ untold }: DocumentState, now: number): boolean =>
  untold !== undefined && untold.users.length > 0 && now < untold.until

/**
 * Rule 5: whether a final save is that of the session before the present one. It was sent before
 * somebody came again and has arrived since: whoever is there now has not left by it.
 * `doubtful`: it may be, since whoever has left was there in both.
 */
export function sessionOf(
  state: DocumentState,
  { status, trigger, lastSave = Infinity, left = [] }: Arrival,
  now: number,
): 'present' | 'before' | 'doubtful' {
  const { users, began, untold, saves } = state
  if (!isFinal({ status }) || trigger !== 'close' || left.length === 0) return 'present'
  if (began === undefined || users === null) return 'present'
  if (users.some((id) => !left.includes(id))) return 'before'
  const wasThere = left.some((id) => untold?.users.includes(id))
  if (!wasThere || !finalMayCome(state, now)) return 'present'
  // The present session has made a later save, or is over by now: then this is no word of its end.
  const isOlder = saves.some((save) => save.turn > began && (save.lastSave ?? 0) > lastSave)
  return users.length === 0 || isOlder ? 'before' : 'doubtful'
}
