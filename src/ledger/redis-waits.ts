/**
 * Waiting for what is stored in Redis: it is looked up when something may have changed, and every few
 * seconds, since wake-ups get lost (`bullmq.md`).
 */
import type { Signal } from '../abort.js'
import type { Clock } from '../clock.js'
import { isDocsError } from '../errors.js'
import type { Logger } from '../events.js'
import type { Ledger, Perform, SaveOutcome } from './ledger.js'
import { closedError, saveOutcome } from './outcome.js'
import { attempt } from '../harmless.js'
import { isUnderWay, leftUndone } from './redis-again.js'
import type { Entry, Seen } from './redis-entry.js'
import { readVerdict } from './redis-record.js'
import type { RedisStore, StoredDocument } from './redis-store.js'
import { isIdle } from '../settlement/retention.js'
import type { Verdict } from '../settlement/event.js'
import type { DocumentState, Rules } from '../settlement/state.js'
import { addWait } from './waiting.js'

/** How often the open waits are looked up without having been woken, ms. */
export const POLL = 5_000
/** How many documents are looked at together for a change. */
const TOGETHER = 200
const NO_VERDICTS: ReadonlyMap<string, Verdict> = new Map()

export interface RedisWaitsParts {
  entries: ReadonlyMap<string, Entry>
  entryOf: (key: string) => Entry
  /** Forgets an entry that nothing needs any more. */
  release: (entry: Entry) => void
  store: RedisStore
  readFresh: (key: string, ids: readonly string[]) => Promise<Omit<StoredDocument, 'now'>>
  schedule: (entry: Entry, dueAt: number) => void
  perform: Perform
  rules: Rules
  clock: Clock
  /** By Redis's clock, ms since the epoch. */
  now: () => number
  logger: Logger
}

/** Registered, and without a verdict so far. */
export const isUnsettled = ({ commands }: DocumentState, id: string): boolean =>
  commands.some((command) => command.id === id && command.settled === undefined)

export interface RedisWaits extends Pick<Ledger, 'settled' | 'finished'> {
  lookUp(entry: Entry): Promise<void>
  /** The lines of a wake-up about verdicts: who waits for one of them need not read it. */
  tell(entry: Entry, lines: readonly string[]): void
  wakeAll(): void
  close(): void
}

export function createRedisWaits(parts: RedisWaitsParts): RedisWaits {
  const {
    entries,
    entryOf,
    release,
    store,
    readFresh,
    schedule,
    perform,
    rules,
    clock,
    now,
    logger,
  } = parts
  let closed = false
  let polling = false
  let cancelPoll = poll()

  function wakeAll(): void {
    for (const entry of entries.values()) if (entry.waits.size > 0) void lookUp(entry)
  }

  function poll(): () => void {
    return clock.after(POLL, () => {
      cancelPoll = poll()
      if (polling) return
      polling = true
      lookForChanges()
        .catch((error: unknown) => {
          if (!closed) logger.debug({ err: error }, 'the waits could not be looked up')
        })
        .finally(() => (polling = false))
    })
  }

  /** Wake-ups get lost (`bullmq.md`). Some at a time, so that thousands of waits hold nobody up. */
  async function lookForChanges(): Promise<void> {
    const waiting = [...entries.values()].filter(({ waits }) => waits.size > 0)
    for (let begin = 0; begin < waiting.length && !closed; begin += TOGETHER) {
      const some = waiting.slice(begin, begin + TOGETHER)
      const versions = await store.versions(some.map(({ key }) => key))
      for (const [index, entry] of some.entries()) {
        const { waits, seen } = entry
        if (waits.size === 0 || (seen?.version === versions[index] && !seen?.undone)) continue
        entry.overdue = true
        void lookUp(entry)
      }
    }
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
      // Nobody here will be able to read it by waiting.
      if (isDocsError(error, 'BAD_RECORD')) for (const { reject } of [...entry.waits]) reject(error)
      // Redis is away; the next poll or reconnection looks again, changed or not.
      entry.seen = undefined
      if (!closed) logger.debug({ err: error, key: entry.key }, 'a wait could not be looked up')
    } finally {
      entry.looking = false
      release(entry)
    }
  }

  async function lookOnce(entry: Entry): Promise<void> {
    const ids = [...entry.ids.keys()]
    const { version, state, verdicts, dueAt } = await readFresh(entry.key, ids)
    if (!entry.writing) {
      entry.seen = { version, undone: isUnderWay(state) }
      // Who begins to wait must not go by what is older than that: it would not be looked up again.
      if (entry.known?.version !== version) entry.known = undefined
    }
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
    signal: Signal | undefined,
    look: (...seen: Seen) => Outcome | 'unknown' | 'pending',
    isIn: (state: DocumentState) => boolean,
  ): Promise<Outcome | undefined> {
    if (closed) throw closedError(key)
    const entry = entryOf(key)
    try {
      return await addWait<Seen, Outcome>(entry.waits, signal, look, (wait) => {
        const { known } = entry
        // What this process has just written itself need not be read.
        const isFresh = known !== undefined && !isIdle(known.state, now(), rules)
        if (isFresh && isIn(known.state)) wait.look(known.state, NO_VERDICTS)
        else void lookUp(entry)
      })
    } finally {
      release(entry)
    }
  }

  async function settled(key: string, id: string, signal?: Signal): Promise<Verdict | undefined> {
    const { ids } = entryOf(key)
    ids.set(id, (ids.get(id) ?? 0) + 1)
    try {
      const isIn = (state: DocumentState): boolean => isUnsettled(state, id)
      const look = (...[state, verdicts]: Seen): Verdict | 'unknown' | 'pending' => {
        const verdict = verdicts.get(id)
        if (verdict !== undefined) return verdict
        // Not asked for in this look: its verdict is read next.
        if (state === undefined || !verdicts.has(id)) return 'pending'
        // Settled, and its verdict has expired.
        return isIn(state) ? 'pending' : 'unknown'
      }
      return await wait<Verdict>(key, signal, look, isIn)
    } finally {
      const others = (ids.get(id) ?? 1) - 1
      if (others === 0) ids.delete(id)
      else ids.set(id, others)
    }
  }

  function tell({ key, ids, waits }: Entry, lines: readonly string[]): void {
    const verdicts = new Map<string, Verdict>()
    for (let line = 0; line + 1 < lines.length; line += 2) {
      const [id = '', text = ''] = lines.slice(line, line + 2)
      if (!ids.has(id)) continue
      // Of another version, perhaps: then it is read, and whoever waits is told so.
      const verdict = attempt(() => readVerdict(text, key), undefined)
      if (verdict !== undefined) verdicts.set(id, verdict)
    }
    if (verdicts.size > 0) for (const { look } of [...waits]) look(undefined, verdicts)
  }

  return {
    lookUp,
    tell,
    wakeAll,
    settled,
    finished(key, name, signal) {
      const look = (state: DocumentState | undefined): SaveOutcome | 'unknown' | 'pending' =>
        state === undefined ? 'pending' : saveOutcome(state, name)
      return wait<SaveOutcome>(key, signal, look, (state) => look(state) !== 'unknown')
    },
    close() {
      closed = true
      cancelPoll()
      for (const entry of entries.values()) {
        for (const waiting of [...entry.waits]) waiting.reject(closedError(entry.key))
      }
    },
  }
}
