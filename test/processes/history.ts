/**
 * What a run has left behind, and what of it breaks the invariants of `settlement.md`. Pure: the same
 * record can be tampered with, to see that each check can fail.
 */
import type { Attack } from './hostile.js'
import type { Surroundings } from './people.js'
import type { Entry } from './storage.js'
import { saveSent, type AcknowledgedFinal } from './witness.js'

/** One call, as whoever made it saw it. Times in ms since the epoch. */
export interface CallRecord {
  key: string
  kind: 'forcesave' | 'info'
  /** How many edits the Docs server had received before the call. */
  edits: number
  userdata: string
  began: number
  timeout: number
  /** Absent: it has not ended. */
  ended?: number
  /** `saved`, `unchanged`, `info`, the code of an error, `gone` with its process, or `untyped: …`. */
  end?: string
  certain?: boolean
  doubt?: string
  /** Of the result or error: of whom it speaks. */
  toldKey?: string | undefined
  toldUserdata?: string | undefined
  /** When it ended. */
  around?: Surroundings
}

export interface RunRecord {
  calls: CallRecord[]
  histories: Map<string, Entry[]>
  finals: AcknowledgedFinal[]
  /** The saves that the Docs server has sent: see {@link saveSent}. */
  sent: ReadonlySet<string>
  attacks: readonly Attack[]
  /** When processes had ended, by pid. */
  deaths: ReadonlyMap<number, number>
  /** What is left in Redis without an expiry. */
  lasting: string[]
}

export interface Violation {
  /** Of `settlement.md`; and: a forgery was accepted; something was stored that nobody had sent. */
  invariant: 'I1' | 'I2' | 'I3' | 'I4' | 'I5' | 'I6' | 'I7' | 'accepted' | 'not sent'
  what: string
}

/** A call may be told this much after its deadline on a busy machine, ms. */
const TOLERANCE = 5_000
/** What a stranger has saved may be under way this long, ms. */
const STRANGERS = 30_000

export function violationsOf(run: RunRecord): Violation[] {
  const found: Violation[] = []
  const violate = (invariant: Violation['invariant'], what: string): void => {
    found.push({ invariant, what })
  }
  for (const call of run.calls) checkCall(call, run, violate)
  for (const { key, at, edits } of run.finals) {
    if (holding(run, key, at) < edits) {
      violate('I3', `a final save of ${key} with ${edits} edits was acknowledged and is not stored`)
    }
  }
  for (const [key, history] of run.histories) {
    checkOrder(key, history, violate)
    checkRuns(key, history, run.deaths, violate)
    checkSent(key, history, run.sent, violate)
  }
  for (const { kind, replay, status } of run.attacks) {
    if (status === 200 && !replay) violate('accepted', `${kind}: answered 200`)
  }
  for (const name of run.lasting) violate('I7', `${name} has no expiry`)
  return found
}

type Violate = (invariant: Violation['invariant'], what: string) => void

function checkCall(call: CallRecord, run: RunRecord, violate: Violate): void {
  const { key, edits, userdata, began, timeout, ended, end = '', certain, toldKey } = call
  const which = `the call ${userdata} on ${key}`
  if (end === 'gone') return
  if (ended === undefined) return violate('I2', `${which} has not ended`)
  if (ended > began + timeout + TOLERANCE) {
    violate(
      'I2',
      `${which} ended (${end}) ${ended - began} ms after it began, its time was ${timeout}`,
    )
  }
  if (end.startsWith('untyped')) violate('I2', `${which} ended ${end}`)
  if (toldKey !== undefined && toldKey !== key) violate('I6', `${which} was told about ${toldKey}`)
  if (end === 'saved' && call.toldUserdata !== userdata) {
    violate('I6', `${which} was given the userdata ${call.toldUserdata}`)
  }
  const excused = certain !== true && mayNotKnow(call, ended)
  if ((end === 'saved' || end === 'unchanged') && !excused) {
    const stored = holding(run, key, ended)
    if (stored < edits)
      violate(
        'I1',
        `${which} ended ${end} (${call.doubt ?? 'certain'}) with ${stored} of ${edits} edits stored`,
      )
  }
}

/** The last edit in what is kept of a key at a time; -1 where an edit before the last one is missing. */
function holding(run: RunRecord, key: string, at: number): number {
  const kept = keptOf((run.histories.get(key) ?? []).filter((entry) => entry.at <= at))
  const holds = kept.map(({ edits = [] }) =>
    edits.length === (edits.at(-1) ?? 0) ? edits.length : -1,
  )
  return kept.length === 0 ? 0 : Math.max(...holds)
}

/** The newest file, and those beside it of which it is not known whether they are newer (`settlement.md` 3). */
function keptOf(history: Entry[]): Entry[] {
  let kept: Entry[] = []
  for (const entry of history) {
    if (entry.type !== 'stored') continue
    kept = entry.order === 'newest' ? [entry] : [...kept, entry]
  }
  return kept
}

/**
 * What a result that is not certain may not know of. The doubt that others may be saving is held to what others
 * did; any other doubt stands for itself.
 */
function mayNotKnow({ began, around, doubt }: CallRecord, ended: number): boolean {
  if (doubt !== 'others-may-save') return true
  if (around === undefined) return false
  const { strangersSaved, joined, haveLeft } = around
  return strangersSaved > ended - STRANGERS || joined >= began || haveLeft
}

/** What is told to be the newest holds all that was ever stored; but for what `onSave` stored without saying so. */
function checkOrder(key: string, history: Entry[], violate: Violate): void {
  let most = 0
  for (const { type, thrown, order, edits = [] } of history) {
    if (type !== 'stored' || thrown === true) continue
    if (order === 'newest' && edits.length < most) {
      violate('I4', `${key} went back from ${most} edits to ${edits.length}`)
    }
    most = Math.max(most, edits.length)
  }
}

/** Forgotten files are fetched by ourselves. */
function checkSent(
  key: string,
  history: Entry[],
  sent: ReadonlySet<string>,
  violate: Violate,
): void {
  for (const { path, ref } of history) {
    const forgotten = path.startsWith(`/cache/files/forgotten/${key}/`)
    if (forgotten || sent.has(saveSent(key, path, ref))) continue
    violate('not sent', `onSave was given ${path} for ${key} and the file ${ref}`)
  }
}

function checkRuns(
  key: string,
  history: Entry[],
  deaths: ReadonlyMap<number, number>,
  violate: Violate,
): void {
  const running = new Set<Entry>()
  const stored = new Map<string, Entry>()
  const dead = (pid: number, at: number): boolean => (deaths.get(pid) ?? Infinity) <= at
  for (const entry of history) {
    const { type, pid, save, attempt, at } = entry
    if (type === 'start') {
      for (const other of running) {
        if (dead(other.pid, at)) running.delete(other)
        else violate('I5', `onSave ran twice at once for ${key}: in ${other.pid} and in ${pid}`)
      }
      const before = stored.get(save)
      if (before !== undefined && !dead(before.pid, at)) {
        violate(
          'I5',
          `onSave ran again for a stored save of ${key}: in ${before.pid}, then in ${pid}`,
        )
      }
      running.add(entry)
      continue
    }
    for (const other of running) {
      if (other.pid === pid && other.save === save && other.attempt === attempt)
        running.delete(other)
    }
    // It has said that it failed: then it is run again.
    if (type === 'stored' && entry.thrown !== true) stored.set(save, entry)
  }
}
