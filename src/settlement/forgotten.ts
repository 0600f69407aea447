/**
 * Rule 13: what a forgotten file of a key is worth, by what is known of the key. Storing one that is
 * older than what is stored would destroy edits; leaving it where it is destroys nothing.
 */
import { recordArrival } from './arrival.js'
import { digestOf } from './digest.js'
import type { Arrival, LedgerEvent } from './event.js'
import { comesAgain, heals } from './failure.js'
import { isOpen, type DocumentState, type Save, type Searched } from './state.js'
import { COMES_AGAIN_WITHIN } from './timing.js'

/** So many forgotten files in a row are taken for one call (13.4). */
export const MOST_ROUNDS = 3

/** What becomes of a forgotten file that was found. */
export type Found =
  | { readonly outcome: 'taken' }
  /** It is a save already, by a search or by another process. */
  | { readonly outcome: 'joined'; readonly name: string }
  | { readonly outcome: 'left'; readonly reason: 'open' | 'outdated' }

/** How a file was come upon. */
export interface Finding {
  /** The turn before anything was asked about it. */
  readonly since: number
  /** The application says that this key is its file's still. */
  readonly vouched: boolean
}

/** A session has begun, and nobody has told of its end. */
export const isSessionOpen = ({ users }: DocumentState): boolean => (users ?? []).length > 0

/** A forgotten file on its way into storage. */
export const hasOpenForgotten = ({ saves }: DocumentState): boolean =>
  digestOf(saves).forgotten.some(isOpen)

/**
 * `missing`: a final save that nobody took is known, or a session with changes whose end nobody told, so
 * the file is newer than what is stored. `stored`: something is stored and nothing known is missing, so
 * the file may be older. `unknown`: neither.
 */
export function worthOfForgotten(state: DocumentState): 'missing' | 'stored' | 'unknown' {
  const { saves } = state
  const stored = saves.filter(({ phase }) => phase === 'stored')
  const { last } = digestOf(saves)
  // Nothing may have been changed since the final save: then the file has been there before it.
  const unchanged = last?.trigger === 'close' && !saves.some(({ turn }) => turn > last.lastTurn)
  // The file of a final save that failed may lie there still, though its edits are stored by now.
  const failed = saves.filter(
    ({ status, phase, trigger }) =>
      status === 2 && trigger === 'close' && (phase === 'failed' || phase === 'dropped'),
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
      (comesAgain(save) && save.done !== undefined && now < save.done.at + COMES_AGAIN_WITHIN),
  )
  // A state that was lost in between has begun to count its turns again.
  if (open || hasMovedOn(state, since) || since > state.turn) {
    return { outcome: 'left', reason: 'open' }
  }
  return { outcome: isWorthTaking(state, vouched) ? 'taken' : 'left', reason: 'outdated' }
}

function isWorthTaking(state: DocumentState, vouched: boolean): boolean {
  const worth = worthOfForgotten(state)
  return worth === 'missing' || (worth === 'unknown' && vouched)
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

/** The end of a search (13.1): a file that is worth it joins the key's saves. */
export function recordSearch(
  state: DocumentState,
  event: Extract<LedgerEvent, { type: 'searched' }>,
  now: number,
): DocumentState {
  const { save, since } = event
  const isOver = state.asking?.what === 'search' && state.asking.turn === since
  const { asking: _over, ...rest } = state
  const from: DocumentState = isOver ? rest : state
  const found = whatWasFound(from, event)
  const times = found === 'failed' ? (from.searched?.times ?? -1) + 1 : 0
  const failure = event.failure === undefined ? {} : { failure: event.failure }
  const searched: Searched = { turn: since, at: now, found, times, ...failure }
  const next = { ...from, searched }
  return found === 'file' && save !== undefined && joinedSave(from, since) === undefined
    ? recordArrival(next, save, now)
    : next
}

function whatWasFound(
  state: DocumentState,
  event: { save?: Arrival; unsupported?: true; failure?: unknown; vouched?: true; since: number },
): Searched['found'] {
  if (event.failure !== undefined) return 'failed'
  if (event.unsupported === true) return 'unsupported'
  if (event.save === undefined) return 'nothing'
  const { name } = event.save
  const known = state.saves.find((save) => save.name === name)
  // Its bytes are stored, and it could not be deleted.
  if (known?.phase === 'stored') return 'nothing'
  if (joinedSave(state, event.since) !== undefined || known !== undefined) return 'file'
  const isWorth = !hasMovedOn(state, event.since) && isWorthTaking(state, event.vouched === true)
  return isWorth ? 'file' : 'left'
}
