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
  const excused = certain !== true && mayNotKnow(call, ended, run.histories.get(key) ?? [])
  if ((end === 'saved' || end === 'unchanged') && !excused) {
    const stored = holding(run, key, ended)
    if (stored < edits)
      violate('I1', `${which} ended ${end} with ${stored} of ${edits} edits stored`)
  }
}

/** The last edit in the newest file of a key at a time; -1 when one before it is missing. */
function holding(run: RunRecord, key: string, at: number): number {
  const newest = run.histories
    .get(key)
    ?.findLast((entry) => entry.type === 'stored' && entry.at <= at)
  const edits = newest?.edits ?? []
  const last = edits.at(-1) ?? 0
  return edits.length === last ? last : -1
}

/** As the schedules have it: what a result may not know of that says it is not certain. */
function mayNotKnow({ began, around }: CallRecord, ended: number, history: Entry[]): boolean {
  if (wentBack(history, ended)) return true
  if (around === undefined) return false
  const { strangersSaved, joined, haveLeft } = around
  return strangersSaved > ended - STRANGERS || joined >= began || haveLeft
}

/**
 * Two saves of one second came the wrong way round (`settlement.md` 3), and nothing newer had been stored
 * since. What `onSave` stored without saying so does not count: nobody could know.
 */
function wentBack(history: Entry[], at: number): boolean {
  const sizes = history.flatMap(({ type, edits, thrown, at: storedAt }) =>
    type === 'stored' && thrown !== true && storedAt <= at ? [edits?.length ?? 0] : [],
  )
  return (sizes.at(-1) ?? 0) < Math.max(0, ...sizes)
}

function checkOrder(key: string, history: Entry[], violate: Violate): void {
  let newest: Entry | undefined
  for (const entry of history) {
    if (entry.type !== 'stored' || entry.thrown === true) continue
    const [before, after] = [newest?.edits?.length ?? 0, entry.edits?.length ?? 0]
    if (after < before && entry.lastSave !== newest?.lastSave) {
      violate('I4', `${key} went back from ${before} edits to ${after}`)
    }
    if (after >= before) newest = entry
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
