/**
 * The clocks of the simulated Docs server: virtual time for tests that must be fast and repeatable,
 * real time, and a wrapper that can drop all its timers at once.
 */
import type { Clock } from '../clock.js'

export interface VirtualClock extends Clock {
  /**
   * Moves the time on by `ms` milliseconds and runs every timer that falls due on the way, by due
   * time, then by creation. What a timer sets off in this process (promise chains, `setImmediate`)
   * is done before the next timer runs.
   */
  advance(ms: number): Promise<void>
  /**
   * Jumps from timer to timer until `condition` holds or `limitMs` milliseconds of virtual time are
   * over, and tells whether it holds. With no timer left to run it gives real input and output two
   * real seconds to bring the condition or a new timer.
   *
   * `ioMs` (0 by default): real milliseconds of patience before each jump, longer on a busy machine. A test with
   * real sockets needs some, or a deadline fires while a request is still on its way.
   */
  runUntil(condition: () => boolean, limitMs: number, ioMs?: number): Promise<boolean>
  /** How many timers wait. After a test it says whether something was left behind. */
  readonly pending: number
}

interface Timer {
  due: number
  order: number
  /** Undefined once it ran or was cancelled. */
  task: (() => void) | undefined
}

/** Real milliseconds in which sockets may still bring something when no timer is left. */
const IO_GUARD = 2000

/** One turn of the event loop: all microtasks and the immediates that wait now have run after it. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const realPause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1))

/**
 * A clock that stands still until it is told to move. `start` is its first time in ms since the
 * epoch (2026-01-01 by default). `settled` is waited for before each timer, one turn of the event
 * loop by default: a test with real input and output gives what resolves when nothing is on its way,
 * so that no time passes meanwhile.
 *
 * @example
 * const clock = virtualClock()
 * clock.after(60_000, () => console.log('a minute later'))
 * await clock.advance(60_000)
 */
export function virtualClock(
  start = Date.UTC(2026, 0, 1),
  settled: () => Promise<void> = turn,
): VirtualClock {
  const heap: Timer[] = []
  let now = start
  let created = 0
  let pending = 0

  /** The next timer that is still wanted; cancelled ones are thrown away when they come up. */
  const next = (): Timer | undefined => {
    while (heap[0] !== undefined && heap[0].task === undefined) pop(heap)
    return heap[0]
  }
  const run = (timer: Timer): void => {
    pop(heap)
    now = Math.max(now, timer.due)
    const task = timer.task
    timer.task = undefined
    pending--
    task?.()
  }

  return {
    now: () => now,
    get pending() {
      return pending
    },
    after(ms, task) {
      if (ms === Infinity) return () => {}
      const timer: Timer = { due: now + Math.max(ms, 0), order: created++, task }
      push(heap, timer)
      pending++
      return () => {
        if (timer.task === undefined) return
        timer.task = undefined
        pending--
      }
    },
    async advance(ms) {
      const until = now + ms
      await settled()
      for (let timer = next(); timer !== undefined && timer.due <= until; timer = next()) {
        run(timer)
        await settled()
      }
      now = Math.max(now, until)
    },
    async runUntil(condition, limitMs, ioMs = 0) {
      const limit = now + limitMs
      await settled()
      // In turns of the event loop of a millisecond or more: what is busy gets more time by itself.
      let quiet = 0
      for (;;) {
        if (condition()) return true
        const timer = next()
        const due = timer !== undefined && timer.due <= limit
        if (quiet < (due ? ioMs : IO_GUARD)) {
          quiet += 1
          await realPause()
        } else if (due) {
          run(timer)
          await settled()
          quiet = 0
        } else {
          now = Math.max(now, limit)
          return condition()
        }
      }
    },
  }
}

/** Real time. Its timers keep no process alive: the listening server does that while it is open. */
export const realClock: Clock = {
  now: () => Date.now(),
  after(ms, task) {
    const timer = setTimeout(task, Math.max(ms, 0)).unref()
    return () => clearTimeout(timer)
  },
}

/** `clock`, with a way to cancel all that was set through it and to refuse what comes later. */
export function stoppable(clock: Clock): Clock & { stop(): void } {
  const cancels = new Set<() => void>()
  let stopped = false
  return {
    now: () => clock.now(),
    after(ms, task) {
      if (stopped) return () => {}
      const cancelTimer = clock.after(ms, () => {
        cancels.delete(cancel)
        task()
      })
      const cancel = (): void => {
        cancels.delete(cancel)
        cancelTimer()
      }
      cancels.add(cancel)
      return cancel
    },
    stop() {
      stopped = true
      for (const cancel of cancels) cancel()
    },
  }
}

function before(a: Timer, b: Timer): boolean {
  return a.due < b.due || (a.due === b.due && a.order < b.order)
}

function push(heap: Timer[], timer: Timer): void {
  let index = heap.length
  heap.push(timer)
  while (index > 0) {
    const above = (index - 1) >> 1
    const parent = heap[above]
    if (parent === undefined || before(parent, timer)) break
    heap[index] = parent
    index = above
  }
  heap[index] = timer
}

function pop(heap: Timer[]): void {
  const last = heap.pop()
  if (last === undefined || heap.length === 0) return
  let index = 0
  for (;;) {
    const left = heap[2 * index + 1]
    const right = heap[2 * index + 2]
    if (left === undefined) break
    const useRight = right !== undefined && before(right, left)
    const child = useRight ? right : left
    if (before(last, child)) break
    heap[index] = child
    index = 2 * index + (useRight ? 2 : 1)
  }
  heap[index] = last
}
