/**
 * The ledger of several processes: the state machine over Redis. Truth is what is stored there;
 * events only wake. Read, run `document.ts`, write if unchanged.
 */
import type { Clock } from '../clock.js'
import { DocsError } from '../errors.js'
import type { Logger } from '../events.js'
import { transition } from './document.js'
import type { Ledger, Perform, SaveOutcome } from './ledger.js'
import { newEntry, type Entry, type Seen } from './redis-entry.js'
import type { RedisStore, StoredDocument } from './redis-store.js'
import { leftUndone } from './redis-again.js'
import { handedOverAgain } from './order.js'
import { closedError, saveOutcome } from './outcome.js'
import { expiresAt } from './retention.js'
import { emptyDocument, isOpen } from './state.js'
import type { Effect, LedgerEvent, Rules, Verdict } from './state.js'
import { addWait } from './waiting.js'

/** How often an open wait is looked up without having been woken, ms. */
const POLL = 5_000
/** How often a write is tried again because somebody else was faster. */
const MAX_CONFLICTS = 100

export interface RedisLedgerParts {
  store: RedisStore
  clock: Clock
  rules: Rules
  perform: Perform
  logger: Logger
  /** Calls `wake` for each message, and `wakeAll` when messages may have been lost. */
  subscribe: (wake: (message: string) => void, wakeAll: () => void) => () => Promise<void>
  /** Tests run on a clock of their own instead of Redis's. */
  ownTime?: boolean
}

export function createRedisLedger(parts: RedisLedgerParts): Ledger {
  const { store, clock, rules, perform, logger, ownTime = false } = parts
  const entries = new Map<string, Entry>()
  const unsubscribe = parts.subscribe(woken, () => wakeAll())
  let closed = false
  /** Redis's time less ours, ms. */
  let offset = 0
  let cancelPoll = poll()

  const now = (): number => clock.now() + offset
  function heard(time: number): void {
    if (!ownTime) offset = time - clock.now()
  }

  function entryOf(key: string): Entry {
    const name = store.nameOf(key)
    let entry = entries.get(name)
    if (entry === undefined) {
      entry = newEntry(key)
      entries.set(name, entry)
    }
    return entry
  }

  /** What a process has nothing to do with any more, it does not remember. */
  function release(entry: Entry): void {
    if (entry.writing || entry.looking || entry.waits.size > 0 || entry.tickAt !== Infinity) return
    entries.delete(store.nameOf(entry.key))
  }

  function apply(key: string, event: LedgerEvent): Promise<void> {
    return new Promise((resolve, reject) => {
      if (closed) throw closedError(key)
      const entry = entryOf(key)
      entry.pending.push({ event, resolve, reject })
      if (!entry.writing) void writeAll(entry)
    })
  }

  /** Events of one key are applied one after the other, those that pile up in one write. */
  async function writeAll(entry: Entry): Promise<void> {
    entry.writing = true
    while (entry.pending.length > 0) {
      const batch = entry.pending.splice(0)
      try {
        const effects = await writeBatch(
          entry,
          batch.map(({ event }) => event),
        )
        for (const { resolve } of batch) resolve()
        for (const effect of effects) perform(entry.key, effect)
      } catch (error) {
        entry.known = undefined
        // What has piled up meanwhile would only wait for the same once more.
        for (const { reject } of [...batch, ...entry.pending.splice(0)]) reject(error)
      }
    }
    entry.writing = false
    const missed = entry.news.size > 0 && entry.waits.size > 0
    entry.news.clear()
    if (missed) void lookUp(entry)
    release(entry)
  }

  async function writeBatch(entry: Entry, events: readonly LedgerEvent[]): Promise<Effect[]> {
    for (let tries = 0; tries < MAX_CONFLICTS; tries += 1) {
      const { version, state } = entry.known ?? (await readFresh(entry.key))
      const effects: Effect[] = []
      let step = { state, effects: effects as readonly Effect[], dueAt: Infinity }
      for (const event of events) {
        effects.push(...handedOverAgain(step.state, event))
        step = transition(step.state, byRedisTime(event), now(), rules)
        effects.push(...step.effects)
      }
      const verdicts = new Map(
        effects.flatMap((effect) =>
          effect.type === 'settle' ? [[effect.id, effect.verdict] as const] : [],
        ),
      )
      const expiry = expiryOf(step.dueAt)
      const change = { ...step, version, verdicts, expiry, retention: rules.retention }
      const written = await store.write(entry.key, change)
      entry.known = undefined
      if (written === undefined) continue
      heard(written.now)
      entry.known = { version: written.version, state: step.state }
      entry.news.delete(written.version)
      schedule(entry, step.dueAt)
      for (const wait of [...entry.waits]) wait.look(step.state, verdicts)
      return effects
    }
    throw new DocsError('TIMEOUT', 'too many processes change this document at once', {
      key: entry.key,
    })
  }

  /** What comes with a time of its own, by the clock of this process. */
  const byRedisTime = (event: LedgerEvent): LedgerEvent =>
    event.type === 'registered' ? { ...event, deadline: event.deadline + offset } : event

  const expiryOf = (dueAt: number): number =>
    rules.retention + (dueAt === Infinity ? 0 : Math.max(dueAt - now(), 0))

  /** The state as it is stored, or the empty one when that has had its time. */
  async function readFresh(
    key: string,
    ids: readonly string[] = [],
  ): Promise<Pick<StoredDocument, 'version' | 'state' | 'dueAt' | 'verdicts'>> {
    const stored = await store.read(key, ids)
    heard(stored.now)
    const unfinished = stored.dueAt !== Infinity || stored.state.saves.some(isOpen)
    const expired = !unfinished && expiresAt(stored.state, rules) <= now()
    return expired
      ? { ...stored, state: emptyDocument, verdicts: ids.map(() => undefined) }
      : stored
  }

  function schedule(entry: Entry, dueAt: number): void {
    if (closed || dueAt === entry.tickAt) return
    entry.cancelTick()
    entry.tickAt = dueAt
    entry.cancelTick = () => {}
    if (dueAt === Infinity) return
    entry.cancelTick = clock.after(dueAt - now(), () => {
      entry.tickAt = Infinity
      apply(entry.key, { type: 'tick' }).catch((error: unknown) => {
        if (closed) return
        logger.warn(
          { err: error, key: entry.key },
          'what is due could not be done; it is tried again',
        )
        // Redis is away: later.
        schedule(entryOf(entry.key), now() + POLL)
      })
    })
  }

  function woken(message: string): void {
    const [name = '', due = '', version = ''] = message.split(' ')
    const entry = entries.get(name)
    if (entry === undefined || entry.known?.version === version) return
    // Its reply may be on its way still: then it is our own.
    if (entry.writing) entry.news.add(version)
    else if (entry.waits.size > 0) void lookUp(entry)
    else if (entry.tickAt !== Infinity) schedule(entry, due === '' ? Infinity : Number(due))
  }

  function wakeAll(): void {
    for (const entry of entries.values()) if (entry.waits.size > 0) void lookUp(entry)
  }

  function poll(): () => void {
    return clock.after(POLL, () => {
      for (const entry of entries.values()) entry.overdue = true
      wakeAll()
      cancelPoll = poll()
    })
  }

  /** One look at a time per key: what asks meanwhile is served by the next one. */
  async function lookUp(entry: Entry): Promise<void> {
    entry.lookAgain = true
    if (entry.looking) return
    entry.looking = true
    try {
      while (entry.lookAgain && !closed) {
        entry.lookAgain = false
        await lookOnce(entry)
      }
    } catch (error) {
      // Redis is away; the next poll or reconnection looks again.
      if (!closed) logger.debug({ err: error, key: entry.key }, 'a wait could not be looked up')
    } finally {
      entry.looking = false
      release(entry)
    }
  }

  async function lookOnce(entry: Entry): Promise<void> {
    const ids = [...entry.ids.keys()]
    const { state, verdicts, dueAt } = await readFresh(entry.key, ids)
    const byId = new Map(ids.map((id, index) => [id, verdicts[index]]))
    schedule(entry, dueAt)
    for (const wait of [...entry.waits]) wait.look(state, byId)
    if (!entry.overdue) return
    entry.overdue = false
    if (entry.waits.size === 0) return
    for (const effect of leftUndone(state, now() - POLL)) perform(entry.key, effect)
  }

  async function wait<Outcome>(
    key: string,
    signal: AbortSignal | undefined,
    look: (...seen: Seen) => Outcome | 'unknown' | 'pending',
  ): Promise<Outcome | undefined> {
    if (closed) throw closedError(key)
    const entry = entryOf(key)
    try {
      return await addWait<Seen, Outcome>(entry.waits, signal, look, () => void lookUp(entry))
    } finally {
      release(entry)
    }
  }

  async function settled(
    key: string,
    id: string,
    signal?: AbortSignal,
  ): Promise<Verdict | undefined> {
    const { ids } = entryOf(key)
    ids.set(id, (ids.get(id) ?? 0) + 1)
    try {
      return await wait<Verdict>(key, signal, ({ commands }, verdicts) => {
        const verdict = verdicts.get(id)
        if (verdict !== undefined) return verdict
        // Not asked for in this look: its verdict is read next.
        if (!verdicts.has(id)) return 'pending'
        const command = commands.find((other) => other.id === id)
        // Settled, and its verdict has expired.
        return command === undefined || command.settled !== undefined ? 'unknown' : 'pending'
      })
    } finally {
      const others = (ids.get(id) ?? 1) - 1
      if (others === 0) ids.delete(id)
      else ids.set(id, others)
    }
  }

  return {
    apply,
    read: async (key) => (await readFresh(key)).state,
    settled,
    finished: (key, name, signal) =>
      wait<SaveOutcome>(key, signal, (state) => saveOutcome(state, name)),
    async close() {
      if (closed) return
      closed = true
      cancelPoll()
      for (const entry of entries.values()) {
        entry.cancelTick()
        for (const waiting of [...entry.waits]) waiting.reject(closedError(entry.key))
      }
      await unsubscribe()
    },
  }
}
