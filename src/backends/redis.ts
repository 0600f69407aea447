/**
 * The state in Redis, the saves in BullMQ. Both libraries are optional: they are loaded here, when
 * the option `redis` is set, and nowhere else.
 */
import { createRequire } from 'node:module'
import { badOption, DocsError } from '../errors.js'
import { here } from '../here.js'
import type { Schedule } from '../recovery/schedule.js'
import type { SaveQueue } from '../saves/queue.js'
import type { Backend, BackendParts, RedisOption } from './backend.js'
import type { Connected } from './redis-connected.js'

export function createRedisBackend(redis: RedisOption, parts: BackendParts): Backend {
  const { logger } = parts
  checkLibraries()
  refuseKeyPrefix(redis)
  const connected = import('./redis-connected.js').then(({ connect }) => connect(redis, parts))
  connected.catch((error: unknown) => logger.error({ err: error }, 'Redis cannot be used'))
  const ledger = async (): Promise<Connected['ledger']> => (await connected).ledger
  const whenConnected = (task: (backend: Connected) => unknown): void => {
    // Its failure has been told above.
    connected.then(task).catch(() => {})
  }

  /** What is started once Redis permits it. */
  function begun<Started>(start: (backend: Connected) => Started): Promise<Started> {
    const started = connected.then(async (backend) => {
      await backend.gate.opened
      return start(backend)
    })
    started.catch(() => {})
    return started
  }

  /** What was not started by then never is, and need not be closed. */
  async function closed(started: Promise<{ close: () => Promise<void> }>): Promise<void> {
    if ((await connected).gate.close()) await (await started).close()
  }

  return {
    ledger: {
      apply: async (key, event) => (await ledger()).apply(key, event),
      read: async (key) => (await ledger()).read(key),
      settled: async (key, id, signal) => (await ledger()).settled(key, id, signal),
      finished: async (key, name, signal) => (await ledger()).finished(key, name, signal),
      open: async () => (await ledger()).open(),
      close: async () => (await ledger()).close(),
    },
    keys: {
      get: async (ref) => (await connected).keys.get(ref),
      set: async (ref, text, before) => (await connected).keys.set(ref, text, before),
      byHash: async (hash) => (await connected).keys.byHash(hash),
    },
    startQueue(run, report): SaveQueue {
      const queue = begun((backend) => backend.startQueue(run, report))
      return {
        add: (key, save) => whenConnected(async () => (await queue).add(key, save)),
        close: () => closed(queue),
      }
    },
    startSchedule(every, sweep): Schedule {
      const schedule = begun((backend) => backend.startSchedule(every, sweep))
      return { close: () => closed(schedule) }
    },
    close: async () => (await connected).close(),
  }
}

/** Of an options object, a connection, a cluster, or a URL, whose query ioredis reads as options. */
function refuseKeyPrefix(redis: RedisOption): void {
  const keyPrefix =
    typeof redis === 'string'
      ? URL.canParse(redis) && new URL(redis).searchParams.get('keyPrefix')
      : field(field(redis, 'options') ?? redis, 'keyPrefix')
  if (!keyPrefix) return
  throw badOption('redis.keyPrefix', keyPrefix, 'BullMQ takes none; use the option prefix instead')
}

const field = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined

/** Older BullMQ workers never come back after an outage (`bullmq.md`). */
const BULLMQ = [6, 3, 3] as const

function checkLibraries(): void {
  const require = createRequire(here)
  for (const name of ['ioredis', 'bullmq']) {
    try {
      require.resolve(name)
    } catch (cause) {
      throw new DocsError(
        'BAD_OPTION',
        `redis: ${name} is not installed; where this runs (for a bundle: at its place), run npm install bullmq@^6.3.3 ioredis`,
        { cause },
      )
    }
  }
  const { version } = require('bullmq/package.json') as { version: string }
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number)
  const difference = major - BULLMQ[0] || minor - BULLMQ[1] || patch - BULLMQ[2]
  if (difference < 0) {
    throw new DocsError(
      'BAD_OPTION',
      `redis: bullmq ${version} is installed, and its workers do not come back after an outage of Redis; install bullmq@^${BULLMQ.join('.')}`,
    )
  }
}
