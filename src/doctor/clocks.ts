/** How far the Docs server's clock is from ours, by the `Date` headers of its answers. */
import type { Moment } from './finding.js'

/** A `Date` has whole seconds, ms. */
const RESOLUTION = 1000

/** Server's clock minus ours, ms: it is in between; each answer narrows that down. */
export function differenceOf(
  moments: readonly Moment[],
): { least: number; most: number } | undefined {
  if (moments.length === 0) return undefined
  const least = Math.max(...moments.map(({ date, came }) => date - came))
  const most = Math.min(...moments.map(({ date, sent }) => date + RESOLUTION - sent))
  // Answers of several machines, or a clock that was set meanwhile.
  return least <= most ? { least, most } : { least: most, most: least }
}

/** The likeliest difference, ms. */
export function offsetOf(moments: readonly Moment[]): number | undefined {
  const difference = differenceOf(moments)
  return difference && (difference.least + difference.most) / 2
}
