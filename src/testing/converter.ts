/** The converter: jobs run side by side, each as long as it is told to, and can finish in any order. */
import type { Clock } from '../clock.js'

/** One conversion, of which `delay` and `fails` may be functions. */
export interface ConversionJob {
  /** The document key. */
  key: string
  /** `forced`: for a status 6 or 7. `final`: for a status 2 or 3. */
  kind: 'forced' | 'final'
  /** The number of the last edit that the result will hold. */
  upTo: number
}

/** How conversions go. May be changed at any time; each job looks at it when its turn comes. */
export interface Conversion {
  /** How long one takes, in milliseconds (0). Looked at when the job starts. */
  delay: number | ((job: ConversionJob) => number)
  /** Whether one fails (false). Looked at when the job ends. */
  fails: boolean | ((job: ConversionJob) => boolean)
  /** How many run at once (Infinity); the others queue. */
  workers: number
}

export class Converter {
  readonly settings: Conversion
  readonly #clock: Clock
  readonly #queue: { job: ConversionJob; done: (failed: boolean) => void }[] = []
  #running = 0

  constructor(clock: Clock, settings: Partial<Conversion>) {
    this.#clock = clock
    this.settings = { delay: 0, fails: false, workers: Infinity, ...settings }
  }

  convert(job: ConversionJob, done: (failed: boolean) => void): void {
    this.#queue.push({ job, done })
    this.#start()
  }

  #start(): void {
    while (this.#running < this.settings.workers) {
      const next = this.#queue.shift()
      if (next === undefined) return
      const { job, done } = next
      const { delay } = this.settings
      this.#running++
      this.#clock.after(typeof delay === 'function' ? delay(job) : delay, () => {
        const { fails } = this.settings
        this.#running--
        done(typeof fails === 'function' ? fails(job) : fails)
        this.#start()
      })
    }
  }
}
