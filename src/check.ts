/** Checks that options and calls share. */
import { badOption } from './errors.js'

/** Longer delays make Node's timers fire at once. */
const MAX_DELAY = 2 ** 31 - 1

/** A whole number of milliseconds from `least` up; Infinity where a deadline may be left out. */
export function checkDelay(name: string, value: unknown, least = 0, infinite = false): void {
  if (infinite && value === Infinity) return
  checkWhole(name, value, least, MAX_DELAY, infinite ? 'milliseconds, or Infinity' : 'milliseconds')
}

export function checkWhole(
  name: string,
  value: unknown,
  least: number,
  most: number,
  unit: string,
): void {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least && value <= most) {
    return
  }
  throw badOption(name, value, `allowed is a whole number from ${least} to ${most}, ${unit}`)
}

/** What is undefined counts as left out. */
export const withoutUndefined = (given: object): object =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
