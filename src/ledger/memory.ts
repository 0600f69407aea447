/** The ledger of one process: a Map. Short enough to read as the specification of `ledger.ts`. */
import type { Signal } from '../abort.js'
import type { Clock } from '../clock.js'
import { transition, type Transition } from '../settlement/machine.js'
import type { Ledger, OpenDocument, Perform, SaveOutcome } from './ledger.js'
import { closedError, saveOutcome } from './outcome.js'
import { forget, isIdle } from '../settlement/retention.js'
import { expiresAt, isListed, withSessions } from './open-documents.js'
import type { LedgerEvent, Verdict } from '../settlement/event.js'
import { emptyDocument, isOpen, type DocumentState } from '../settlement/state.js'
import type { Rules } from '../settlement/state.js'
import { addWait, type Wait } from './waiting.js'

interface Entry {
  state: DocumentState
  verdicts: Map<string, { verdict: Verdict; at: number }>
  waits: Set<Wait<[]>>
  tickAt: number
  cancelTick: () => void
}

export interface MemoryLedgerParts {
  clock: Clock
  rules: Rules
  perform: Perform
  /** The state machine; tests put a broken one here, to see that their checks find it. */
  machine?: Transition
}

export function createMemoryLedger(parts: MemoryLedgerParts): Ledger {
  const { clock, rules, perform, machine: given = transition } = parts
  const machine = withSessions(given)
  // In order of the last event, so that the oldest are found first when they expire.
  const entries = new Map<string, Entry>()
  let closed = false
  let cancelSweep: (() => void) | undefined

  function apply(key: string, event: LedgerEvent): void {
    if (closed) throw closedError(key)
    const now = clock.now()
    const entry = touch(key, now)
    const { state, effects, dueAt } = machine(entry.state, event, now, rules)
    entry.state = state
    for (const effect of effects) {
      if (effect.type === 'settle')
        entry.verdicts.set(effect.id, { verdict: effect.verdict, at: now })
    }
    schedule(key, entry, dueAt)
    for (const wait of [...entry.waits]) wait.look()
    for (const effect of effects) perform(key, effect)
  }

  function touch(key: string, now: number): Entry {
    expire(now)
    const entry = entries.get(key) ?? {
      state: emptyDocument,
      verdicts: new Map<string, { verdict: Verdict; at: number }>(),
      waits: new Set<Wait<[]>>(),
      tickAt: Infinity,
      cancelTick: () => {},
    }
    entries.delete(key)
    entries.set(key, entry)
    sweep()
    expireVerdicts(entry, now)
    return entry
  }

  function expireVerdicts({ verdicts }: Entry, now: number): void {
    for (const [id, { at }] of verdicts) {
      if (at > now - rules.retention) break
      verdicts.delete(id)
    }
  }

  function expire(now: number): void {
    for (const [key, entry] of entries) {
      const { state, waits, tickAt } = entry
      if (!isIdle(state, now, rules)) break
      const unfinished = waits.size > 0 || tickAt !== Infinity || state.saves.some(isOpen)
      if (unfinished || expiresAt(state, rules) > now) {
        // Looked at again a retention time later.
        entry.state = { ...forget(state, now, rules), touchedAt: now }
        expireVerdicts(entry, now)
        entries.delete(key)
        entries.set(key, entry)
      } else entries.delete(key)
    }
  }

  function sweep(): void {
    cancelSweep ??= clock.after(rules.retention, () => {
      cancelSweep = undefined
      expire(clock.now())
      if (entries.size > 0) sweep()
    })
  }

  function schedule(key: string, entry: Entry, dueAt: number): void {
    if (dueAt === entry.tickAt) return
    entry.cancelTick()
    entry.tickAt = dueAt
    entry.cancelTick =
      dueAt === Infinity
        ? () => {}
        : clock.after(dueAt - clock.now(), () => {
            entry.tickAt = Infinity
            apply(key, { type: 'tick' })
          })
  }

  function wait<Outcome>(
    key: string,
    signal: Signal | undefined,
    look: (entry: Entry) => Outcome | 'unknown' | 'pending',
  ): Promise<Outcome | undefined> {
    if (closed) return Promise.reject(closedError(key))
    const entry = entries.get(key)
    if (entry === undefined) return Promise.resolve(undefined)
    return addWait<[], Outcome>(
      entry.waits,
      signal,
      () => look(entry),
      (wait) => wait.look(),
    )
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- an async iterable is the port's
  async function* documentsOf(keys: readonly string[]): AsyncIterable<OpenDocument> {
    for (const key of keys) {
      if (closed) throw closedError()
      const state = entries.get(key)?.state
      if (state !== undefined && isListed(state)) yield { key, state, now: clock.now() }
    }
  }

  return {
    // eslint-disable-next-line @typescript-eslint/require-await -- what `apply` throws must reject
    apply: async (key, event) => apply(key, event),
    read: (key) => Promise.resolve(entries.get(key)?.state ?? emptyDocument),
    settled: (key, id, signal) =>
      wait<Verdict>(key, signal, ({ verdicts, state }) => {
        const verdict = verdicts.get(id)?.verdict
        if (verdict !== undefined) return verdict
        return state.commands.some((command) => command.id === id) ? 'pending' : 'unknown'
      }),
    finished: (key, name, signal) =>
      wait<SaveOutcome>(key, signal, ({ state }) => saveOutcome(state, name)),
    // eslint-disable-next-line @typescript-eslint/require-await -- what it throws must reject
    async open() {
      if (closed) throw closedError()
      // By their keys: whatever happens to an entry moves it to the end.
      const keys = [...entries].flatMap(([key, { state }]) => (isListed(state) ? [key] : []))
      return { count: keys.length, documents: documentsOf(keys) }
    },
    close() {
      closed = true
      cancelSweep?.()
      for (const [key, entry] of entries) {
        entry.cancelTick()
        for (const waiting of [...entry.waits]) waiting.reject(closedError(key))
      }
      return Promise.resolve()
    },
  }
}
