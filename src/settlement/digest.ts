/**
 * What is asked of the saves of a key many times an event, found once for each list of them: so that a
 * key which remembers many saves costs no more than one which remembers none. Decides nothing.
 */
import { isWritten, type Save } from './state.js'

export interface Digest {
  /** How many wait for `onSave`, and how many are being stored. */
  readonly waiting: number
  readonly running: number
  readonly doubtful: readonly Save[]
  readonly failed: readonly Save[]
  readonly discarded: readonly Save[]
  readonly forgotten: readonly Save[]
  /** Stored ones that were sent again (10.5). */
  readonly replayed: readonly Save[]
  /** Files that were stored without knowing whether they are the newest (3.5). */
  readonly unordered: readonly Save[]
  /** The file that was stored last. */
  readonly last: Save | undefined
  /** The stored save whose command was registered last; it proves the edits of all before it (4.2). */
  readonly covering: Save | undefined
  // The rest are limits: nothing is beyond them, and what they were found by may be dropped by now.
  /** The last turn in which a file that is stored has arrived. */
  readonly writtenUpTo: number
  /** The last turn of a command that a save was made for, which orders saves (3.1). */
  readonly orderedUpTo: number
  /** The most changes that one of them lists, and the latest `lastsave`. */
  readonly mostChanges: number
  readonly lastSave: number
  /** When the first of them has ended, ms since the epoch. */
  readonly firstEnd: number
}

type Writable = { -readonly [Name in keyof Digest]: Digest[Name] }

const NONE: readonly Save[] = []
const EMPTY: Digest = {
  ...{ waiting: 0, running: 0, doubtful: NONE, failed: NONE, discarded: NONE, forgotten: NONE },
  ...{ replayed: NONE, unordered: NONE, last: undefined, covering: undefined },
  ...{ writtenUpTo: -1, orderedUpTo: -1, mostChanges: 0, lastSave: -Infinity, firstEnd: Infinity },
}

/** Lists are never changed, so what was found in one holds for as long as it is kept. */
const digests = new WeakMap<readonly Save[], Digest>()

export function digestOf(saves: readonly Save[]): Digest {
  if (saves.length === 0) return EMPTY
  const known = digests.get(saves)
  if (known !== undefined) return known
  const digest: Writable = { ...EMPTY }
  for (const save of saves) count(save, digest)
  digests.set(saves, digest)
  return digest
}

/** Whether any has arrived and not ended. */
export const hasOpen = (saves: readonly Save[]): boolean => {
  const { waiting, running, doubtful } = digestOf(saves)
  return waiting > 0 || running > 0 || doubtful.length > 0
}

function count(save: Save, digest: Writable): void {
  const { phase, by, done, changes, lastSave } = save
  if (phase === 'stored') countStored(save, digest)
  else if (phase === 'waiting') digest.waiting += 1
  else if (phase === 'running') digest.running += 1
  else if (phase === 'doubtful') digest.doubtful = [...digest.doubtful, save]
  else if (phase === 'failed') digest.failed = [...digest.failed, save]
  if (save.discarded === true) digest.discarded = [...digest.discarded, save]
  if (save.trigger === 'forgotten') digest.forgotten = [...digest.forgotten, save]
  if (by !== undefined && by.again !== true && by.turn > digest.orderedUpTo) {
    digest.orderedUpTo = by.turn
  }
  if (changes !== undefined && changes.length > digest.mostChanges) {
    digest.mostChanges = changes.length
  }
  if (lastSave !== undefined && lastSave > digest.lastSave) digest.lastSave = lastSave
  if (done !== undefined && done.at < digest.firstEnd) digest.firstEnd = done.at
}

function countStored(save: Save, digest: Writable): void {
  const { by, turn, sequence = 0 } = save
  if (by !== undefined && by.again !== true && by.turn >= (digest.covering?.by?.turn ?? 0)) {
    digest.covering = save
  }
  if (save.replayed !== undefined) digest.replayed = [...digest.replayed, save]
  if (!isWritten(save)) return
  if (sequence >= (digest.last?.sequence ?? 0)) digest.last = save
  if (turn > digest.writtenUpTo) digest.writtenUpTo = turn
  if (save.order === 'unknown') digest.unordered = [...digest.unordered, save]
}

/** Whether it only counts: it is in none of the lists, whose order is that of the saves. */
const isPlain = (save: Save): boolean =>
  (save.phase === 'waiting' || save.phase === 'running' || save.phase === 'stored') &&
  save.discarded !== true &&
  save.trigger !== 'forgotten' &&
  save.replayed === undefined &&
  save.order !== 'unknown'

/** One more. */
export function added(saves: readonly Save[], save: Save): readonly Save[] {
  const list = [...saves, save]
  const digest: Writable = { ...digestOf(saves) }
  count(save, digest)
  digests.set(list, digest)
  return list
}

/** One in place of another. */
export function changed(saves: readonly Save[], save: Save, next: Save): readonly Save[] {
  const list = replaced(saves, save, next)
  const before = digestOf(saves)
  const isOpen = save.phase === 'waiting' || save.phase === 'running'
  // Which of two equals comes last is a matter of their places.
  const isTie =
    next.by?.turn === before.covering?.by?.turn || next.sequence === before.last?.sequence
  if (!isOpen || !isPlain(save) || !isPlain(next) || (isTie && next.phase === 'stored')) return list
  const digest: Writable = { ...before }
  digest[save.phase === 'waiting' ? 'waiting' : 'running'] -= 1
  count(next, digest)
  digests.set(list, digest)
  return list
}

/** Without some that have ended. */
export function without(saves: readonly Save[], gone: readonly Save[]): readonly Save[] {
  if (gone.length === 0) return saves
  const list = saves.filter((save) => !gone.includes(save))
  const digest = digestOf(saves)
  const isOnlyCounted = (save: Save): boolean =>
    save.phase === 'stored' && isPlain(save) && save !== digest.covering && save !== digest.last
  if (gone.every(isOnlyCounted)) digests.set(list, digest)
  return list
}

/** A list with one entry in place of another. */
export function replaced<Entry>(
  entries: readonly Entry[],
  entry: Entry,
  next: Entry,
): readonly Entry[] {
  const copy = entries.slice()
  copy[copy.lastIndexOf(entry)] = next
  return copy
}
