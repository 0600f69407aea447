/**
 * Runs saves as BullMQ jobs, in whichever process has a worker. Only the head of a key's saves is a
 * job (`settlement.md` 3), so no lock is needed for order. The only user of bullmq.
 */
import { Queue, UnrecoverableError, Worker, type ConnectionOptions, type Job } from 'bullmq'
import type { Clock } from '../clock.js'
import type { Logger } from '../events.js'
import type { RunnableSave } from '../ledger/state.js'
import { retryPause, type RunSave, type SaveQueue, type SaveReport } from './queue.js'
import { cannotSucceed } from './runner.js'

/** How long `close()` lets a running `onSave` go on before it aborts `save.signal`, ms. */
const CLOSE_PATIENCE = 10_000
/** A dead worker's job is taken over after about as long (`bullmq.md`, "Worker dies"), ms. */
const LOCK = 10_000
const STALLED_CHECK = 5_000
/** Finished jobs are kept for looking at, in s and in number. */
const KEPT = { age: 3600, count: 1000 }
/** Redis is away: how soon a worker tries again, ms. */
const RETRY_DELAY = 1000

/** What a job holds: readable in any dashboard, and without secrets. */
interface SaveJob {
  key: string
  save: RunnableSave
}

export interface BullmqQueueParts {
  run: RunSave
  report: SaveReport
  /** Whether this save is still to be run: a step done twice changes nothing. */
  isWanted: (key: string, save: RunnableSave) => Promise<boolean>
  clock: Clock
  retries: number
  logger: Logger
  /** 0: this process runs no `onSave`. */
  concurrency: number
  /** BullMQ's namespace in Redis; with a hash tag, for a cluster. */
  prefix: string
  /** For adding: fails fast. */
  connection: ConnectionOptions
  /** For the worker, which waits for Redis as long as it takes. */
  workerConnection: ConnectionOptions
}

export function createBullmqQueue(parts: BullmqQueueParts): SaveQueue {
  const { run, report, isWanted, clock, retries, logger, prefix } = parts
  const giveUp = new AbortController()
  const queue = new Queue<SaveJob>('saves', {
    ...{ connection: parts.connection, prefix, skipMetasUpdate: true },
    defaultJobOptions: {
      attempts: retries + 1,
      backoff: { type: 'custom' },
      removeOnComplete: KEPT,
      removeOnFail: KEPT,
    },
  })
  queue.on('error', (error) => logger.debug({ err: error }, 'the queue has no connection'))
  const worker = parts.concurrency === 0 ? undefined : startWorker()

  function startWorker(): Worker<SaveJob> {
    const worker = new Worker<SaveJob>('saves', work, {
      ...{ connection: parts.workerConnection, prefix, concurrency: parts.concurrency },
      ...{ lockDuration: LOCK, stalledInterval: STALLED_CHECK, maxStalledCount: 1 },
      runRetryDelay: RETRY_DELAY,
      settings: { backoffStrategy: (attemptsMade) => retryPause(attemptsMade) },
    })
    worker.on('error', (error) => logger.debug({ err: error }, 'the worker has no connection'))
    // Its worker died time and again: the job fails without having been run.
    worker.on('failed', (job, error) => {
      if (job !== undefined && /stalled/.test(error.message)) void tellFailed(job, error)
    })
    return worker
  }

  async function work(job: Job<SaveJob>): Promise<void> {
    const { key, save } = job.data
    if (!(await isWanted(key, save))) return
    const attempt = job.attemptsMade + 1
    let result: unknown
    try {
      result = await run(key, save, attempt, giveUp.signal)
    } catch (error) {
      const last = attempt > retries || cannotSucceed(error)
      if (!last) throw error
      await report.failed(key, save, error, attempt)
      throw new UnrecoverableError(error instanceof Error ? error.message : 'onSave failed')
    }
    await report.stored(key, save, result)
  }

  async function tellFailed(job: Job<SaveJob>, error: Error): Promise<void> {
    const { key, save } = job.data
    try {
      await report.failed(key, save, error, job.attemptsMade)
    } catch (cause) {
      logger.error({ err: cause, key }, 'a save could not be reported')
    }
  }

  return {
    add(key, save) {
      // A name may run again after it has failed: each run is a job of its own.
      const jobId = `${save.name}-${save.sequence}`
      queue.add('save', { key, save }, { jobId }).catch((error: unknown) => {
        // The callback that waits for it is answered 503 in time, and sent again or replayed.
        logger.error({ err: error, key }, 'a save could not be queued')
      })
    },
    async close() {
      const cancel = clock.after(CLOSE_PATIENCE, () => {
        giveUp.abort(new Error('docs.close() was called'))
        void worker?.close(true)
      })
      await worker?.close()
      cancel()
      await queue.close()
    },
  }
}
