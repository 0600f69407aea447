/**
 * What Redis has to permit before anything is built on it. BullMQ's worker goes round without a pause where
 * one of these is refused, and then no timer of the process runs: so it is started only after all have worked.
 */
import { randomBytes } from 'node:crypto'
import type { Cluster, Redis } from 'ioredis'
import { nodesOf } from './redis-connections.js'

/** A right that is missing, in words: what was refused, what needs it, and what to do. */
export interface Missing {
  readonly right: 'info' | 'script' | 'publish' | 'subscribe'
  readonly words: string
  readonly cause: unknown
}

/** Writes, reads and deletes a key of its own; it would expire by itself. */
const SCRIPT = `redis.call('SET', KEYS[1], '1', 'PX', 10000)
local value = redis.call('GET', KEYS[1]) redis.call('DEL', KEYS[1]) return value`

const ADVICE = {
  info: 'BullMQ asks INFO when it starts: give the user +info',
  script:
    'each step is a script that writes: give the user +eval, +evalsha and its keys, and see that this is the master and has memory left',
  publish: 'other processes are woken by PUBLISH: give the user +publish and its channel, &*',
  subscribe: 'wake-ups come by SUBSCRIBE: give the user +subscribe and its channel, &*',
} as const

/** The first right that is missing; undefined: all are there. */
export async function missingRight(
  redis: Redis | Cluster,
  subscriber: Redis | Cluster,
  { prefix, channel }: { prefix: string; channel: string },
): Promise<Missing | undefined> {
  const key = `${prefix}:{rights}:${randomBytes(6).toString('base64url')}`
  const steps: [right: Missing['right'], step: () => Promise<unknown>][] = [
    ['script', () => redis.eval(SCRIPT, 1, key)],
    ['publish', () => redis.publish(channel, '')],
    ['subscribe', () => subscriber.subscribe(channel)],
    ['info', () => Promise.all(nodesOf(redis).map((node) => node.info()))],
  ]
  for (const [right, step] of steps) {
    try {
      await step()
    } catch (cause) {
      const said = cause instanceof Error ? cause.message : String(cause)
      return { right, words: `${said} (${ADVICE[right]})`, cause }
    }
  }
  return undefined
}
