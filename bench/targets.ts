/** What was promised, beside what was measured. */
import type { Results } from './report.js'
import type { Figures } from './row.js'

export interface Target {
  what: string
  target: string
  value: string
  met: boolean
}

/** Time per save, of one against the other, by how each compared with the hand-written way then. */
const slower = (much: Figures, little: Figures): number => little.share / much.share - 1

export function targets({ rows, callbacks, growth, idleCommands }: Results): Target[] {
  const [, memory, redis] = rows.map(({ levels }) => levels)
  const [memoryGrowth, redisGrowth] = growth
  const [bare, plain] = callbacks
  if (!memory || !redis || !memoryGrowth || !redisGrowth || !bare || !plain) {
    throw new Error('a row is missing')
  }
  const least = (what: string, limit: number, value: number): Target => ({
    ...{ what, target: `at least ${limit}`, value: value.toFixed(2), met: value >= limit },
  })
  const most = (what: string, limit: number, value: number, unit: string): Target => ({
    ...{ what, target: `at most ${limit} ${unit}`, met: value <= limit },
    value: `${unit === 'ms' ? value.toFixed(2) : value.toFixed(0)} ${unit}`,
  })
  /** At each number in flight, the worst counts. */
  const share = (levels: Figures[]): number => Math.min(...levels.map(({ share }) => share))
  const later = (levels: Figures[]): number => levels[0]?.later ?? NaN
  return [
    least(
      'memory: throughput of the hand-written way, the least of 1, 32, 256',
      0.9,
      share(memory),
    ),
    most('memory: more at p50, 1 in flight', 0.3, later(memory), 'ms'),
    least('Redis: throughput of the hand-written way, the least of 1, 32, 256', 0.4, share(redis)),
    most('Redis: more at p50, 1 in flight', 3, later(redis), 'ms'),
    least('status 1: of the bare handler', 0.9, plain.rate / bare.rate),
    ...[memoryGrowth, redisGrowth].flatMap(({ name, withFew, withMany, withRemembered }) => [
      most(`${name}: slower per save with many pending`, 20, 100 * slower(withMany, withFew), '%'),
      most(
        `${name}: slower per save with many remembered`,
        ...([20, 100 * slower(withRemembered, withFew)] as const),
        '%',
      ),
    ]),
    most('a pending command in Redis', 2048, redisGrowth.pending[1], 'bytes'),
    most(
      'a pending command in the process',
      4096,
      Math.max(memoryGrowth.pending[0], redisGrowth.pending[0]),
      'bytes',
    ),
    most('an idle process', 5, idleCommands, 'commands/s'),
  ]
}
