/**
 * The four connections of a process, each with the patience of its job (`architecture.md`, "The Redis
 * side"): the callback's path fails fast, the worker and the subscriber wait as long as it takes.
 */
import { Redis, type Cluster } from 'ioredis'
import type { Clock } from '../clock.js'
import type { Logger } from '../events.js'
import type { RedisOption } from './backend.js'

export interface Connections {
  ledger: Redis | Cluster
  subscriber: Redis | Cluster
  queue: Redis | Cluster
  worker: Redis | Cluster
  close: () => Promise<void>
}

/** How long the first connection may take before what needs it fails, ms. */
const FIRST = 2_000
/** A connection whose link is half open notices only when it is pinged (`bullmq.md`), ms. */
const PING = 10_000
const PONG = 3_000

interface Settings {
  retryStrategy: (times: number) => number
  lazyConnect: boolean
  enableOfflineQueue: boolean
  maxRetriesPerRequest: number | null
  commandTimeout: number | undefined
}

/** All that matters, whatever the application has set for its own connection. */
const RETRY: Pick<Settings, 'retryStrategy' | 'lazyConnect' | 'enableOfflineQueue'> = {
  retryStrategy: (times) => Math.min(times * 100, 1_000),
  lazyConnect: false,
  enableOfflineQueue: true,
}
const FAST: Settings = { ...RETRY, maxRetriesPerRequest: 1, commandTimeout: 2_000 }
const PATIENT: Settings = { ...RETRY, maxRetriesPerRequest: null, commandTimeout: undefined }

export async function openConnections(
  option: RedisOption,
  logger: Logger,
  clock: Clock,
): Promise<Connections> {
  const all: (Redis | Cluster)[] = []
  const open = (name: string, settings: Settings): Redis | Cluster => {
    const connection = connectionOf(option, { ...settings, connectionName: `docs-${name}` })
    connection.on('error', (error: unknown) => {
      logger.warn({ err: error, connection: name }, 'Redis: connection trouble')
    })
    all.push(connection)
    return connection
  }
  const connections = {
    ledger: open('ledger', FAST),
    subscriber: open('subscriber', PATIENT),
    queue: open('queue', FAST),
    worker: open('worker', PATIENT),
  }
  // BullMQ makes another of it to block on, and leaves that behind when Redis is away at the end.
  const { worker } = connections
  const duplicate = worker.duplicate.bind(worker) as (...args: unknown[]) => Redis & Cluster
  worker.duplicate = (...args: unknown[]) => {
    const copy = duplicate(...args)
    all.push(copy)
    return copy
  }
  await firstReady(connections.ledger)
  for (const fast of [connections.ledger, connections.queue]) failFast(fast)
  let cancelPing = ping()
  function ping(): () => void {
    return clock.after(PING, () => {
      for (const connection of Object.values(connections)) probe(connection, clock)
      cancelPing = ping()
    })
  }
  return {
    ...connections,
    close() {
      cancelPing()
      for (const connection of all) {
        const { status } = connection
        connection.disconnect()
        // Then ioredis does not say that it has ended, and BullMQ would wait for that for ever.
        if (status === 'reconnecting') connection.emit('end')
      }
      return Promise.resolve()
    },
  }
}

/** Whatever else is wrong with a connection, it notices by itself. */
function probe(connection: Redis | Cluster, clock: Clock): void {
  if (connection.status !== 'ready') return
  const answered = clock.after(PONG, () => connection.disconnect(true))
  // Without an answer in time it fails as well, and then the link is given up all the same.
  connection.ping().then(answered, () => {})
}

/** From the first connection on, a command that finds none fails at once instead of waiting in line. */
function failFast(connection: Redis | Cluster): void {
  connection.options.enableOfflineQueue = false
}

function firstReady(connection: Redis | Cluster): Promise<void> {
  if (connection.status === 'ready') return Promise.resolve()
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, FIRST)
    connection.once('ready', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}

function connectionOf(
  option: RedisOption,
  settings: Settings & { connectionName: string },
): Redis | Cluster {
  if (typeof option === 'string') return new Redis(option, settings)
  if (isCluster(option)) {
    const redisOptions = { ...(option.options.redisOptions as object), ...settings }
    return option.duplicate(undefined, { redisOptions })
  }
  return isRedis(option) ? option.duplicate(settings) : new Redis({ ...option, ...settings })
}

/** Also one of another copy of ioredis, so not by its class. */
const isRedis = (value: object): value is Redis => 'duplicate' in value && 'status' in value
const isCluster = (value: object): value is Cluster => isRedis(value) && 'nodes' in value
