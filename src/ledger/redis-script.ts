/** One step in Redis that looks and changes: a script. */
import { createHash } from 'node:crypto'
import type { Cluster, Redis } from 'ioredis'
import { unreachable } from './redis-error.js'

/** A script by its hash; sent whole when Redis does not know it (any more). */
export function script(
  redis: Redis | Cluster,
  text: string,
): (keys: string[], values: string[]) => Promise<unknown> {
  const hash = createHash('sha1').update(text).digest('hex')
  return async (keys, values) => {
    try {
      return await redis.evalsha(hash, keys.length, ...keys, ...values).catch((error: unknown) => {
        if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error
        return redis.eval(text, keys.length, ...keys, ...values)
      })
    } catch (cause) {
      throw unreachable(cause)
    }
  }
}
