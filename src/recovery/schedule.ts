/** When forgotten files are looked for without being asked: the port, and a timer behind it. */
import type { Clock } from '../clock.js'

/** Two sweeps never overlap. It must not reject. */
export type Sweep = () => Promise<unknown>

export interface Schedule {
  /** Begins no more; resolves when a sweep that is under way has ended, which is told to by then. */
  close: () => Promise<void>
}

/** The schedule of one process: the first sweep at once, the others `every` ms after the one before. */
export function createTimerSchedule(
  clock: Clock,
  every: number | undefined,
  sweep: Sweep,
): Schedule {
  let closed = false
  let sweeping: Promise<unknown> = Promise.resolve()
  let cancel = every === undefined ? (): void => {} : clock.after(0, () => begin(every))

  function begin(pause: number): void {
    sweeping = sweep().finally(() => {
      if (!closed) cancel = clock.after(pause, () => begin(pause))
    })
  }

  return {
    async close() {
      closed = true
      cancel()
      await sweeping
    },
  }
}
