/**
 * Time as an argument: whatever waits takes a clock, so that a test of a ten second wait takes
 * milliseconds. Times are milliseconds since the epoch.
 */
export interface Clock {
  /** ms since the epoch. */
  now(): number
  /** Runs `task` once, `ms` milliseconds from now. Returns what cancels it. */
  after(ms: number, task: () => void): () => void
}

/** Node's `setTimeout` fires at once for longer delays than this. */
const LONGEST_DELAY = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, task) {
    if (ms === Infinity) return () => {}
    // Unreferenced: a wait of ours never keeps the application's process alive.
    const timer = setTimeout(task, Math.min(Math.max(ms, 0), LONGEST_DELAY)).unref()
    return () => clearTimeout(timer)
  },
}
