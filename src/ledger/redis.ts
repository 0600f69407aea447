/**
 * The ledger of several processes: the state machine over Redis. Truth is what is stored there;
 * events only wake. Read, run `document.ts`, write if unchanged.
 */
import type { Clock } from '../clock.js'
import { DocsError } from '../errors.js'
import type { Logger } from '../events.js'
import { transition, type Transition } from '../settlement/machine.js'
import type { Ledger, Perform } from './ledger.js'
import { newEntry, type Entry } from './redis-entry.js'
import { createOpenIndex } from './redis-open.js'
import type { RedisStore, StoredDocument } from './redis-store.js'
import type { Subscribe } from './redis-subscribe.js'
import { isUnderWay } from './redis-again.js'
import { Recent, type Written } from './redis-recent.js'
import { createRedisWaits, isUnsettled } from './redis-waits.js'
import { handedOverAgain } from '../settlement/order.js'
import { closedError } from './outcome.js'
import { forget, isIdle } from '../settlement/retention.js'
import { expiresAt, withSessions } from './open-documents.js'
import { emptyDocument, isOpen } from '../settlement/state.js'
import type { Effect, LedgerEvent } from '../settlement/event.js'
import type { DocumentState, Rules } from '../settlement/state.js'

/** When what is due is tried again because Redis is away, ms. */
const LATER = 1_000
/** How often a write is tried again because somebody else was faster. */
const MAX_CONFLICTS = 100
/** A clock may be set: how long after Redis has told its time it is taken to go on as before, ms. */
const TIME_HOLDS = 1_000
/** What brings others nothing to do, as long as it has no effects. */
const QUIET: ReadonlySet<LedgerEvent['type']> = new Set([
  'registered',
  'answered',
  'presence',
  'tick',
])

export interface RedisLedgerParts {
  store: RedisStore
  clock: Clock
  rules: Rules
  perform: Perform
  logger: Logger
  subscribe: Subscribe
  /** Tests run on a clock of their own instead of Redis's. */
  ownTime?: boolean
  /** The state machine; tests put a broken one here, to see that their checks find it. */
  machine?: Transition
}

export interface RedisLedger extends Ledger {
  /** The state as this process has written it last, unless it has heard of another; else it is read. */
  latest: (key: string) => Promise<DocumentState>
}

export function createRedisLedger(parts: RedisLedgerParts): RedisLedger {
  const {
    store,
    clock,
    rules,
    perform,
    logger,
    ownTime = false,
    machine: given = transition,
  } = parts
  const machine = withSessions(given)
  const entries = new Map<string, Entry>()
  const recent = new Recent()
  const index = createOpenIndex({
    ...{ set: store.openSet, read: readFresh, now: () => now(), logger },
    throwIfClosed() {
      if (closed) throw closedError()
    },
  })
  let closed = false
  /** Redis's time less ours, ms. */
  let offset = 0
  let heardAt = -Infinity
  let connected = false
  /** When a lost connection was there again, ms since the epoch, by Redis's clock. */
  let reconnectedAt = 0

  const now = (): number => clock.now() + offset
  const waits = createRedisWaits({
    ...{ entries, entryOf, release, store, readFresh, schedule },
    ...{ perform, rules, clock, now, logger },
  })
  parts.subscribe(woken, () => {
    if (connected) reconnectedAt = now()
    connected = true
    for (const entry of entries.values()) entry.known = undefined
    recent.clear()
    waits.wakeAll()
  })

  function heard(time: number): void {
    heardAt = clock.now()
    if (!ownTime) offset = time - heardAt
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
    const name = store.nameOf(entry.key)
    // Released before, another may stand in its place by now, with waits of its own.
    if (entries.get(name) !== entry) return
    entries.delete(name)
    if (entry.known !== undefined) recent.remember(name, entry.known)
  }

  /** What a write may begin from without reading; it is answered with the right one if this is not it. */
  function guessOf({ key }: Entry, [first]: readonly LedgerEvent[]): Written | undefined {
    const last = recent.take(store.nameOf(key))
    // A deadline goes by the time of Redis.
    if (!ownTime && Math.abs(clock.now() - heardAt) > TIME_HOLDS) return undefined
    if (last !== undefined) return isIdle(last.state, now(), rules) ? undefined : last
    return first?.type === 'registered' ? { version: '', state: emptyDocument } : undefined
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
        entry.seen = undefined
        // What has piled up meanwhile would only wait for the same once more.
        for (const { reject } of [...batch, ...entry.pending.splice(0)]) reject(error)
      }
    }
    entry.writing = false
    const missed = entry.news.size > 0
    entry.news.clear()
    if (missed) entry.known = undefined
    if (missed && entry.waits.size > 0) void waits.lookUp(entry)
    release(entry)
  }

  async function writeBatch(entry: Entry, events: readonly LedgerEvent[]): Promise<Effect[]> {
    let base = entry.known ?? guessOf(entry, events) ?? (await readFresh(entry.key))
    for (let tries = 0; tries < MAX_CONFLICTS; tries += 1) {
      const { version, state } = base
      const effects: Effect[] = []
      let step = { state, effects: effects as readonly Effect[], dueAt: Infinity }
      for (const event of mayHaveLost(state) ? [{ type: 'lost' } as const, ...events] : events) {
        effects.push(...handedOverAgain(step.state, event))
        step = machine(step.state, byRedisTime(event), now(), rules)
        effects.push(...step.effects)
      }
      const verdicts = new Map(
        effects.flatMap((effect) =>
          effect.type === 'settle' ? [[effect.id, effect.verdict] as const] : [],
        ),
      )
      const expiry = expiryOf(step)
      const wake = effects.length > 0 || events.some(({ type }) => !QUIET.has(type))
      const change = { ...step, version, verdicts, expiry, retention: rules.retention, wake }
      const listing = index.listing(entry.key, state, step.state)
      if (listing !== undefined) await listing.before()
      const written = await store.write(entry.key, change)
      entry.known = undefined
      if ('lost' in written) {
        base = fresh(written.lost)
        continue
      }
      heard(written.now)
      listing?.after()
      know(entry, written.version, step.state)
      for (const version of entry.news) if (store.isOwn(version)) entry.news.delete(version)
      schedule(entry, step.dueAt)
      for (const wait of [...entry.waits]) wait.look(step.state, verdicts)
      // Settled before this, or gone since Redis was emptied: only Redis can tell.
      const isUnclear = (id: string): boolean => !verdicts.has(id) && !isUnsettled(step.state, id)
      if ([...entry.ids.keys()].some(isUnclear)) void waits.lookUp(entry)
      return effects
    }
    throw new DocsError('TIMEOUT', 'too many processes change this document at once', {
      key: entry.key,
    })
  }

  /** Redis was away since the last write: what was written after that may be gone (`docs/settlement.md` 11.4). */
  const mayHaveLost = ({ turn, touchedAt }: DocumentState): boolean =>
    turn > 0 && touchedAt < reconnectedAt

  function know(entry: Entry, version: string, state: DocumentState): void {
    entry.known = { version, state }
    entry.seen = { version, undone: isUnderWay(state) }
  }

  /** What comes with a time of its own, by the clock of this process. */
  const byRedisTime = (event: LedgerEvent): LedgerEvent =>
    event.type === 'registered' ? { ...event, deadline: event.deadline + offset } : event

  const expiryOf = ({ state, dueAt }: Pick<StoredDocument, 'state' | 'dueAt'>): number => {
    const due = dueAt === Infinity ? 0 : Math.max(dueAt - now(), 0)
    return Math.max(rules.retention + due, expiresAt(state, rules) - now())
  }

  /** The state as it is stored, or the empty one when that has had its time. */
  async function readFresh(
    key: string,
    ids: readonly string[] = [],
  ): Promise<Pick<StoredDocument, 'version' | 'state' | 'dueAt' | 'verdicts'>> {
    return fresh(await store.read(key, ids))
  }

  function fresh(stored: StoredDocument): Omit<StoredDocument, 'now'> {
    heard(stored.now)
    const unfinished = stored.dueAt !== Infinity || stored.state.saves.some(isOpen)
    if (unfinished || !isIdle(stored.state, now(), rules)) return stored
    const expired = expiresAt(stored.state, rules) <= now()
    const state = expired ? emptyDocument : forget(stored.state, now(), rules)
    return { ...stored, state, verdicts: stored.verdicts.map(() => undefined) }
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
        schedule(entryOf(entry.key), now() + LATER)
      })
    })
  }

  function woken(message: string): void {
    // Another version of this package may say more, or something else.
    const [head = '', ...told] = message.split('\n')
    const [name = '', due = '', version = ''] = head.split(' ')
    const entry = entries.get(name)
    if (entry === undefined) return
    // Unless its reply was lost, a write of our own has been dealt with, or will be.
    if (store.isOwn(version) && entry.known !== undefined) return
    waits.tell(entry, told)
    if (entry.writing) return void entry.news.add(version)
    entry.known = undefined
    if (entry.waits.size > 0) void waits.lookUp(entry)
    else if (entry.tickAt !== Infinity)
      schedule(entry, due === '' ? Infinity : Number(due) || now())
  }

  return {
    apply,
    read: async (key) => (await readFresh(key)).state,
    latest: async (key) => {
      const known = entries.get(store.nameOf(key))?.known
      return (known ?? (await readFresh(key))).state
    },
    settled: waits.settled,
    finished: waits.finished,
    open: index.open,
    close() {
      if (closed) return Promise.resolve()
      closed = true
      for (const entry of entries.values()) entry.cancelTick()
      waits.close()
      return Promise.resolve()
    },
  }
}
