/** The Redis backend once its libraries are loaded: connections, ledger, queue. */
import { createRedisKeyStore } from '../keys/redis-store.js'
import type { KeyStore } from '../keys/store.js'
import { createRedisLedger } from '../ledger/redis.js'
import { createRedisStore } from '../ledger/redis-store.js'
import { subscribeOver } from '../ledger/redis-subscribe.js'
import type { Ledger } from '../ledger/ledger.js'
import { runnableOf } from '../settlement/order.js'
import { createBullmqQueue } from '../saves/bullmq-queue.js'
import { isRefusal } from '../saves/bullmq-refusal.js'
import type { RunSave, SaveQueue, SaveReport } from '../saves/queue.js'
import { createBullmqSchedule } from '../recovery/bullmq-schedule.js'
import type { Schedule, Sweep } from '../recovery/schedule.js'
import type { BackendParts, RedisOption } from './backend.js'
import { openConnections } from './redis-connections.js'
import { createGate, type Gate } from './redis-gate.js'
import { lookAtRedis } from './redis-look.js'
import { missingRight } from './redis-rights.js'

export interface Connected {
  ledger: Ledger
  keys: KeyStore
  /** Nothing of BullMQ is started before it opens. */
  gate: Gate
  startQueue: (run: RunSave, report: SaveReport) => SaveQueue
  startSchedule: (every: number | undefined, sweep: Sweep) => Schedule
  close: () => Promise<void>
}

export async function connect(option: RedisOption, parts: BackendParts): Promise<Connected> {
  const { clock, logger, rules, perform, prefix, retries, concurrency } = parts
  const connections = await openConnections(option, parts)
  const store = createRedisStore(connections.ledger, prefix)
  const ledger = createRedisLedger({
    ...{ store, clock, rules, perform, logger },
    subscribe: subscribeOver(connections.subscriber, store.channel, logger),
  })
  const look = (): void => lookAtRedis(connections.ledger, logger)
  if (connections.ledger.status === 'ready') look()
  else connections.ledger.once('ready', look)

  const { channel } = store
  const { subscriber, trouble } = connections
  const gate = createGate(
    () => missingRight({ redis: connections.ledger, subscriber, prefix, channel, trouble }),
    parts,
  )
  for (const connection of [connections.ledger, subscriber]) connection.on('ready', gate.doubt)
  const refused = (error: unknown): void => {
    if (isRefusal(error)) gate.doubt()
  }
  const after = afterOpening(gate, refused)
  const keys = createRedisKeyStore(connections.ledger, prefix)
  const { worker } = connections
  const workerConnection = worker === undefined ? {} : { workerConnection: worker }

  return {
    ledger: admitted(ledger, after),
    keys: {
      get: (ref) => after(() => keys.get(ref)),
      set: (ref, text, before) => after(() => keys.set(ref, text, before)),
      byHash: (hash) => after(() => keys.byHash(hash)),
    },
    gate,
    startQueue: (run, report) =>
      createBullmqQueue({
        ...{ run, report, clock, retries, logger, concurrency, refused },
        prefix: `{${prefix}}`,
        connection: connections.queue,
        ...workerConnection,
        async wanted(key, name, sequence, isFirst) {
          const { saves } = await (isFirst ? ledger.latest(key) : ledger.read(key))
          const save = saves.find((other) => other.name === name)
          if (save?.phase !== 'running' || save.sequence !== sequence) return undefined
          return runnableOf(save)
        },
      }),
    startSchedule: (every, sweep) =>
      createBullmqSchedule({
        ...{ every, sweep, clock, logger, refused, prefix: `{${prefix}}` },
        connection: connections.queue,
        ...workerConnection,
      }),
    close() {
      gate.close()
      return connections.close()
    },
  }
}

/** Does something with Redis, not before it has permitted what that needs. */
type After = <Result>(work: () => Promise<Result>) => Promise<Result>

/** What is refused later is looked into. */
const afterOpening =
  (gate: Gate, refused: (error: unknown) => void): After =>
  async (work) => {
    await gate.admit()
    try {
      return await work()
    } catch (error) {
      if (error instanceof Error) refused(error.cause)
      throw error
    }
  }

const admitted = (ledger: Ledger, after: After): Ledger => ({
  apply: (key, event) => after(() => ledger.apply(key, event)),
  read: (key) => after(() => ledger.read(key)),
  settled: (key, id, signal) => after(() => ledger.settled(key, id, signal)),
  finished: (key, name, signal) => after(() => ledger.finished(key, name, signal)),
  open: () => after(() => ledger.open()),
  close: () => ledger.close(),
})
