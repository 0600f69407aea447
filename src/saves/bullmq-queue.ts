/**
 * Runs saves as BullMQ jobs, in whichever process has a worker. Only the head of a key's saves is a
 * job (`settlement.md` 3), so no lock is needed for order. Users of bullmq: this and `recovery/bullmq-schedule.ts`.
 */
import { DelayedError, Queue, UnrecoverableError, type ConnectionOptions, type Job } from 'bullmq'
import { onAbort } from '../abort.js'
import type { Clock } from '../clock.js'
import { isDocsError } from '../errors.js'
import type { Logger } from '../events.js'
import { withoutCommand } from '../ledger/redis-error.js'
import type { RunnableSave } from '../settlement/event.js'
import { failureOf } from './bullmq-failure.js'
import { Deaf, LockLost, NotOurs } from './bullmq-given-up.js'
import { jobIdOf, jobOf, type SaveJob } from './bullmq-job.js'
import { ReleasableWorker, restWhenRefused } from './bullmq-worker.js'
import { retryPause, type RunSave, type SaveQueue, type SaveReport } from './queue.js'
import { cannotSucceed } from './runner.js'

/** How long `close()` lets a running `onSave` go on before it aborts `save.signal`, ms. */
const CLOSE_PATIENCE = 10_000
/** A dead worker's job is taken over after about as long (`bullmq.md`, "Worker dies"), ms. */
const LOCK = 10_000
const STALLED_CHECK = 5_000
/** A lock that was lost, because Redis was away for longer than it lasts, is noticed so soon, ms. */
const RENEW = 2_000
/** Who takes over waits for that, in case the one before is alive, and for what it has to report, ms. */
const TAKEOVER_PAUSE = 3_000
/** Finished jobs are kept for looking at, in s and in number. */
const KEPT = { age: 3600, count: 1000 }
/** Redis is away: how soon a worker tries again, ms. */
const RETRY_DELAY = 1000
/** How long an aborted `onSave` may take to end, and Redis to take its job back, ms. */
const HEED = 1000
const HAND_BACK = 2000
/** So many workers may die over one save (a deployment kills several in a row), and what BullMQ says of more. */
const DEATHS = 3
const STALLED = 'job stalled more than allowable limit'

export interface BullmqQueueParts {
  run: RunSave
  report: SaveReport
  /**
   * The save, or undefined when it is no longer to be run: a step done twice changes nothing.
   * @param isFirst no worker has been at it before, so what this process knows of it is still so
   */
  wanted: (
    key: string,
    name: string,
    sequence: number,
    isFirst: boolean,
  ) => Promise<RunnableSave | undefined>
  clock: Clock
  retries: number
  logger: Logger
  /** Told of each error of Redis: somebody may have to grant a right. */
  refused?: (error: unknown) => void
  concurrency: number
  /** BullMQ's namespace in Redis; with a hash tag, for a cluster. */
  prefix: string
  /** For adding: fails fast. */
  connection: ConnectionOptions
  /** For the worker, which waits for Redis as long as it takes; left out: this process runs no `onSave`. */
  workerConnection?: ConnectionOptions
}

export function createBullmqQueue(parts: BullmqQueueParts): SaveQueue {
  const { run, report, clock, retries, logger, refused, prefix, workerConnection } = parts
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
  queue.on('error', (error) => {
    logger.debug({ err: withoutCommand(error) }, 'the queue has no connection')
  })
  let endRest = (): void => {}
  const worker = workerConnection && startWorker(workerConnection)
  /** Jobs being added, and those that this process has added lately. */
  const underWay = new Set<Promise<void>>()
  const handedOver = new Set<string>()
  /** Jobs that this process is at. */
  let running = 0
  /** What of them `onSave` runs for, by the job's id. */
  const runs = new Map<string, Run>()
  let closing: Promise<void> | undefined
  let cancelLate = (): void => {}

  function startWorker(connection: ConnectionOptions): ReleasableWorker<SaveJob> {
    const worker = new ReleasableWorker<SaveJob>('saves', counted, {
      ...{ connection, prefix, concurrency: parts.concurrency },
      ...{ lockDuration: LOCK, stalledInterval: STALLED_CHECK, maxStalledCount: DEATHS },
      ...{ lockRenewTime: RENEW, runRetryDelay: RETRY_DELAY },
      settings: { backoffStrategy: (attemptsMade) => retryPause(attemptsMade) },
    })
    worker.on('error', (error) => {
      logger.debug({ err: withoutCommand(error) }, 'the worker has no connection')
      refused?.(error)
    })
    endRest = restWhenRefused(worker, clock)
    // Redis was away for longer than a lock lasts: another worker takes these over.
    worker.on('lockRenewalFailed', (jobIds) => {
      for (const jobId of jobIds) runs.get(jobId)?.abort(new LockLost())
    })
    // Too many have died: the job fails without having been run.
    worker.on('failed', (job, error) => {
      if (job !== undefined && error.message === STALLED)
        void tellFailed(job, error, job.attemptsMade)
    })
    return worker
  }

  async function counted(job: Job<SaveJob>, token?: string): Promise<void> {
    running += 1
    try {
      await work(job, token)
    } finally {
      running -= 1
    }
  }

  async function work(job: Job<SaveJob>, token?: string): Promise<void> {
    const { key } = job.data
    const attempt = job.attemptsMade + 1
    let stored: { save: RunnableSave; result: unknown }
    try {
      if (job.stalledCounter > 0) await pause(TAKEOVER_PAUSE)
      // By this very process, perhaps.
      await Promise.allSettled([runs.get(jobIdOf(job.data.save, job.data.sequence))?.ended])
      giveUp.signal.throwIfAborted()
      const save = await patiently(() => wantedBy(job)).catch((error: unknown) => {
        // A process of another version can read it.
        throw isDocsError(error, 'BAD_RECORD') ? new NotOurs() : error
      })
      if (save === undefined) return
      stored = { save, result: await orGivenUp(begin(key, save, attempt)) }
    } catch (error) {
      if (giveUp.signal.aborted || error instanceof NotOurs) return handBack(job, error, token)
      // It is the job of another worker by now, which reports how it ended.
      if (error instanceof LockLost) throw error
      const last = attempt > retries || cannotSucceed(error)
      const failure = failureOf(error)
      if (!last) throw failure
      await tellFailed(job, error, attempt)
      throw new UnrecoverableError(failure.message)
    }
    const { save, result } = stored
    await reported(key, () => report.stored(key, save, result))
  }

  const wantedBy = ({ data, attemptsStarted }: Job<SaveJob>): Promise<RunnableSave | undefined> =>
    parts.wanted(data.key, data.save, data.sequence, attemptsStarted === 1)

  /** Runs `onSave` with a signal of its own. Without the lock, how it ended is not told. */
  function begin(key: string, save: RunnableSave, attempt: number): Promise<unknown> {
    const id = jobIdOf(save.name, save.sequence)
    const own = new AbortController()
    const cancel = onAbort(giveUp.signal, () => own.abort(giveUp.signal.reason))
    const lost = (): boolean => own.signal.reason instanceof LockLost
    const ended = run(key, save, attempt, own.signal).finally(() => {
      cancel()
      runs.delete(id)
      if (lost()) throw own.signal.reason
    })
    runs.set(id, { ended, abort: (reason) => own.abort(reason) })
    return ended
  }

  /** Rejects when `onSave` was told to end and has not; that signal is aborted in `close()` only. */
  function orGivenUp(running: Promise<unknown>): Promise<unknown> {
    return new Promise((resolve, reject) => {
      let cancelHeed = (): void => {}
      const cancel = onAbort(giveUp.signal, () => {
        cancelHeed = clock.after(HEED, () => reject(new Deaf()))
      })
      running.then(resolve, reject).finally(() => {
        cancel()
        cancelHeed()
      })
    })
  }

  /** For another process, without having counted as an attempt. */
  async function handBack(job: Job<SaveJob>, error: unknown, token?: string): Promise<never> {
    // What has taken no notice may be running yet, as in a process that died.
    const pause = error instanceof Deaf || error instanceof NotOurs ? LOCK : retryPause(1)
    await job.moveToDelayed(Date.now() + pause, token)
    throw new DelayedError()
  }

  /** While Redis is away, `task` is tried again: `onSave` need not run again because of that. */
  async function patiently<Result>(task: () => Promise<Result>): Promise<Result> {
    for (;;) {
      try {
        return await task()
      } catch (error) {
        if (!isDocsError(error, 'UNREACHABLE') || giveUp.signal.aborted) throw error
        await pause(RETRY_DELAY)
      }
    }
  }

  function pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        cancelTimer()
        cancelAbort()
        resolve()
      }
      const cancelTimer = clock.after(ms, end)
      const cancelAbort = onAbort(giveUp.signal, end)
    })
  }

  async function reported(key: string, tell: () => Promise<void>): Promise<void> {
    try {
      await patiently(tell)
      // What the report has set off is queued before this job ends: until then another takes it over.
      await Promise.all(underWay)
    } catch (cause) {
      logger.error({ err: cause, key }, 'a save could not be reported')
    }
  }

  function tellFailed(job: Job<SaveJob>, error: unknown, attempts: number): Promise<void> {
    const { key } = job.data
    return reported(key, async () => {
      const save = await wantedBy(job)
      if (save !== undefined) await report.failed(key, save, error, attempts)
    })
  }

  return {
    add(key, save) {
      const adding = enqueue(key, save)
        .catch((error: unknown) => {
          // Whoever waits for it hands it over again, and so does the callback when it comes again.
          logger.error({ err: withoutCommand(error), key }, 'a save could not be queued')
        })
        .finally(() => underWay.delete(adding))
      underWay.add(adding)
    },
    close: () => (closing ??= shutDown()),
  }

  async function enqueue(key: string, save: RunnableSave): Promise<void> {
    const jobId = jobIdOf(save.name, save.sequence)
    for (;;) {
      try {
        const job = await queue.add('save', jobOf(key, save), { jobId })
        if (!handedOver.has(jobId)) return remember(jobId)
        // Handed over again, and BullMQ keeps jobs that have ended: one of them runs no more.
        if (!(await job.isCompleted()) && !(await job.isFailed())) return
        await job.remove()
      } catch (error) {
        if (closing !== undefined) throw error
        refused?.(error)
        await pause(RETRY_DELAY)
      }
    }
  }

  function remember(jobId: string): void {
    handedOver.add(jobId)
    const [oldest] = handedOver
    if (handedOver.size > KEPT.count && oldest !== undefined) handedOver.delete(oldest)
  }

  async function shutDown(): Promise<void> {
    endRest()
    const closed = worker?.close().catch((error: unknown) => {
      logger.debug({ err: withoutCommand(error) }, 'the worker did not close well')
    })
    const late = new Promise<void>((resolve) => {
      cancelLate = clock.after(HAND_BACK, () => {
        // Redis may be away: then BullMQ does not close, and with nothing running it need not.
        if (running === 0) return resolve()
        cancelLate = clock.after(CLOSE_PATIENCE - HAND_BACK, () => {
          giveUp.abort(new Error('docs.close() was called'))
          // A job that Redis does not take back is taken over once its lock has run out.
          cancelLate = clock.after(HEED + HAND_BACK, resolve)
        })
      })
    })
    await Promise.race([Promise.all([closed, ...underWay]), late])
    cancelLate()
    await worker?.release()
    await queue.close()
  }
}

interface Run {
  ended: Promise<unknown>
  abort: (reason: Error) => void
}
