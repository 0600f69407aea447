/**
 * In which order the saves of a key go to `onSave`, one at a time (`settlement.md` 3).
 */
import type { RunnableSave, Effect, LedgerEvent } from './event.js'
import { isFinal, isOpen, isOvertaken, type DocumentState, type Save } from './state.js'

/** Whether everything in `older` is certainly in `newer` as well. `began`: the turn of the present session. */
function supersedes(
  newer: Save,
  older: Save,
  { began = 0 }: Pick<DocumentState, 'began'>,
): boolean {
  // Clocks can be set back: a final save is never stale, nor is one whose command was registered
  // after the newer one had arrived.
  if (isFinal(older) && !isOvertaken(older)) return false
  if (older.by !== undefined && older.by.turn > newer.turn) return false
  if (newer.lastSave === undefined || older.lastSave === undefined) return false
  if (newer.lastSave !== older.lastSave) return newer.lastSave > older.lastSave
  // `lastsave` has whole seconds, so two saves may carry the same one. Then the newer one holds the
  // older one's edits if its command left after the older one's had been answered, or if it is the
  // final save of the session that the older one was made in.
  if (isFinal(newer) && !isOvertaken(newer)) {
    // Of a save by button or timer that is so when nobody has come between the two.
    return older.by !== undefined || !(began > newer.turn && began < older.turn)
  }
  if (older.by === undefined) return false
  return (
    newer.by !== undefined && older.by.answered !== undefined && newer.by.turn > older.by.answered
  )
}

/**
 * Whether the file stored last may lack edits of one stored before: its last edit is not later, in
 * whole seconds, and nothing else tells which of them is the newer. Conversions run in parallel,
 * so their arrival does not.
 */
export function orderIsInDoubt(state: DocumentState): boolean {
  const written = state.saves.filter(
    ({ phase, staleBy }) => phase === 'stored' && staleBy === undefined,
  )
  const newest = written.reduce<Save | undefined>(
    (last, save) => ((save.sequence ?? 0) > (last?.sequence ?? 0) ? save : last),
    undefined,
  )
  return written.some(
    (save) =>
      newest !== undefined &&
      save !== newest &&
      save.lastSave !== undefined &&
      save.lastSave >= (newest.lastSave ?? Infinity) &&
      !supersedes(newest, save, state) &&
      !(newest.by !== undefined && newest.by.turn > Math.min(save.turn, save.lastTurn)) &&
      !(isOvertaken(save) && isFinal(newest) && !isOvertaken(newest)),
  )
}

/** Whether `left` is to be stored before `right`. */
function goesBefore(left: Save, right: Save, state: DocumentState): boolean {
  if (supersedes(right, left, state)) return true
  if (supersedes(left, right, state)) return false
  // Without a `lastsave` the order falls back to arrival.
  const [leftTime, rightTime] = [left.lastSave ?? left.at, right.lastSave ?? right.at]
  return leftTime === rightTime ? left.turn < right.turn : leftTime < rightTime
}

/** What the queue is given of a running save; undefined when it has ended. */
export function runnableOf(save: Save): RunnableSave | undefined {
  const { name, status, sequence, trigger, lastSave, payload } = save
  if (payload === undefined || sequence === undefined) return undefined
  return {
    name,
    sequence,
    status: status === 2 ? 2 : 6,
    trigger,
    ...(lastSave === undefined ? {} : { lastSave }),
    payload,
  }
}

/**
 * A save comes again that counts as running: whoever was to queue it may have died before, so it is
 * handed over once more. Queueing what is queued changes nothing.
 */
export function handedOverAgain(state: DocumentState, event: LedgerEvent): Effect[] {
  if (event.type !== 'arrived') return []
  const save = state.saves.find(({ name }) => name === event.save.name)
  const run = save?.phase === 'running' ? runnableOf(save) : undefined
  return run === undefined ? [] : [{ type: 'run', save: run }]
}

/**
 * Marks what has become stale and hands over the next save, when none is being stored.
 * A stale save counts as stored: what it holds is in storage already.
 */
export function advanceSaves(
  state: DocumentState,
  now: number,
): { state: DocumentState; run?: RunnableSave | undefined } {
  if (!state.saves.some((save) => save.phase === 'waiting')) return { state }
  const saves = state.saves.map((save) => {
    if (save.phase !== 'waiting') return save
    const newer = state.saves.find(
      (other) => other.phase === 'stored' && supersedes(other, save, state),
    )
    if (newer === undefined) return save
    const { payload, ...rest } = save
    return {
      ...rest,
      phase: 'stored' as const,
      done: { turn: state.turn, at: now },
      staleBy: newer.staleBy ?? newer.name,
      stored: newer.stored,
    }
  })
  const next = saves.some((save) => save.phase === 'running')
    ? undefined
    : saves
        .filter((save) => isOpen(save))
        .reduce<Save | undefined>(
          (first, save) => (first === undefined || goesBefore(save, first, state) ? save : first),
          undefined,
        )
  if (next?.payload === undefined) return { state: { ...state, saves } }

  // From the time, so that it goes on growing after the state has expired.
  const sequence = Math.max(state.sequence + 1, now)
  const running: Save = { ...next, phase: 'running', sequence }
  return {
    state: {
      ...state,
      sequence,
      saves: saves.map((save) => (save === next ? running : save)),
    },
    run: runnableOf(running),
  }
}
