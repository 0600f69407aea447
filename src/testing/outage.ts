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
  #sendsAt = -Infinity
  #answersAt = -Infinity

  constructor(clock: Clock) {
    this.#clock = clock
  }

  begin({ down = 0, deaf = 0 }: Pause): void {
    this.#sendsAt = this.#clock.now() + down
    this.#answersAt = this.#sendsAt + deaf
  }

  /** Commands, links and editors get no answer. */
  get away(): boolean {
    return this.#clock.now() < this.#answersAt
  }

  /** Runs the task at once, or when the server sends again. */
  whenUp(task: () => void): void {
    const wait = this.#sendsAt - this.#clock.now()
    if (wait > 0) this.#clock.after(wait, () => this.whenUp(task))
    else task()
  }
}
