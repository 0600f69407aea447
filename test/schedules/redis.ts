/**
 * The real Redis of the schedules. All of them share one connection for commands and one for
 * wake-ups, so what a schedule asks for is done and answered in the order in which it was asked: the
 * same seed gives the same run. No virtual time passes while something is on its way for real; how
 * long it takes on virtual time is drawn.
 */
import { Redis } from 'ioredis'
import { DocsError } from '../../src/errors.js'
import { createRedisStore, type RedisStore } from '../../src/ledger/redis-store.js'
import type { RedisLedgerParts } from '../../src/ledger/redis.js'
import type { Process } from './processes.js'
import type { Random } from './random.js'
import { createUndo } from './redis-undo.js'

export interface SharedRedis {
  /** What one schedule sees of it, until that has ended. `now`: its virtual time. */
  open: (now: () => number) => Promise<Stage>
  close: () => Promise<void>
}

export interface StageParts {
  random: Random
  /** The longest way to Redis, and the longest way back, in ms of virtual time. */
  latency: number
  /** Probability that a command fails, before or after Redis has done what it says. */
  outages: number
  /** Probability that it loses its last second: only then it is written down what was there before. */
  ledgerLosses: number
}

export interface Stage {
  /** Resolves when nothing is on its way between this schedule and Redis. */
  settled: () => Promise<void>
  /** The connections of one process. */
  connect: (
    process: Process,
    parts: StageParts,
  ) => Pick<RedisLedgerParts, 'store' | 'subscribe'> & { disconnect: () => void }
  /** Redis is as it was a second ago, as after a failover to a copy that was behind. */
  loseLastSecond: () => Promise<void>
  /** The wake-ups for a process get lost from now on; what ends that tells it so. */
  cut: (process: Process) => () => void
  /** Writes that came too late, because another process was faster. */
  readonly conflicts: number
  /** Takes everything out of Redis, and tells what should not be there any more (I7). */
  close: () => Promise<string[]>
}

/** How much it loses of what was written last, ms of virtual time. */
const LOST = 1000

/** Redis is on this machine: it answers, or something is broken, in ms of real time. */
const PATIENCE = 30_000

interface Subscriber {
  process: Process
  wake: (message: string) => void
  wakeAll: () => void
  parts: StageParts
  isCut: boolean
}

export async function openRedis(url: string): Promise<SharedRedis> {
  const commands = new Redis(url)
  const messages = new Redis(url)
  const receivers = new Map<string, (message: string) => void>()
  messages.on('message', (channel, message) => receivers.get(channel)?.(message))
  let count = 0
  // The first use of a script takes one more round trip: before any order matters.
  const warm = createRedisStore(commands, 'warm')
  await warm.write('k', {
    ...{ ...(await warm.read('k')), verdicts: new Map() },
    ...{ expiry: 1, retention: 1, wake: false },
  })

  async function open(now: () => number): Promise<Stage> {
    const prefix = `schedule${(count += 1)}`
    const undo = createUndo(commands, prefix, now)
    const { channel } = createRedisStore(commands, prefix)
    const subscribers = new Set<Subscriber>()
    let underWay = 0
    let published = 0
    let received = 0
    let conflicts = 0
    const inbox: string[] = []
    let whenQuiet: (() => void) | undefined

    receivers.set(channel, (message) => {
      received += 1
      inbox.push(message)
      lookIfQuiet()
    })
    await messages.subscribe(channel)

    // A message may overtake the reply to the write that published it.
    const isQuiet = (): boolean => underWay === 0 && published === received
    function lookIfQuiet(): void {
      if (isQuiet()) whenQuiet?.()
    }

    function quiet(): Promise<void> {
      if (isQuiet()) return Promise.resolve()
      return new Promise((resolve, reject) => {
        const timer = setTimeout(
          () =>
            reject(new Error(`Redis owes ${underWay} replies, ${published - received} messages`)),
          PATIENCE,
        )
        whenQuiet = () => {
          whenQuiet = undefined
          clearTimeout(timer)
          resolve()
        }
      })
    }

    /** What goes to Redis and comes back: a process that has died hears of it no more. */
    async function travel<Reply>(
      { clock }: Process,
      { random, latency, outages }: StageParts,
      work: () => Promise<Reply>,
    ): Promise<Reply> {
      const way = (): Promise<void> =>
        new Promise((resolve) => clock.after(random.whole(0, latency), resolve))
      const mayFail = (): void => {
        if (random.chance(outages)) throw new DocsError('UNREACHABLE', 'Redis: connection reset')
      }
      await way()
      mayFail()
      underWay += 1
      try {
        return await work()
      } finally {
        underWay -= 1
        lookIfQuiet()
        await way()
        mayFail()
      }
    }

    function storeOf(process: Process, parts: StageParts): RedisStore {
      // Each process knows its own writes.
      const own = createRedisStore(commands, prefix)
      return {
        ...own,
        read: (key, ids) => travel(process, parts, () => own.read(key, ids)),
        versions: (keys) => travel(process, parts, () => own.versions(keys)),
        openSet: {
          add: (...entry) => travel(process, parts, () => own.openSet.add(...entry)),
          remove: (...entry) => travel(process, parts, () => own.openSet.remove(...entry)),
          page: (...place) => travel(process, parts, () => own.openSet.page(...place)),
          count: (period) => travel(process, parts, () => own.openSet.count(period)),
        },
        write: (key, change) =>
          travel(process, parts, async () => {
            const name = own.nameOf(key)
            const before = parts.ledgerLosses > 0 ? await undo.look(name) : undefined
            const written = await own.write(key, change)
            const isWritten = !('lost' in written)
            if (!isWritten) conflicts += 1
            else if (change.wake) published += 1
            if (isWritten && before !== undefined) {
              undo.remember(name, before, [...change.verdicts.keys()])
            }
            return written
          }),
      }
    }

    const subscribersOf = (process: Process): Subscriber[] =>
      [...subscribers].filter((subscriber) => subscriber.process === process)

    /** All that was published goes to everybody who listens now. */
    function deliver(): void {
      for (const message of inbox.splice(0)) {
        for (const { process, wake, parts, isCut } of subscribers) {
          if (!isCut) process.clock.after(parts.random.whole(0, parts.latency), () => wake(message))
        }
      }
    }

    return {
      get conflicts() {
        return conflicts
      },
      async settled() {
        do {
          await turn()
          await quiet()
          deliver()
        } while (!isQuiet())
      },
      connect: (process, parts) => ({
        store: storeOf(process, parts),
        subscribe(wake, wakeAll) {
          subscribers.add({ process, wake, wakeAll, parts, isCut: false })
          // The connection is there; the next time that this is heard, it had been lost.
          wakeAll()
        },
        disconnect() {
          for (const subscriber of subscribersOf(process)) subscribers.delete(subscriber)
        },
      }),
      async loseLastSecond() {
        underWay += 1
        await undo.undo(now() - LOST)
        underWay -= 1
        // Every connection has broken with it, and is there again.
        for (const { process, wakeAll } of subscribers) if (process.isAlive) wakeAll()
        lookIfQuiet()
      },
      cut(process) {
        const own = subscribersOf(process)
        for (const subscriber of own) subscriber.isCut = true
        return () => {
          for (const subscriber of own) {
            subscriber.isCut = false
            if (subscribers.has(subscriber)) subscriber.wakeAll()
          }
        }
      },
      async close() {
        receivers.delete(channel)
        await messages.unsubscribe(channel)
        const keys = await commands.keys(`${prefix}:*`)
        const expiries = await Promise.all(keys.map((key) => commands.pttl(key)))
        if (keys.length > 0) await commands.unlink(keys)
        const listening = [...subscribers].filter(({ process }) => process.isAlive)
        return [
          ...keys.filter((_key, index) => (expiries[index] ?? 0) < 0),
          ...listening.map(({ process }) => `the subscription of ${process.name}`),
        ]
      },
    }
  }

  return {
    open,
    async close() {
      await Promise.all([commands.quit(), messages.quit()])
    },
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
