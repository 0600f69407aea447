/**
 * One queue for all processes, on virtual time. It stands for BullMQ, which cannot be here: its locks,
 * its delays and its blocking reads go by the clocks of Redis and of Node. What it promises is in
 * `test/support/queue-contract.ts`; here it is kept with the same words: a job per run of a save, any
 * worker takes it, a save that is not wanted any more is not run, a dead worker's job is taken over.
 */
import type { Clock } from '../../src/clock.js'
import { isDocsError } from '../../src/errors.js'
import type { Ledger } from '../../src/ledger/ledger.js'
import type { RunnableSave } from '../../src/settlement/event.js'
import { retryPause, type RunSave, type SaveQueue, type SaveReport } from '../../src/saves/queue.js'
import { cannotSucceed } from '../../src/saves/runner.js'
import type { Process } from './processes.js'
import type { Random } from './random.js'

export interface Worker {
  process: Process
  ledger: Ledger
  run: RunSave
  report: SaveReport
  /** Further attempts after the first. */
  retries: number
}

export interface SharedQueue {
  /** A process takes part, until it closes its end or dies. */
  join: (worker: Worker) => SaveQueue
  /** It forgets the jobs that were added after `since`. */
  lose: (since: number) => void
}

/** A dead worker's job is taken over after its lock has run out and was looked at, ms. */
const TAKEN_OVER = [10_000, 15_000] as const
/** How soon a job that finds no worker looks again, ms. */
const NO_WORKER = 100
/** Redis is away: how soon a worker tries again, ms. */
const REDIS_AWAY = 1000

export function createSharedQueue(clock: Clock, random: Random): SharedQueue {
  /** When each was added. */
  const jobs = new Map<string, number>()
  const workers = new Map<Worker, Set<Promise<unknown>>>()
  const pause = (ms: number): Promise<void> => new Promise((resolve) => clock.after(ms, resolve))

  async function patiently<Result>(task: () => Promise<Result>): Promise<Result> {
    for (;;) {
      try {
        return await task()
      } catch (error) {
        if (!isDocsError(error, 'UNREACHABLE')) throw error
        await pause(REDIS_AWAY)
      }
    }
  }

  async function work(key: string, save: RunnableSave, id: string, added: number): Promise<void> {
    for (let attempt = 1; jobs.get(id) === added;) {
      const free = [...workers.keys()].filter(({ process }) => process.isAlive)
      if (free.length === 0) {
        await pause(NO_WORKER)
        continue
      }
      const worker = random.pick(free)
      const underWay = workers.get(worker)
      const running = runOnce(worker, key, save, attempt)
      underWay?.add(running)
      const end = await Promise.race([running, worker.process.death])
      underWay?.delete(running)
      if (end === 'done') return
      if (end === 'again') await pause(retryPause(attempt++))
      else await pause(random.whole(...TAKEN_OVER))
    }
  }

  async function runOnce(
    { ledger, run, report, retries }: Worker,
    key: string,
    save: RunnableSave,
    attempt: number,
  ): Promise<'done' | 'again'> {
    const { saves } = await patiently(() => ledger.read(key))
    const current = saves.find(({ name }) => name === save.name)
    if (current?.phase !== 'running' || current.sequence !== save.sequence) return 'done'
    let result: unknown
    try {
      result = await run(key, save, attempt, new AbortController().signal)
    } catch (error) {
      if (attempt <= retries && !cannotSucceed(error)) return 'again'
      await patiently(() => report.failed(key, save, error, attempt))
      return 'done'
    }
    await patiently(() => report.stored(key, save, result))
    return 'done'
  }

  return {
    lose(since) {
      for (const [id, added] of jobs) if (added > since) jobs.delete(id)
    },
    join(worker) {
      const underWay = new Set<Promise<unknown>>()
      workers.set(worker, underWay)
      return {
        add(key, save) {
          const id = `${save.name}-${save.sequence}`
          if (jobs.has(id)) return
          const added = clock.now()
          jobs.set(id, added)
          void work(key, save, id, added).finally(() => {
            if (jobs.get(id) === added) jobs.delete(id)
          })
        },
        async close() {
          workers.delete(worker)
          await Promise.all(underWay)
        },
      }
    },
  }
}
