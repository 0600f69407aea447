/** Runs saves in this process. */
import pLimit from 'p-limit'
import type { Clock } from '../clock.js'
import type { Logger } from '../events.js'
import type { RunnableSave } from '../ledger/state.js'
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

type End = { result: unknown } | { error: unknown; attempts: number }

export function createMemoryQueue(parts: MemoryQueueParts): SaveQueue {
  const { run, report, clock, concurrency, retries, logger } = parts
  const limit = pLimit(concurrency)
  const taken = new Map<string, Promise<void>>()
  const closing = new AbortController()
  const giveUp = new AbortController()

  async function work(key: string, save: RunnableSave): Promise<void> {
    const end = await attempts(key, save)
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
        await pause(retryPause(attempt))
      }
    }
  }

  /** Waits out a pause between attempts; closing cuts it short. */
  function pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        cancel()
        closing.signal.removeEventListener('abort', end)
        resolve()
      }
      const cancel = clock.after(ms, end)
      closing.signal.addEventListener('abort', end)
      if (closing.signal.aborted) end()
    })
  }

  return {
    add(key, save) {
      const id = `${key} ${save.name}`
      if (taken.has(id)) return
      taken.set(
        id,
        work(key, save)
          .catch((error: unknown) =>
            logger.error({ err: error, key }, 'a save could not be reported'),
          )
          .finally(() => taken.delete(id)),
      )
    },
    async close() {
      closing.abort(new Error('docs.close() was called'))
      const cancel = clock.after(CLOSE_PATIENCE, () => giveUp.abort(closing.signal.reason))
      const aborted = new Promise<void>((resolve) =>
        giveUp.signal.addEventListener('abort', () => resolve(), { once: true }),
      )
      await Promise.race([Promise.all(taken.values()), aborted])
      cancel()
    },
  }
}
