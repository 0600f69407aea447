/** A worker of BullMQ that lets go of its process also when Redis is away. */
import { Worker } from 'bullmq'

export class ReleasableWorker<Data> extends Worker<Data> {
  /**
   * Ends the timer by which locks are renewed. `close()` ends it only once it has heard from Redis, and
   * the process would live until then.
   */
  release(): Promise<void> {
    return this.lockManager.close()
  }
}
