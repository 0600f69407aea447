/** One look at Redis at the start, at each node of a cluster; a warning names the fix. */
import type { Cluster, Redis } from 'ioredis'
import type { Logger } from '../events.js'
import { withoutCommand } from '../ledger/redis-error.js'
import { nodesOf } from './redis-connections.js'

export const OLDEST = [6, 2] as const

export function lookAtRedis(redis: Redis | Cluster, logger: Logger): void {
  look(redis, logger).catch((error: unknown) => {
    logger.debug({ err: withoutCommand(error) }, 'Redis did not tell how it is set up')
  })
}

async function look(redis: Redis | Cluster, logger: Logger): Promise<void> {
  const infos = await Promise.all(nodesOf(redis).map((node) => node.info()))
  // Nodes that are set up alike are warned of once.
  const warnings = new Map(infos.flatMap((info) => warningsOn(info)))
  for (const [message, details] of warnings) logger.warn(details, message)
}

/** What is to be said on what `INFO` tells. */
function warningsOn(info: string): [message: string, details: object][] {
  const field = (name: string): string | undefined =>
    new RegExp(`^${name}:(.*)$`, 'm').exec(info)?.[1]?.trim()
  const warnings: [message: string, details: object][] = []
  const version = field('redis_version') ?? '0'
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
    warnings.push([`Redis is older than ${OLDEST.join('.')}: update it`, { version }])
  }
  const policy = field('maxmemory_policy')
  if (policy !== undefined && policy !== 'noeviction') {
    const message = 'Redis may evict what is needed: set maxmemory-policy to noeviction'
    warnings.push([message, { policy }])
  }
  if (field('aof_enabled') === '0') {
    const message =
      'Redis keeps no append-only file: a restart of it forgets commands and verdicts; set appendonly yes'
    warnings.push([message, {}])
  }
  return warnings
}
