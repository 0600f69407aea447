/** What is measured, and the middle of several measurements. */

/**
 * Which documents: `few`, 8 saves each; `new`, one save each; `remembered`, those with the saves of
 * `remember`; `one` for all calls, which share their forcesaves, or do not.
 */
export type Documents = 'few' | 'new' | 'remembered' | 'one' | 'one, each its own'

/** How many calls at once, and for how long in ms. */
export interface Load {
  lanes: number
  ms: number
  on?: Documents
  /** First so many saves of each lane's document, which are not measured. */
  remember?: number
}

/** Times in ms. */
export interface Measured {
  saves: number
  elapsed: number
  p50: number
  p99: number
  /** Of all processes of the application. */
  cpu: number
}

/** `sorted`: ascending. */
export const percentile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(Math.floor(sorted.length * share), sorted.length - 1)] ?? NaN

export const median = (values: readonly number[]): number =>
  percentile(
    values.toSorted((one, other) => one - other),
    0.5,
  )
