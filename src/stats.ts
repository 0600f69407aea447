/** What `docs.stats()` tells. Counting is adding to a number: no key of a document is kept here. */
import type { Clock } from './clock.js'
import type { Counters, Outcome } from './events.js'
import { createHistogram, type DurationStats } from './histogram.js'
import type { CommandName } from './protocol/command.js'

/** Of a verified callback its status; `refused`: turned away before it was believed. */
export type CountedStatus = 1 | 2 | 3 | 4 | 6 | 7 | 'other' | 'refused'

/** The HTTP status of our reply; `200 error 1` is a 200 with `{"error":1}`. */
export type CountedReply = 200 | '200 error 1' | 400 | 403 | 503

/** How many of each. */
export type Counts<Name extends string | number> = Readonly<Record<Name, number>>

/**
 * What has happened in this process since `createDocs()`, as plain JSON data: a copy. All but
 * `pending` only grow. Durations are in ms. The names within are fixed, whatever there is to count,
 * but for the clauses in `settled`, which come as they occur, fewer than 40.
 */
export interface DocsStats {
  /**
   * Requests to the Docs server by command and answer, those included that we send by ourselves.
   * `accepted`: error 0. `rejected`: another error. `unanswered`: no answer of a Docs server came.
   */
  readonly commands: Readonly<Record<CommandName, Counts<'accepted' | 'rejected' | 'unanswered'>>>
  /**
   * Verdicts on `forcesave` and `info`, by outcome and by the clause that decided (`docs/settlement.md`). With
   * `redis` each is counted in the process that has found it, mostly that which got the callback.
   */
  readonly settled: Readonly<Record<Outcome, Readonly<Record<string, number>>>>
  /** Callbacks answered, by their status and our reply. */
  readonly callbacks: Readonly<Record<CountedStatus, Counts<CountedReply>>>
  /** The `rejected` events, by the HTTP status of the reply. */
  readonly rejected: Counts<200 | 400 | 403 | 413>
  /** Runs of `onSave`, saves stored, and saves given up after their retries. */
  readonly saves: Counts<'attempts' | 'stored' | 'failed'>
  /** How long things took, in ms. */
  readonly durations: {
    /** From `forcesave()` to its verdict or error; not of one that its caller has aborted. */
    readonly forcesave: DurationStats
    /** One request to the Docs server. */
    readonly command: DurationStats
    /** One run of `onSave`, failed ones included. */
    readonly onSave: DurationStats
    /** From a callback with its body to our reply, its save included. */
    readonly callback: DurationStats
  }
  /** Under way now: calls that wait, callbacks not answered yet, runs of `onSave`. */
  readonly pending: Counts<'calls' | 'callbacks' | 'saves'>
}

export interface Stats {
  /** What is counted of each event. */
  counters: Counters
  /** Counted up and down by those who do the work. */
  pending: Record<keyof DocsStats['pending'], number>
  /** When something begins, for `took`. */
  now: () => number
  took: (what: keyof DocsStats['durations'], begun: number) => void
  /** A callback of this status (undefined: not believed) was answered. */
  replied: (status: number | undefined, reply: { status: number; body: { error: 0 | 1 } }) => void
  read: () => DocsStats
}

const answers = () => ({ accepted: 0, rejected: 0, unanswered: 0 })
const replies = () => ({ 200: 0, '200 error 1': 0, 400: 0, 403: 0, 503: 0 })

export function createStats(clock: Clock): Stats {
  const commands: Record<CommandName, ReturnType<typeof answers>> = {
    forcesave: answers(),
    info: answers(),
    meta: answers(),
    drop: answers(),
    version: answers(),
    license: answers(),
    getForgottenList: answers(),
    getForgotten: answers(),
    deleteForgotten: answers(),
  }
  const settled: Record<Outcome, Record<string, number>> = {
    saved: {},
    unchanged: {},
    failed: {},
    info: {},
  }
  const callbacks: Record<CountedStatus, Record<CountedReply, number>> = {
    1: replies(),
    2: replies(),
    3: replies(),
    4: replies(),
    6: replies(),
    7: replies(),
    other: replies(),
    refused: replies(),
  }
  const rejected = { 200: 0, 400: 0, 403: 0, 413: 0 }
  const saves = { attempts: 0, stored: 0, failed: 0 }
  const pending = { calls: 0, callbacks: 0, saves: 0 }
  const durations = {
    forcesave: createHistogram(),
    command: createHistogram(),
    onSave: createHistogram(),
    callback: createHistogram(),
  }

  return {
    counters: {
      command({ name, error }) {
        const answer = error === null ? 'unanswered' : error === 0 ? 'accepted' : 'rejected'
        commands[name][answer] += 1
      },
      settled({ outcome, rule }) {
        const rules = settled[outcome]
        rules[rule] = (rules[rule] ?? 0) + 1
      },
      rejected: ({ status }) => void (rejected[status as keyof typeof rejected] += 1),
      saving: () => void (saves.attempts += 1),
      saved: () => void (saves.stored += 1),
      'save-failed': () => void (saves.failed += 1),
    },
    pending,
    now: () => clock.now(),
    took: (what, begun) => durations[what].add(clock.now() - begun),
    replied(status, { status: reply, body }) {
      const known = callbacks as Partial<Record<number, Record<CountedReply, number>>>
      const counts = status === undefined ? callbacks.refused : (known[status] ?? callbacks.other)
      if (reply === 200 && body.error === 1) counts['200 error 1'] += 1
      else counts[reply as 200] += 1
    },
    read: () => ({
      ...structuredClone({ commands, settled, callbacks, rejected, saves, pending }),
      durations: {
        forcesave: durations.forcesave.read(),
        command: durations.command.read(),
        onSave: durations.onSave.read(),
        callback: durations.callback.read(),
      },
    }),
  }
}
