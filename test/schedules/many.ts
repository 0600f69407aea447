/** Many schedules: each has a clock and a seed of its own. */
import pLimit from 'p-limit'
import { runSchedule, type Outcome, type ScheduleOptions } from './schedule.js'

/** Over Redis: while one schedule waits for it, others go on. More of them gain nothing. */
const AT_ONCE = 16

export interface Summary {
  calls: number
  /** How the calls ended. */
  ends: Record<string, number>
  /** Writes to Redis that came too late, because another process was faster. */
  conflicts: number
  /** Processes that died without a word. */
  deaths: number
  /** Those in which an invariant was violated. */
  failed: Outcome[]
}

export async function runMany(
  first: number,
  count: number,
  options: ScheduleOptions = {},
): Promise<Summary> {
  const summary: Summary = { calls: 0, ends: {}, conflicts: 0, deaths: 0, failed: [] }
  const limit = pLimit(options.redis === undefined ? 1 : AT_ONCE)
  const seeds = Array.from({ length: count }, (_, index) => first + index)
  await limit.map(seeds, async (seed) => {
    const outcome = await runSchedule(seed, options)
    summary.calls += outcome.calls
    summary.conflicts += outcome.conflicts
    summary.deaths += outcome.deaths
    for (const [end, times] of Object.entries(outcome.ends)) {
      summary.ends[end] = (summary.ends[end] ?? 0) + times
    }
    if (outcome.violations.length > 0) summary.failed.push(outcome)
  })
  return summary
}

/** How the first schedule from seed 1 on, of at most `patience`, violates `invariant`. */
export async function findViolation(
  invariant: string,
  patience: number,
  options: ScheduleOptions,
): Promise<string | undefined> {
  for (let seed = 1; seed <= patience; seed += 1) {
    const { violations } = await runSchedule(seed, options)
    const found = violations.find((violation) => violation.startsWith(invariant))
    if (found !== undefined) return `seed ${seed}: ${found}`
  }
  return undefined
}
