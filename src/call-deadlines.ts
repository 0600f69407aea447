/** How a call ends by its deadline, by the caller's signal, or by `close()`. */
import { onAbort, type Signal } from './abort.js'
import type { CallOptions } from './call-options.js'
import { commandChannel, traced, type CommandTrace } from './channels.js'
import { startDeadline, type Deadline } from './client/deadline.js'
import type { Member } from './client/groups.js'
import type { Clock } from './clock.js'
import { DocsError } from './errors.js'
import type { Watch } from './inspector/watch.js'
import { closedError } from './ledger/outcome.js'
import type { Tally } from './receiver/tally.js'
import type { Stats } from './stats.js'

export interface DeadlineParts {
  clock: Clock
  stats: Stats
  watch: Watch
  tally: Tally
  /** Aborted by `close()`. */
  closing: AbortSignal
}

export type Within = <Result>(
  about: CommandTrace,
  options: CallOptions,
  otherwise: number,
  work: (signal: Signal) => Promise<Result>,
) => Promise<Result>

/** Calls that end with a verdict, which a callback brings. */
const WAIT_FOR_CALLBACK: ReadonlySet<CommandTrace['name']> = new Set([
  'forcesave',
  'outcome',
  'info',
])

const noAnswer = (key: string | undefined): DocsError =>
  new DocsError(
    'TIMEOUT',
    'this call has no answer by its deadline',
    key === undefined ? {} : { key },
  )

/** Resolves at the call's own deadline where its command has a later one; never otherwise. */
export const ended = (deadline: Deadline, { outlives }: Member): Promise<void> =>
  new Promise((resolve) => {
    onAbort(deadline.own, () => {
      if (deadline.ended() === 'expired' && outlives()) resolve()
    })
  })

export function createDeadlines(parts: DeadlineParts): Within {
  /** Runs `work` until its deadline, the caller's signal or `close()`. */
  function within<Result>(
    about: CommandTrace,
    options: CallOptions,
    otherwise: number,
    work: (signal: Signal) => Promise<Result>,
  ): Promise<Result> {
    return traced(commandChannel, about, async () => {
      const ended = parts.watch.call(about)
      try {
        const result = await limited(about.key, options, otherwise, work)
        ended()
        return result
      } catch (cause) {
        const { name, key } = about
        const waited = key !== undefined && WAIT_FOR_CALLBACK.has(name)
        const error = waited ? parts.tally.explained(cause, key) : cause
        ended(error)
        throw error
      }
    })
  }

  async function limited<Result>(
    key: string | undefined,
    { signal, timeout }: CallOptions,
    otherwise: number,
    work: (signal: Signal) => Promise<Result>,
  ): Promise<Result> {
    if (parts.closing.aborted) throw closedError(key)
    signal?.throwIfAborted()
    const deadline = startDeadline(parts.clock, timeout ?? otherwise, signal)
    const cancelClose = onAbort(parts.closing, () => deadline.end('given up'))
    parts.stats.pending.calls += 1
    try {
      return await work(deadline.own)
    } catch (error) {
      const ended = deadline.ended()
      if (ended === 'aborted') signal?.throwIfAborted()
      if (ended === 'given up') throw closedError(key)
      if (ended !== 'expired') throw error
      throw noAnswer(key)
    } finally {
      parts.stats.pending.calls -= 1
      cancelClose()
      deadline.release()
    }
  }

  return within
}
