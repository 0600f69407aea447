/** Many schedules: each has a clock and a seed of its own. */
import { runSchedule, type ScheduleOptions } from './schedule.js'
import { emptyOutcome, type Outcome } from './checker.js'
import { count, emptySummary, type Summary } from './summary.js'

/** Over Redis: while one schedule waits for it, others go on. More of them gain nothing. */
const AT_ONCE = 16

export async function runMany(
  first: number,
  number: number,
  options: ScheduleOptions = {},
): Promise<Summary> {
  const summary = emptySummary()
  const atOnce = options.redis === undefined ? 1 : AT_ONCE
  let next = 0
  const run = async (): Promise<void> => {
    while (next < number) {
      const seed = first + next
      next += 1
      count(summary, await runSafely(seed, options))
      // On virtual time nothing else gets a turn.
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  await Promise.all(Array.from({ length: atOnce }, run))
  return summary
}

/** One that ends with an error is told of like the others: it must not stop a million. */
async function runSafely(seed: number, options: ScheduleOptions): Promise<Outcome> {
  try {
    return await runSchedule(seed, options)
  } catch (error) {
    const what = `I0: the schedule ended with an error: ${String(error)}`
    return { ...emptyOutcome(seed, ['ended with an error']), violations: [what] }
  }
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
