/** A worker of BullMQ that lets go of its process also when Redis is away, and rests when Redis refuses. */
import { Worker } from 'bullmq'
import type { Clock } from '../clock.js'
import { isRefusal } from './bullmq-refusal.js'

/** How long it rests: longer each time, ms. */
const FIRST_REST = 500
const LONGEST_REST = 10_000

export class ReleasableWorker<Data> extends Worker<Data> {
  /**
   * Ends the timer by which locks are renewed. `close()` ends it only once it has heard from Redis, and
   * the process would live until then.
   */
  release(): Promise<void> {
    return this.lockManager.close()
  }
}

/**
 * With a job to take and a Redis that refuses, a worker asks again at once, thousands of times a second. So it
 * takes no job for a while then; what is running goes on.
 *
 * @returns ends that, before the worker is closed
 */
export function restWhenRefused<Data>(worker: ReleasableWorker<Data>, clock: Clock): () => void {
  let rest = FIRST_REST
  let resumedAt = -Infinity
  let ended = false
  let cancel = (): void => {}

  worker.on('error', (error) => {
    if (ended || worker.isPaused() || !isRefusal(error)) return
    const again = clock.now() - resumedAt < 2 * rest
    rest = again ? Math.min(2 * rest, LONGEST_REST) : FIRST_REST
    void worker.pause(true)
    cancel = clock.after(rest, wake)
  })

  function wake(): void {
    void worker.resume().then(() => {
      if (ended) return
      resumedAt = clock.now()
      // Some versions of BullMQ take no notice while a job is running.
      if (worker.isPaused()) cancel = clock.after(FIRST_REST, wake)
    })
  }

  return () => {
    ended = true
    cancel()
  }
}
