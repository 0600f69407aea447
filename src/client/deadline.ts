/** The end of one piece of outgoing work: the caller's signal or the clock, whichever comes first. */
import { onAbort, OwnSignal, toAbortSignal, type Signal } from '../abort.js'
import type { Clock } from '../clock.js'

/** How the work was ended: by the caller's signal, by the time limit, or by who asked for it. */
export type Ending = 'aborted' | 'expired' | 'idle' | 'given up'

/** One time limit. To be ended or released, so that no timer stays behind. */
export class Deadline {
  /** Aborted when the work has to end. One of our own: nothing stays on the caller's. */
  readonly own = new OwnSignal()
  #ended: Ending | undefined
  readonly #cancelTimer: () => void
  readonly #cancelAbort: (() => void) | undefined
  #signal: AbortSignal | undefined

  constructor(clock: Clock, ms: number, signal?: Signal) {
    this.#cancelTimer = clock.after(ms, () => this.end('expired'))
    this.#cancelAbort = signal && onAbort(signal, () => this.end('aborted'))
    // A signal that is aborted already sends no event any more.
    if (signal?.aborted === true) this.end('aborted')
  }

  /** The same signal, for what takes an `AbortSignal` only. */
  get signal(): AbortSignal {
    return (this.#signal ??= toAbortSignal(this.own))
  }

  /** The first ending, where there was one. */
  ended(): Ending | undefined {
    return this.#ended
  }

  /** Ends the work. */
  end(how: Ending): void {
    if (this.#ended !== undefined) return
    this.#ended = how
    this.release()
    this.own.abort(new DOMException('This operation was aborted', 'AbortError'))
  }

  /** The work is done: lets go of the timer and of the caller's signal. */
  release(): void {
    this.#cancelTimer()
    this.#cancelAbort?.()
  }
}

/**
 * Starts the time limit, `ms` milliseconds from now.
 *
 * @example
 * const deadline = startDeadline(clock, 15_000, signal)
 * try {
 *   return await work(deadline.own)
 * } finally {
 *   deadline.release()
 * }
 */
export const startDeadline = (clock: Clock, ms: number, signal?: Signal): Deadline =>
  new Deadline(clock, ms, signal)
