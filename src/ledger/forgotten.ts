/**
 * What a forgotten file of a key is worth (`settlement.md` 8), by what is known of the key. Storing
 * one that is older than what is stored would destroy edits; leaving it where it is destroys nothing.
 */
import { recordArrival } from './arrival.js'
import { comesAgain, heals } from './fate.js'
import type { LedgerEvent } from './event.js'
import { isOpen, type DocumentState, type Save } from './state.js'

/** A final save that failed is sent again 1, 2 and 4 s later (`docs-server.md`): longer than that, ms. */
const SENT_AGAIN = 15_000

/** What becomes of a forgotten file that `recover()` has found. */
export type Found =
  | { readonly outcome: 'taken' }
  /** It is a save already, by a search or by another process. */
  | { readonly outcome: 'joined'; readonly name: string }
  | { readonly outcome: 'left'; readonly reason: 'open' | 'outdated' }

/** How `recover()` came upon a file. */
export interface Finding {
  /** The turn before anything was asked about it. */
  readonly since: number
  /** The application says that this key is its file's still. */
  readonly vouched: boolean
}

/** A session has begun, and nobody has told of its end. */
export const isSessionOpen = ({ users }: DocumentState): boolean => (users ?? []).length > 0

/**
 * `missing`: a final save that nobody took is known, or a session with changes whose end nobody told, so
 * the file is newer than what is stored. `stored`: something is stored and nothing known is missing, so
 * the file may be older. `unknown`: neither.
 */
export function worthOfForgotten(state: DocumentState): 'missing' | 'stored' | 'unknown' {
  const { saves } = state
  const stored = saves.filter(({ phase }) => phase === 'stored')
  const last = stored.reduce<Save | undefined>(
    (newest, save) => ((save.sequence ?? 0) > (newest?.sequence ?? 0) ? save : newest),
    undefined,
  )
  // Nothing may have been changed since the final save: then the file has been there before it.
  const unchanged = last?.trigger === 'close' && !saves.some(({ turn }) => turn > last.lastTurn)
  // The file of a final save that failed may lie there still, though its edits are stored by now.
  // An attempt to recover it that failed tells nothing new: what it was begun for stands.
  const failed = saves.filter(
    ({ status, phase, trigger }) => status === 2 && trigger === 'close' && phase === 'failed',
  )
  const healed = failed.filter((save) => stored.some((other) => heals(other, save)))
  const leftover = healed.some((save) =>
    stored.some((other) => other.trigger !== 'forgotten' && heals(other, save)),
  )
  if (isSessionOpen(state) && !unchanged && !leftover) return 'missing'
  if (healed.length < failed.length) return 'missing'
  if (last === undefined) return 'unknown'
  // A forgotten file that could not be deleted once it was stored: it is the same, or a newer one.
  return last.trigger === 'forgotten' ? 'missing' : 'stored'
}

/** The save that this file is already: being stored, or ended since. */
export const joinedSave = ({ saves }: DocumentState, since: number): Save | undefined =>
  saves.findLast(
    (save) =>
      save.trigger === 'forgotten' &&
      (isOpen(save) || (save.done !== undefined && save.done.turn > since)),
  )

/** Whether somebody has come, or another save has, since then. */
export const hasMovedOn = ({ joined, saves }: DocumentState, since: number): boolean =>
  joined > since ||
  saves.some(
    ({ trigger, turn, lastTurn }) => trigger !== 'forgotten' && Math.max(turn, lastTurn) > since,
  )

export function judgeFound(state: DocumentState, { since, vouched }: Finding, now: number): Found {
  const joined = joinedSave(state, since)
  if (joined !== undefined) return { outcome: 'joined', name: joined.name }
  const open = state.saves.some(
    (save) =>
      isOpen(save) ||
      (comesAgain(save) && save.done !== undefined && now < save.done.at + SENT_AGAIN),
  )
  // A state that was lost in between has begun to count its turns again.
  if (open || hasMovedOn(state, since) || since > state.turn) {
    return { outcome: 'left', reason: 'open' }
  }
  const worth = worthOfForgotten(state)
  const taken = worth === 'missing' || (worth === 'unknown' && vouched)
  return taken ? { outcome: 'taken' } : { outcome: 'left', reason: 'outdated' }
}

/** A file that `recover()` has found joins the key's saves, if it is worth it and is none of them yet. */
export function recordFound(
  state: DocumentState,
  event: Extract<LedgerEvent, { type: 'found' }>,
  now: number,
): DocumentState {
  const { outcome } = judgeFound(state, event, now)
  return outcome === 'taken' ? recordArrival(state, event.save, now) : state
}
