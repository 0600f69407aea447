/** What was promised, beside what was measured. */
import type { Results } from './report.js'
import type { Figures } from './row.js'

/** Calls at once, as in `run.ts`. */
const IN_FLIGHT = [1, 32, 256]

export interface Target {
  what: string
  target: string
  value: string
  met: boolean
}

/** Time per save, of one against the other, by how each compared with the hand-written way then. */
const slower = (much: Figures, little: Figures): number => little.share / much.share - 1

const least = (what: string, limit: number, value: number, digits = 2): Target => ({
  ...{ what, target: `at least ${limit}`, value: value.toFixed(digits), met: value >= limit },
})

function most(what: string, limit: number, value: number, unit = '', digits = 0): Target {
  const of = unit === '' ? '' : ` ${unit}`
  const met = value <= limit
  return { what, target: `at most ${limit}${of}`, value: `${value.toFixed(digits)}${of}`, met }
}

export function targets(results: Results): Target[] {
  const { rows, callbacks, documents, growth, idleCommands, garbagePerSave } = results
  const levelsOf = (name: string): Figures[] =>
    rows.find((row) => row.name === name)?.levels ?? missing()
  const memory = levelsOf('memory')
  const redis = levelsOf('Redis, one process')
  const cpuAt32 = (levels: Figures[]): number => levels[1]?.cpu ?? NaN
  const [memoryGrowth = missing(), redisGrowth = missing()] = growth
  const [bare = missing(), plain = missing(), plainInRedis = missing()] = callbacks
  const [inMemory = missing()] = documents
  return [
    ...IN_FLIGHT.map((lanes, index) =>
      least(`memory: share of fair, ${lanes} in flight`, 0.9, memory[index]?.ofFair ?? NaN),
    ),
    most('memory: more at p50 than by hand, 1 in flight', 0.25, memory[0]?.later ?? NaN, 'ms', 2),
    ...IN_FLIGHT.map((lanes, index) =>
      least(
        `Redis: share of fair, ${lanes} in flight`,
        ...([[0.35, 0.45, 0.5][index] ?? NaN, redis[index]?.ofFair ?? NaN] as const),
      ),
    ),
    most('Redis: more at p50 than by hand, 1 in flight', 1.5, redis[0]?.later ?? NaN, 'ms', 2),
    most('Redis: round trips per save, 1 in flight', 4, redis[0]?.reads ?? NaN, '', 1),
    most('Redis: commands per save, 1 in flight', 55, redis[0]?.commands ?? NaN),
    least('saves/s one core of Redis carries', 4000, 1000 / (redis[1]?.redisCpu ?? NaN), 0),
    ...[2, 4].map((many) => {
      const name = `Redis, ${many === 2 ? 'two' : 'four'} processes`
      const ratio = cpuAt32(levelsOf(name)) / cpuAt32(redis)
      return most(`CPU per save, ${many} processes beside one`, 1.5, ratio, 'times', 2)
    }),
    least('memory: status 1, of the bare handler', 0.8, plain.rate / bare.rate),
    least('Redis: status 1, of the bare handler', 0.4, plainInRedis.rate / bare.rate),
    most('a pending call in the process', 3072, memoryGrowth.pending[0], 'bytes'),
    most('a pending call in Redis', 2048, redisGrowth.pending[1], 'bytes'),
    most('memory: garbage per save', 25, garbagePerSave / 1024, 'KB'),
    ...inMemory.hot
      .slice(1)
      .map(({ on, ratio }) => most(`memory: 256 on ${on}, CPU beside 256 keys`, 1, ratio, '', 2)),
    ...documents.map(({ name, remembered }) =>
      most(`${name}: 64 remembered, CPU beside none`, 1.5, remembered[1]?.ratio ?? NaN, '', 2),
    ),
    ...growth.flatMap(({ name, withFew, withMany, withRemembered }) => [
      most(`${name}: slower with many pending`, 20, 100 * slower(withMany, withFew), '%'),
      most(`${name}: slower with many keys`, 20, 100 * slower(withRemembered, withFew), '%'),
    ]),
    most('an idle process', 5, idleCommands, 'commands/s'),
  ]
}

function missing(): never {
  throw new Error('a row is missing')
}
