/**
 * The connections of a process, each with the patience of its job (`architecture.md`, "The Redis
 * side"): the callback's path fails fast, the worker and the subscriber wait as long as it takes.
 */
import { Redis, type Cluster } from 'ioredis'
import type { Clock } from '../clock.js'
import { withoutCommand } from '../ledger/redis-error.js'
import { isRefusal } from '../saves/bullmq-refusal.js'
import type { BackendParts, RedisOption } from './backend.js'

export interface Connections {
  ledger: Redis | Cluster
  subscriber: Redis | Cluster
  queue: Redis | Cluster
  /** Only where saves are run. */
  worker: Redis | Cluster | undefined
  /** What has gone wrong last with the ledger's connection, since it was ready. */
  trouble: () => unknown
  close: () => Promise<void>
}

/** How long the first connection may take before what needs it fails, ms. */
const FIRST = 2_000
/** A connection whose link is half open notices only when it is pinged (`bullmq.md`), ms. */
const PING = 10_000
const PONG = 3_000

interface Patience {
  maxRetriesPerRequest: number | null
  commandTimeout: number | undefined
}
const FAST: Patience = { maxRetriesPerRequest: 1, commandTimeout: 2_000 }
const PATIENT: Patience = { maxRetriesPerRequest: null, commandTimeout: undefined }

const retry = (times: number): number => Math.min(times * 100, 1_000)
const CONNECT = { lazyConnect: false, enableOfflineQueue: true } as const
/** All that matters, whatever the application has set for its own connection. */
const SHAPE = {
  // A script that answers `-1` as text would pass for one that has written.
  stringNumbers: false,
  // ioredis 6 only: maps in place of lists.
  replyMapping: 'legacy',
  // Whoever waits for a message or a job is silent, and well.
  socketTimeout: undefined,
  blockingTimeout: undefined,
  // A channel that is not permitted any more would end the process; subscribing again is ours.
  autoResubscribe: false,
} as const
const CLUSTER = {
  ...CONNECT,
  clusterRetryStrategy: retry,
  scaleReads: 'master',
  // A tenth of a second each, and longer where many wait: a node that is away has to be told of within 2 s.
  maxRedirections: 8,
} as const

export async function openConnections(
  option: RedisOption,
  { logger, clock, concurrency }: Pick<BackendParts, 'logger' | 'clock' | 'concurrency'>,
): Promise<Connections> {
  const all: (Redis | Cluster)[] = []
  const template = templateOf(option)
  const open = (name: string, patience: Patience): Redis | Cluster => {
    const settings = { ...SHAPE, ...patience, connectionName: `docs-${name}` }
    const connection = isCluster(template)
      ? template.duplicate(undefined, { ...CLUSTER, redisOptions: settings })
      : template.duplicate({ ...CONNECT, retryStrategy: retry, ...settings })
    connection.on('error', (error: unknown) => {
      logger.warn({ err: withoutCommand(error), connection: name }, 'Redis: connection trouble')
    })
    if (!isCluster(connection)) writeTogether(connection)
    all.push(connection)
    return connection
  }
  const connections = {
    ledger: open('ledger', FAST),
    subscriber: open('subscriber', PATIENT),
    queue: open('queue', FAST),
    worker: concurrency === 0 ? undefined : open('worker', PATIENT),
  }
  let trouble: unknown
  connections.ledger.on('error', (error: unknown) => (trouble = error))
  connections.ledger.on('ready', () => (trouble = undefined))
  // BullMQ makes another of it to block on, and leaves that behind when Redis is away at the end.
  const { worker } = connections
  if (worker !== undefined) {
    const duplicate = worker.duplicate.bind(worker) as (...args: unknown[]) => Redis & Cluster
    worker.duplicate = (...args: unknown[]) => {
      const copy = duplicate(...args)
      all.push(copy)
      return copy
    }
  }
  // Not before it is ready: BullMQ begins with a command, and a queue whose first one fails never works.
  connections.queue.once('ready', () => failFast(connections.queue))
  await firstReady(connections.ledger)
  failFast(connections.ledger)
  let cancelPing = ping()
  function ping(): () => void {
    return clock.after(PING, () => {
      for (const connection of Object.values(connections)) {
        for (const node of connection === undefined ? [] : nodesOf(connection)) probe(node, clock)
      }
      cancelPing = ping()
    })
  }
  return {
    ...connections,
    trouble: () => trouble,
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

/**
 * What is sent in one turn of the event loop is written to the socket at once: each write of its own costs
 * more than most commands. Nothing is held back for longer, and each command keeps its own time limit.
 */
function writeTogether(connection: Redis): void {
  const send = connection.sendCommand.bind(connection)
  let corked: Redis['stream'] | undefined
  connection.sendCommand = (...command) => {
    // There is none before the first connection.
    const stream = connection.stream as Redis['stream'] | undefined
    if (stream !== undefined && stream !== corked) {
      corked = stream
      stream.cork()
      setImmediate(() => {
        if (corked === stream) corked = undefined
        stream.uncork()
      })
    }
    return send(...command)
  }
}

/** Whatever else is wrong with a connection, it notices by itself. */
function probe(connection: Redis, clock: Clock): void {
  if (connection.status !== 'ready') return
  const answered = clock.after(PONG, () => connection.disconnect(true))
  // Without an answer in time it fails as well, and then the link is given up all the same. A refusal is an answer.
  connection.ping().then(answered, (error: unknown) => isRefusal(error) && answered())
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

/** What all connections are duplicates of: so that they get our settings also where a URL has others. */
export function templateOf(option: RedisOption): Redis | Cluster {
  // Never connected, nobody has to close it.
  if (typeof option === 'string') return new Redis(option, { lazyConnect: true })
  return isRedis(option) ? option : new Redis({ ...option, lazyConnect: true })
}

/** Also one of another copy of ioredis, so not by its class. */
const isRedis = (value: object): value is Redis => 'duplicate' in value && 'status' in value
export const isCluster = (value: object): value is Cluster => isRedis(value) && 'nodes' in value
/** A cluster's links break one by one, and it comes to new ones by itself. */
export const nodesOf = (connection: Redis | Cluster): Redis[] =>
  isCluster(connection) ? connection.nodes('master') : [connection]
