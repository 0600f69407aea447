/** Runs saves in this process. */
import pLimit from 'p-limit'
import { onAbort } from '../abort.js'
import type { Clock } from '../clock.js'
import type { Logger } from '../events.js'
import type { RunnableSave } from '../settlement/event.js'
import { retryPause, type RunSave, type SaveQueue, type SaveReport } from './queue.js'
import { cannotSucceed } from './runner.js'

/** How long `close()` lets a running `onSave` go on before it aborts `save.signal`, in ms. */
const CLOSE_PATIENCE = 10_000

export interface MemoryQueueParts {
  run: RunSave
  report: SaveReport
  clock: Clock
  /** Saves of different keys at once. */
  concurrency: number
  /** Further attempts after the first. */
  retries: number
  logger: Logger
}

const idOf = (key: string, { name }: RunnableSave): string => `${key} ${name}`

type End = { result: unknown } | { error: unknown; attempts: number }

export function createMemoryQueue(parts: MemoryQueueParts): SaveQueue {
  const { run, report, clock, concurrency, retries, logger } = parts
  const limit = pLimit(concurrency)
  const taken = new Set<string>()
  const underWay = new Set<Promise<void>>()
  const closing = new AbortController()
  const giveUp = new AbortController()
  const givenUp = new Promise<void>((resolve) => onAbort(giveUp.signal, resolve))

  async function work(key: string, save: RunnableSave): Promise<void> {
    const end = await attempts(key, save)
    // Before the report: it may bring the same save here again.
    taken.delete(idOf(key, save))
    await ('error' in end
      ? report.failed(key, save, end.error, end.attempts)
      : report.stored(key, save, end.result))
  }

  async function attempts(key: string, save: RunnableSave): Promise<End> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        const result = await limit(() => {
          closing.signal.throwIfAborted()
          return run(key, save, attempt, giveUp.signal)
        })
        return { result }
      } catch (error) {
        if (attempt > retries || cannotSucceed(error) || closing.signal.aborted) {
          return { error, attempts: attempt }
        }
        if (!(await pause(retryPause(attempt)))) return { error, attempts: attempt }
      }
    }
  }

  /** Waits out a pause between attempts; false: closing has cut it short. */
  function pause(ms: number): Promise<boolean> {
    return new Promise((resolve) => {
      const end = (whole: boolean): void => {
        cancelTimer()
        cancelAbort()
        resolve(whole)
      }
      const cancelTimer = clock.after(ms, () => end(true))
      const cancelAbort = onAbort(closing.signal, () => end(false))
    })
  }

  return {
    add(key, save) {
      const id = idOf(key, save)
      if (taken.has(id)) return
      const working = work(key, save)
        .catch((error: unknown) =>
          logger.error({ err: error, key }, 'a save could not be reported'),
        )
        .finally(() => underWay.delete(working))
      taken.add(id)
      underWay.add(working)
    },
    async close() {
      closing.abort(new Error('docs.close() was called'))
      const cancel = clock.after(CLOSE_PATIENCE, () => giveUp.abort(closing.signal.reason))
      await Promise.race([Promise.all(underWay), givenUp])
      cancel()
    },
  }
}
