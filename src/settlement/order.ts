/**
 * Rule 3: one save of a key at a time goes to `onSave`, and a wrong order does not decide. Nothing is
 * skipped that is not proven to be contained in a stored file.
 */
import { changed, digestOf, type Digest } from './digest.js'
import type { Effect, LedgerEvent, RunnableSave } from './event.js'
import {
  isFinal,
  isWritten,
  type DocumentState,
  type Order,
  type Rules,
  type Save,
} from './state.js'

/** 3.1: whether everything in `older` is proven to be in `newer`. Clocks prove nothing. */
export function contains(newer: Save, older: Save): boolean {
  return isLater(newer, older) || isLonger(newer, older)
}

/** Its command left after the older one's had been answered, or after the older one had arrived. */
function isLater({ by }: Save, older: Save): boolean {
  if (by === undefined || by.again === true) return false
  if (by.turn > older.turn) return true
  return older.by?.answered !== undefined && by.turn > older.by.answered
}

/** Its list of changes begins with all of the older one's, and goes on. */
function isLonger({ changes: longer = [] }: Save, { changes: shorter = [] }: Save): boolean {
  const last = shorter.at(-1)
  return last !== undefined && longer.length > shorter.length && longer[shorter.length - 1] === last
}

/** Whether any of the saves can contain this one at all, by what the digest tells of them. */
function canBeContained({ turn, by, changes = [] }: Save, digest: Digest): boolean {
  const after = Math.min(turn, by?.answered ?? Infinity)
  return digest.orderedUpTo > after || (changes.length > 0 && digest.mostChanges > changes.length)
}

/** 3.2: whether `newer` is the newer one as far as its `lastsave` says. Clocks can be set. */
function isLaterByClock(newer: Save, older: Save, { clockStepped }: DocumentState): boolean {
  // What comes as the last word of a session comes after the forgotten file of one before.
  if (older.trigger === 'forgotten' && newer.lastWord === true) return true
  if (clockStepped === true || newer.lastSave === undefined || older.lastSave === undefined)
    return false
  if (newer.lastSave !== older.lastSave) return newer.lastSave > older.lastSave
  // `lastsave` has whole seconds. The final save of a session comes after its forced saves.
  return newer.lastWord === true && !isFinal(older)
}

/** The same, where nothing better can be had: a command's save is ordered by its command, or not at all. */
const seemsNewer = (newer: Save, older: Save, state: DocumentState): boolean =>
  newer.by === undefined && newer.stray !== true && isLaterByClock(newer, older, state)

/** Whether nothing tells which of the two is the newer. */
export const isUndecided = (left: Save, right: Save, state: DocumentState): boolean =>
  !contains(left, right) && !contains(right, left) && !seemsNewer(left, right, state)

/** 3.4: the clock of the Docs server was set when what is proven contradicts `lastsave`. */
export function hasStepped(saves: readonly Save[], save: Save): boolean {
  const digest = digestOf(saves)
  const isEarlier = save.lastSave !== undefined && save.lastSave < digest.lastSave
  if (!isEarlier && !canBeContained(save, digest)) return false
  return saves.some(
    (other) => other !== save && (contradicts(save, other) || contradicts(other, save)),
  )
}

const contradicts = (newer: Save, older: Save): boolean =>
  newer.lastSave !== undefined &&
  older.lastSave !== undefined &&
  newer.lastSave < older.lastSave &&
  contains(newer, older) &&
  !contains(older, newer)

/** Whether `left` is to be stored before `right`. */
function goesBefore(left: Save, right: Save, state: DocumentState): boolean {
  if (contains(right, left)) return true
  if (contains(left, right)) return false
  if (isLaterByClock(right, left, state)) return true
  return isLaterByClock(left, right, state) ? false : left.turn < right.turn
}

/** The stored file that is proven to hold all of this save. */
const holderOf = (save: Save, { saves }: DocumentState): Save | undefined =>
  canBeContained(save, digestOf(saves))
    ? saves.find((other) => isWritten(other) && contains(other, save))
    : undefined

/** Whether anything is known of the key: else only the application vouches for a forgotten file of it (13.1). */
const isOfKnownKey = ({ known, saves, users }: DocumentState): boolean =>
  known ||
  digestOf(saves).last !== undefined ||
  digestOf(saves).failed.length > 0 ||
  (users ?? []).length > 0

/** How a save stands to what is stored. */
function orderOf(save: Save, state: DocumentState): Order {
  if (save.trigger === 'forgotten') return isOfKnownKey(state) ? 'newest' : 'unknown'
  if (holderOf(save, state) !== undefined) return 'older'
  // What was stored before may not be known any more; what a command of ours made holds all of that.
  const isAfterAll = state.known || (save.by !== undefined && save.by.again !== true)
  return isAfterAll && isNewerThanAll(save, state) ? 'newest' : 'unknown'
}

function isNewerThanAll(save: Save, state: DocumentState): boolean {
  const { by } = save
  // Its command was registered after all of them had arrived.
  const isLast = by !== undefined && by.again !== true
  if (isLast && by.turn > digestOf(state.saves).writtenUpTo) return true
  return state.saves.every(
    (other) => !isWritten(other) || contains(save, other) || seemsNewer(save, other, state),
  )
}

/** What the queue is given of a running save; undefined when it has ended. */
export function runnableOf(save: Save): RunnableSave | undefined {
  const { name, status, sequence, trigger, lastSave, payload, order = 'newest' } = save
  if (payload === undefined || sequence === undefined) return undefined
  return {
    ...{ name, sequence, trigger, order, payload },
    status: status === 2 ? 2 : 6,
    ...(lastSave === undefined ? {} : { lastSave }),
  }
}

/**
 * A save comes again that counts as running: whoever was to queue it may have died before, so it is
 * handed over once more. Queueing what is queued changes nothing.
 */
export function handedOverAgain(state: DocumentState, event: LedgerEvent): Effect[] {
  if (event.type !== 'arrived') return []
  const save = state.saves.findLast(({ name }) => name === event.save.name)
  const run = save?.phase === 'running' ? runnableOf(save) : undefined
  return run === undefined ? [] : [{ type: 'run', save: run }]
}

/** Ends what a stored file holds (3.3), and hands over the next save when none is being stored. */
export function advanceSaves(
  before: DocumentState,
  now: number,
  rules: Rules,
): { state: DocumentState; run?: RunnableSave | undefined } {
  if (digestOf(before.saves).waiting === 0) return { state: before }
  const state = rules.olderSaves ? before : skipHeld(before, now)
  const { saves } = state
  if (digestOf(saves).running > 0) return { state }
  const next = saves
    .filter(({ phase }) => phase === 'waiting')
    .reduce<Save | undefined>(
      (first, save) => (first === undefined || goesBefore(save, first, state) ? save : first),
      undefined,
    )
  if (next?.payload === undefined) return { state }
  // From the time, so that it goes on growing after the state has expired.
  const sequence = Math.max(state.sequence + 1, now)
  const running: Save = { ...next, phase: 'running', sequence, order: orderOf(next, state) }
  return {
    state: { ...state, sequence, saves: changed(saves, next, running) },
    run: runnableOf(running),
  }
}

function skipHeld(state: DocumentState, now: number): DocumentState {
  const isHeld = (save: Save): boolean =>
    save.phase === 'waiting' && holderOf(save, state) !== undefined
  if (!state.saves.some(isHeld)) return state
  const saves = state.saves.map((save) => {
    const holder = save.phase === 'waiting' ? holderOf(save, state) : undefined
    if (holder === undefined) return save
    const { payload, ...rest } = save
    const done = { turn: state.turn, at: now }
    return { ...rest, phase: 'stored' as const, done, within: holder.name, stored: holder.stored }
  })
  return { ...state, saves }
}

/** 3.5: a newer file may have been stored over this one, and nothing proves that it holds all of it. */
export function isBuried({ saves }: DocumentState, save: Save): boolean {
  return digestOf(saves).unordered.some(
    (other) => (other.sequence ?? 0) > (save.sequence ?? 0) && !contains(other, save),
  )
}
