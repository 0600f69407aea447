/** One look at Redis at the start; a warning names the fix. */
import type { Cluster, Redis } from 'ioredis'
import type { Logger } from '../events.js'

const OLDEST = [6, 2] as const

export function lookAtRedis(redis: Redis | Cluster, logger: Logger): void {
  look(redis, logger).catch((error: unknown) => {
    logger.debug({ err: error }, 'Redis did not tell how it is set up')
  })
}

async function look(redis: Redis | Cluster, logger: Logger): Promise<void> {
  const info = await redis.info()
  const field = (name: string): string | undefined =>
    new RegExp(`^${name}:(.*)$`, 'm').exec(info)?.[1]?.trim()
  const version = field('redis_version') ?? '0'
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
    logger.warn({ version }, `Redis is older than ${OLDEST.join('.')}: update it`)
  }
  const policy = field('maxmemory_policy')
  if (policy !== undefined && policy !== 'noeviction') {
    logger.warn({ policy }, 'Redis may evict what is needed: set maxmemory-policy to noeviction')
  }
  if (field('aof_enabled') === '0') {
    logger.warn(
      {},
      'Redis keeps no append-only file: a restart of it forgets commands and verdicts; set appendonly yes',
    )
  }
}
