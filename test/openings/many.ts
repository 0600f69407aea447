/** Many openings: each has a clock and a seed of its own. */
import { runOpening, type Opening, type OpeningOptions } from './schedule.js'

export interface Openings {
  failed: Opening[]
  /** How often a key was given out, and how many there were. */
  opened: number
  keys: number
}

/** Over Redis: while one waits for it, others go on. */
const AT_ONCE = 16

export async function runOpenings(
  first: number,
  count: number,
  options: OpeningOptions = {},
): Promise<Openings> {
  const openings: Openings = { failed: [], opened: 0, keys: 0 }
  let next = 0
  const run = async (): Promise<void> => {
    while (next < count) {
      const seed = first + next
      next += 1
      const opening = await runOpening(seed, options).catch((error: unknown) => ({
        ...{ seed, trace: [], keys: 0, opened: 0 },
        violations: [`it broke off: ${String(error)}`],
      }))
      if (opening.violations.length > 0) openings.failed.push(opening)
      openings.opened += opening.opened
      openings.keys += opening.keys
      // On virtual time nothing else gets a turn.
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  await Promise.all(Array.from({ length: options.redis === undefined ? 1 : AT_ONCE }, run))
  return openings
}
