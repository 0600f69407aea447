/** The end of one piece of outgoing work: the caller's signal or the clock, whichever comes first. */
import { onAbort } from '../abort.js'
import type { Clock } from '../clock.js'

/** How the work was ended: by the caller's signal, by the time limit, or by who asked for it. */
export type Ending = 'aborted' | 'expired' | 'idle' | 'given up'

export interface Deadline {
  /** Aborted when the work has to end. A signal of our own: nothing stays on the caller's. */
  readonly signal: AbortSignal
  /** The first ending, where there was one. */
  ended(): Ending | undefined
  /** Ends the work. */
  end(how: Ending): void
  /** The work is done: lets go of the timer and of the caller's signal. */
  release(): void
}

/**
 * Starts the time limit, `ms` milliseconds from now. Each one is to be ended or released, so that
 * one signal serves any number of calls and no timer stays behind.
 *
 * @example
 * const deadline = startDeadline(clock, 15_000, signal)
 * try {
 *   return await work(deadline.signal)
 * } finally {
 *   deadline.release()
 * }
 */
export function startDeadline(clock: Clock, ms: number, signal?: AbortSignal): Deadline {
  const controller = new AbortController()
  let ended: Ending | undefined
  const cancelTimer = clock.after(ms, () => end('expired'))
  const cancelAbort = signal && onAbort(signal, () => end('aborted'))

  function release(): void {
    cancelTimer()
    cancelAbort?.()
  }
  function end(how: Ending): void {
    if (ended !== undefined) return
    ended = how
    release()
    controller.abort()
  }
  // A signal that is aborted already sends no event any more.
  if (signal?.aborted === true) end('aborted')
  return { signal: controller.signal, ended: () => ended, end, release }
}
