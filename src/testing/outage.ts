/** Whether the server runs: while it is down it sends and answers nothing. */
import type { Clock } from '../clock.js'

/** How long a restart takes, in milliseconds. */
export interface Pause {
  /** The server is down: it sends and answers nothing (0). */
  down?: number
  /** After that it sends callbacks, but does not answer yet, not even for a link (0). */
  deaf?: number
}

export class Outage {
  readonly #clock: Clock
  /** The restarts whose pause is not over. Counted, since the clock may be set meanwhile. */
  #down = 0
  #deaf = 0
  #waiting: (() => void)[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  begin({ down = 0, deaf = 0 }: Pause): void {
    if (down === 0 && deaf === 0) return
    this.#down += 1
    this.#deaf += 1
    this.#clock.after(down, () => this.#up())
    this.#clock.after(down + deaf, () => (this.#deaf -= 1))
  }

  /** Commands, links and editors get no answer. */
  get away(): boolean {
    return this.#deaf > 0
  }

  /** Runs the task at once, or when the server sends again. */
  whenUp(task: () => void): void {
    if (this.#down === 0) task()
    else this.#waiting.push(task)
  }

  #up(): void {
    this.#down -= 1
    if (this.#down > 0) return
    for (const task of this.#waiting.splice(0)) task()
  }
}
