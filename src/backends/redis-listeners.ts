/** Who listens in Redis: whether an application runs under a prefix can be seen from outside. */
import type { Cluster, Redis } from 'ioredis'
import { wakeChannel } from '../ledger/redis-store.js'
import { isRefusal } from '../saves/bullmq-refusal.js'
import type { RedisOption } from './backend.js'
import { isCluster, templateOf } from './redis-connections.js'

/** ms */
const PATIENCE = 5_000

/**
 * How many connections listen to the wake-ups of this prefix, at least one for each process; undefined: this user may
 * not ask (`+pubsub`). Rejects with what ioredis says, which may hold the command and so a password.
 */
export async function listenersOn(
  option: RedisOption,
  prefix: string,
): Promise<number | undefined> {
  const template = templateOf(option)
  const settings = { connectTimeout: PATIENCE, commandTimeout: PATIENCE, maxRetriesPerRequest: 0 }
  const connection = isCluster(template)
    ? template.duplicate(undefined, { clusterRetryStrategy: () => null, redisOptions: settings })
    : template.duplicate({ ...settings, lazyConnect: true, retryStrategy: () => null })
  let trouble: unknown
  connection.on('error', (error: unknown) => (trouble ??= error))
  try {
    if (!isCluster(connection)) await connection.connect()
    return await count(connection, wakeChannel(prefix))
  } catch (error) {
    if (isRefusal(error)) return undefined
    throw trouble ?? error
  } finally {
    connection.disconnect()
  }
}

/** A cluster's subscriber may be at any of its nodes. */
async function count(connection: Redis | Cluster, channel: string): Promise<number> {
  const nodes = isCluster(connection)
    ? (await connection.ping(), connection.nodes('all'))
    : [connection]
  const counts = await Promise.all(nodes.map((node) => node.pubsub('NUMSUB', channel)))
  return counts.reduce((sum, reply) => sum + Number(reply[1] ?? 0), 0)
}
