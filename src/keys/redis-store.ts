/** The current key of each file in Redis: one value per file, changed only if it is still the one that was read. */
import type { Cluster, Redis } from 'ioredis'
import { unreachable } from '../ledger/redis-error.js'
import { script } from '../ledger/redis-script.js'
import { sha256 } from '../protocol/sha256.js'
import { KEY_KEPT } from './record.js'
import type { KeyStore } from './store.js'

const SET = `if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1`

export function createRedisKeyStore(redis: Redis | Cluster, prefix: string): KeyStore {
  const set = script(redis, SET)
  // A ref never becomes a Redis key as it is.
  const nameOf = (hash: string): string => `${prefix}:{${hash}}:key`
  async function byHash(hash: string): Promise<string | undefined> {
    try {
      return (await redis.get(nameOf(hash))) ?? undefined
    } catch (cause) {
      throw unreachable(cause)
    }
  }
  return {
    byHash,
    get: (ref) => byHash(sha256(ref)),
    async set(ref, text, before) {
      const values = [before ?? '', text, String(KEY_KEPT)]
      return (await set([nameOf(sha256(ref))], values)) === 1
    },
  }
}
