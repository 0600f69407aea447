/**
 * The keys of open documents in Redis: a sorted set for each period of time, in which a document
 * stands by when it was heard of last. So all of it expires, and a page of it can be read in order.
 */
import type { Cluster, Redis } from 'ioredis'
import { unreachable } from './redis-error.js'
import { SESSION_KEPT } from '../settlement/timing.js'

export interface OpenSet {
  add: (period: number, key: string) => Promise<void>
  remove: (period: number, key: string) => Promise<void>
  /** The next ones in their order, at most `limit`; fewer: there are no more. */
  page: (period: number, after: string | undefined, limit: number) => Promise<string[]>
  count: (period: number) => Promise<number>
}

/** In the period of a time, and the one before, is all that was heard of in `SESSION_KEPT`. */
export const periodOf = (time: number): number => Math.floor(time / SESSION_KEPT)

/** In one step, or it might stay for ever. With one score for all, the order is that of the keys. */
const ADD = `redis.call('ZADD', KEYS[1], 0, ARGV[1]) redis.call('PEXPIRE', KEYS[1], ARGV[2])`

export function createOpenSet(redis: Redis | Cluster, prefix: string): OpenSet {
  const name = (period: number): string => `${prefix}:open:${period}`
  const told = async <Answer>(answer: Promise<Answer>): Promise<Answer> => {
    try {
      return await answer
    } catch (cause) {
      throw unreachable(cause)
    }
  }
  return {
    async add(period, key) {
      await told(redis.eval(ADD, 1, name(period), key, 2 * SESSION_KEPT))
    },
    async remove(period, key) {
      await told(redis.zrem(name(period), key))
    },
    page: (period, after, limit) => {
      const from = after === undefined ? '-' : `(${after}`
      return told(redis.zrangebylex(name(period), from, '+', 'LIMIT', 0, limit))
    },
    count: (period) => told(redis.zcard(name(period))),
  }
}
