/** Checks the options `redis` and `worker`, which belong together. */
import { checkWhole, isRecord } from '../check.js'
import { badOption } from '../errors.js'
import type { RedisOption } from './backend.js'

/** @throws DocsError `BAD_OPTION`, without what was given: a URL may hold a password */
export function checkRedis(redis: unknown, worker: unknown): RedisOption | undefined {
  if (worker !== false) {
    const concurrency = isRecord(worker) ? worker.concurrency : undefined
    if (!isRecord(worker)) throw badOption('worker', worker, 'give { concurrency } or false')
    checkWhole('worker.concurrency', concurrency, 1, 10_000, 'saves at once')
  }
  if (redis === undefined) {
    if (worker !== false) return undefined
    throw badOption('worker', worker, 'without redis no other process could run onSave')
  }
  if (typeof redis === 'object' && redis !== null) return redis
  // Not shown: it may hold a password.
  if (typeof redis === 'string' && /^rediss?:\/\//.test(redis) && URL.canParse(redis)) return redis
  throw badOption(
    'redis',
    typeof redis === 'string' ? 'another text' : redis,
    'give a URL like redis://127.0.0.1:6379, ioredis options, or a connection',
  )
}
