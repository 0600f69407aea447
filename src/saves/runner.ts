/** Runs `onSave` for one save, and reports stored or failed to the ledger. */
import { saveChannel, traced, type SaveTrace } from '../channels.js'
import type { Downloader } from '../client/download.js'
import { DocsError, isDocsError, plainCause, readable, toPlainError } from '../errors.js'
import type { Events, Logger } from '../events.js'
import type { Watch } from '../inspector/watch.js'
import type { Ledger } from '../ledger/ledger.js'
import { handleOf } from '../protocol/userdata.js'
import type { Stats } from '../stats.js'
import type { RunSave, SaveReport } from './queue.js'
import type { Inside } from './inside.js'
import { isRejectSave } from './reject-save.js'
import { callbackOf, createSave, type Save } from './save.js'

/** What `onSave` returns is kept in the ledger and sent to every waiter: bounded, in characters of JSON. */
const MAX_RESULT = 64 * 1024

/** Stores one save; resolves when the file is where it will stay. */
export type OnSave<Result = unknown> = (save: Save) => Result | PromiseLike<Result>

export interface RunnerParts {
  /** Undefined in a process whose queue runs nothing. */
  onSave: OnSave | undefined
  downloader: Downloader
  ledger: Ledger
  events: Events
  logger: Logger
  stats: Stats
  watch: Watch
  prefix: string
  /** Deletes a forgotten file at the Docs server, once it is stored (`settlement.md` 8). */
  deleteForgotten: (key: string, name: string) => Promise<void>
  inside: Inside
}

/** Our own words, a download's mostly, say what to do; what they say of a link is safe to show. Others' may not be. */
const whyOf = (cause: unknown): string =>
  isDocsError(cause) ? plainCause(cause).message : 'see cause'

/** Whether trying again cannot help: `onSave` says so, or a download of it that will not get better. */
export const cannotSucceed = (error: unknown): boolean =>
  isRejectSave(error) || (isDocsError(error, 'BAD_RESPONSE') && !toPlainError(error).retryable)

export function createRunner(parts: RunnerParts): { run: RunSave; report: SaveReport } {
  const { onSave, downloader, ledger, events, logger, stats, watch, prefix, inside } = parts

  const run: RunSave = async (key, runnable, attempt, signal) => {
    const { name, trigger, payload } = runnable
    events.emit('saving', { key, ref: payload.ref, save: name, trigger, attempt })
    const callback = callbackOf(runnable, prefix)
    const save = createSave({ key, runnable, callback, attempt, downloader, signal })
    const about = traceOf(save, callback.commandId)
    const result = await traced(saveChannel, about, () => counted(save))
    // Before the ledger is told: a search for forgotten files never finds one that is stored.
    if (trigger === 'forgotten') await parts.deleteForgotten(key, name)
    return jsonOf(result, key)
  }

  async function counted(save: Save): Promise<unknown> {
    const begun = stats.now()
    stats.pending.saves += 1
    const about = { key: save.key, save: save.id }
    try {
      if (onSave === undefined) throw new TypeError('a process without onSave was given a save')
      const result = await inside.run(save.key, () => onSave(save))
      watch.ran(about)
      return result
    } catch (thrown) {
      // From here on it is read by BullMQ, by the logger and by listeners.
      const error = readable(thrown)
      watch.ran(about, { error })
      throw error
    } finally {
      stats.pending.saves -= 1
      stats.took('onSave', begun)
    }
  }

  function traceOf(save: Save, commandId: string | undefined): SaveTrace {
    const { key, ref, trigger, attempt } = save
    const id = commandId === undefined ? undefined : handleOf(key, commandId)
    return { save: save.id, key, ref, trigger, attempt, id }
  }

  const report: SaveReport = {
    async stored(key, { name, sequence, trigger, payload }, stored) {
      await ledger.apply(key, { type: 'stored', name, sequence, stored })
      events.emit('saved', { key, ref: payload.ref, save: name, trigger, stored })
    },
    async failed(key, { name, sequence, payload }, cause, attempts) {
      const permanent = cannotSucceed(cause)
      const times = attempts === 1 ? 'one attempt' : `${attempts} attempts`
      const error = new DocsError(
        'STORAGE_FAILED',
        `onSave failed (${times}): the file is not stored; ${whyOf(cause)}`,
        { key, cause, retryable: !permanent },
      )
      logger.error({ err: cause, key, ref: payload.ref, save: name, permanent }, error.message)
      const failure = { error: toPlainError(error), permanent }
      await ledger.apply(key, { type: 'failed', name, sequence, ...failure })
      events.emit('save-failed', { key, ref: payload.ref, save: name, error, permanent })
    },
  }

  /** The file is stored by now: a result that is no JSON must not undo that. */
  function jsonOf(result: unknown, key: string): unknown {
    let json: unknown
    try {
      json = JSON.stringify(result)
    } catch (error) {
      logger.warn({ err: error, key }, 'what onSave returned is not JSON; `stored` will be null')
      return null
    }
    // undefined and functions have no JSON, whatever the types of JSON.stringify say.
    if (typeof json !== 'string') return null
    if (json.length <= MAX_RESULT) return JSON.parse(json) as unknown
    logger.warn(
      { key, length: json.length, allowed: MAX_RESULT },
      'what onSave returned is too long; `stored` will be null',
    )
    return null
  }

  return { run, report }
}
