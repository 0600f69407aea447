/** Whether Redis permits what the application asks of it: the same look as the application's own, by this user. */
import type { Redis } from 'ioredis'
import { missingRight } from '../backends/redis-rights.js'
import { wakeChannel } from '../ledger/redis-store.js'
import { fail, ok, type Finding } from './finding.js'

/** What is tried leaves nothing behind: a key of its own, which is deleted, and a message without content. */
export async function rights(redis: Redis, prefix: string): Promise<Finding[]> {
  const subscriber = redis.duplicate()
  try {
    await subscriber.connect()
    const channel = wakeChannel(prefix)
    const missing = await missingRight({ redis, subscriber, prefix, channel })
    if (missing === undefined) {
      return [ok('permits', 'it permits what is needed: scripts, messages, memory')]
    }
    const why = 'The application starts nothing before it may: until then calls end UNREACHABLE.'
    return [fail('rights', missing.what, why, missing.fix)]
  } finally {
    subscriber.disconnect()
  }
}
