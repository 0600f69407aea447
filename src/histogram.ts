/** How long things took, in numbers that a Prometheus histogram is made of. Flat memory. */

/** Upper bounds in ms: a command takes milliseconds, a save seconds, a forcesave up to its minute. */
const BOUNDS = [
  5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 120_000,
] as const

/** How long something took, since `createDocs()`; in ms. */
export interface DurationStats {
  /** How many there were. */
  readonly count: number
  /** All of them together, ms. */
  readonly sum: number
  /** The shortest, ms. Null: none so far. */
  readonly min: number | null
  /** The longest, ms. Null: none so far. */
  readonly max: number | null
  /**
   * How many took at most `le` ms, those of the smaller bounds included, as Prometheus has it; the
   * bounds are always the same, and that of +Inf is `count`.
   */
  readonly buckets: readonly { readonly le: number; readonly count: number }[]
}

export interface Histogram {
  add: (ms: number) => void
  read: () => DurationStats
}

export function createHistogram(): Histogram {
  const buckets = BOUNDS.map((le) => ({ le, count: 0 }))
  let [count, sum, min, max] = [0, 0, Infinity, -Infinity]
  return {
    add(given) {
      // A clock that was set back must not make a sum fall.
      const ms = Math.max(given, 0)
      for (const bucket of buckets) {
        if (ms > bucket.le) continue
        bucket.count += 1
        break
      }
      count += 1
      sum += ms
      if (ms < min) min = ms
      if (ms > max) max = ms
    },
    read() {
      let below = 0
      const upTo = buckets.map((bucket) => ({ le: bucket.le, count: (below += bucket.count) }))
      const ends = count === 0 ? { min: null, max: null } : { min, max }
      return { count, sum, ...ends, buckets: upTo }
    },
  }
}
