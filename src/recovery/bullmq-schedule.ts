/**
 * One sweep of forgotten files per interval, whatever the number of processes: a job scheduler of
 * BullMQ. In a queue of its own, since a sweep waits for saves and must not take a place among them.
 */
import { Queue } from 'bullmq'
import type { ConnectionOptions } from 'bullmq'
import type { Clock } from '../clock.js'
import type { Logger } from '../events.js'
import { withoutCommand } from '../ledger/redis-error.js'
import { ReleasableWorker, restWhenRefused } from '../saves/bullmq-worker.js'
import type { Schedule, Sweep } from './schedule.js'

const NAME = 'recovery'
const SCHEDULER = 'sweep'
/** A sweep of a dead process is given up after about as long (`bullmq.md`, "Worker dies"), ms. */
const LOCK = 10_000
const STALLED_CHECK = 5_000
/** Ended sweeps are kept for looking at. */
const KEPT = { count: 10 }
/** Redis is away: how soon it is tried again, and how long `close()` waits for it, ms. */
const RETRY_DELAY = 1000
const CLOSE_PATIENCE = 2000

export interface BullmqScheduleParts {
  /** ms; undefined: none, also where there was one before. */
  every: number | undefined
  sweep: Sweep
  clock: Clock
  logger: Logger
  /** Told of each error of Redis: somebody may have to grant a right. */
  refused?: (error: unknown) => void
  /** BullMQ's namespace in Redis; with a hash tag, for a cluster. */
  prefix: string
  /** For setting it up: fails fast. */
  connection: ConnectionOptions
  /** For the worker, which waits for Redis as long as it takes; left out: this process runs no sweep. */
  workerConnection?: ConnectionOptions
}

export function createBullmqSchedule(parts: BullmqScheduleParts): Schedule {
  const { every, sweep, clock, logger, refused, prefix, connection, workerConnection } = parts
  const queue = new Queue(NAME, { connection, prefix, skipMetasUpdate: true })
  queue.on('error', (error) =>
    logger.debug({ err: withoutCommand(error) }, 'the schedule has no connection'),
  )
  let endRest = (): void => {}
  const worker =
    every === undefined || workerConnection === undefined
      ? undefined
      : startWorker(workerConnection)
  let cancel = (): void => {}
  let closing: Promise<void> | undefined
  let settingUp = setUp()

  function startWorker(connection: ConnectionOptions): ReleasableWorker<unknown> {
    const worker = new ReleasableWorker(NAME, () => sweep(), {
      ...{ connection, prefix, runRetryDelay: RETRY_DELAY },
      ...{ lockDuration: LOCK, stalledInterval: STALLED_CHECK, maxStalledCount: 1 },
    })
    worker.on('error', (error) => {
      logger.debug({ err: withoutCommand(error) }, 'the schedule has no connection')
      refused?.(error)
    })
    endRest = restWhenRefused(worker, clock)
    return worker
  }

  /** Done again and again: Redis may have been emptied, or a process without the option started. */
  async function setUp(): Promise<void> {
    let next = every
    try {
      if (every === undefined) await queue.removeJobScheduler(SCHEDULER)
      else {
        // A sweep that takes longer than the interval is not joined by another.
        await queue.setGlobalConcurrency(1)
        const opts = { removeOnComplete: KEPT, removeOnFail: KEPT }
        // The same again changes nothing, not even when the next sweep is due.
        await queue.upsertJobScheduler(SCHEDULER, { every }, { name: SCHEDULER, opts })
      }
    } catch (error) {
      logger.debug(
        { err: withoutCommand(error) },
        'the schedule of sweeps could not be set up; it is tried again',
      )
      refused?.(error)
      next = RETRY_DELAY
    }
    if (next === undefined || closing !== undefined) return
    cancel = clock.after(next, () => {
      settingUp = setUp()
    })
  }

  async function shutDown(): Promise<void> {
    cancel()
    endRest()
    const closed = worker?.close().catch((error: unknown) => {
      logger.debug({ err: withoutCommand(error) }, 'the worker of sweeps did not close well')
    })
    // Redis may be away: then BullMQ does not close.
    let cancelLate = (): void => {}
    const late = new Promise<void>((resolve) => {
      cancelLate = clock.after(CLOSE_PATIENCE, resolve)
    })
    await Promise.race([Promise.all([closed, settingUp]), late])
    cancelLate()
    await worker?.release()
    await queue.close()
  }

  return { close: () => (closing ??= shutDown()) }
}
