/** The calls that send commands: arguments checked, deadlines kept, verdicts turned into results. */
import { onAbort, unlessAborted } from './abort.js'
import type { Docs, ForcesaveOptions } from './api.js'
import type { CallOptions } from './call-options.js'
import {
  checkCall,
  checkFunction,
  checkKey,
  checkMeta,
  checkUsers,
  handleOf,
  parseHandle,
} from './arguments.js'
import type { Asks, Asked } from './client/asks.js'
import type { CommandClient } from './client/commands.js'
import { startDeadline } from './client/deadline.js'
import type { Clock } from './clock.js'
import { commandRejected, DocsError, fromPlainError } from './errors.js'
import type { Logger } from './events.js'
import { closedError } from './ledger/outcome.js'
import type { CommandName, CommandRequests, CommandResponses } from './protocol/command.js'
import type { ForgottenFiles } from './recovery/forgotten.js'
import type { Recover } from './recovery/recover.js'
import { forcesaveResult, infoResult } from './results.js'

export interface CallParts {
  asks: Asks
  client: CommandClient
  forgotten: ForgottenFiles
  recover: Recover
  clock: Clock
  logger: Logger
  /** ms */
  timeout: number
  /** ms */
  commandTimeout: number
  /** Aborted by `close()`. */
  closing: AbortSignal
}

type Calls = Pick<
  Docs,
  | 'forcesave'
  | 'startForcesave'
  | 'outcome'
  | 'info'
  | 'meta'
  | 'drop'
  | 'version'
  | 'license'
  | 'forgotten'
>

/** How long after its deadline a call still waits for the ledger, which may have lost Redis, ms. */
const LEDGER_AWAY = 2_000

/** Answers after which the rules still find an outcome (`settlement.md` 4 to 8). */
const SETTLED_BY_RULES: ReadonlySet<number | null> = new Set([0, 1, 3, 4])

export function createCalls(parts: CallParts): Calls {
  const { asks, client, forgotten, clock, logger, closing } = parts

  /** Runs `work` until its deadline, the caller's signal or `close()`. `key`: the document's, if it is about one. */
  async function within<Result>(
    key: string | undefined,
    { signal, timeout }: CallOptions,
    otherwise: number,
    work: (signal: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    if (closing.aborted) throw closedError(key)
    signal?.throwIfAborted()
    const deadline = startDeadline(clock, timeout ?? otherwise, signal)
    const cancelClose = onAbort(closing, () => deadline.end('given up'))
    try {
      return await work(deadline.signal)
    } catch (error) {
      const ended = deadline.ended()
      if (ended === 'aborted') signal?.throwIfAborted()
      if (ended === 'given up') throw closedError(key)
      if (ended !== 'expired') throw error
      const about = key === undefined ? {} : { key }
      throw new DocsError('TIMEOUT', 'this call has no answer by its deadline', about)
    } finally {
      cancelClose()
      deadline.release()
    }
  }

  /** Registers and sends; the request goes on for the ledger's sake when the caller stops waiting. */
  async function startAsk(
    key: string,
    kind: 'forcesave' | 'info',
    options: ForcesaveOptions,
  ): Promise<Asked> {
    const otherwise = kind === 'info' ? parts.commandTimeout : parts.timeout
    const { userdata, timeout = otherwise } = options
    const asked = await asks.ask({ key, kind, timeout, userdata })
    asked.answer.catch((error: unknown) => {
      if (!closing.aborted) logger.error({ err: error, key }, 'an answer could not be recorded')
    })
    return asked
  }

  async function command<Name extends CommandName>(
    name: Name,
    body: CommandRequests[Name],
    options: CallOptions = {},
  ): Promise<CommandResponses[Name]> {
    checkCall(options)
    const key = 'key' in body ? body.key : undefined
    return within(key, options, parts.commandTimeout, (signal) =>
      client.send(name, body, { signal }),
    )
  }

  return {
    async forcesave(key, options = {}) {
      checkKey(key)
      checkCall(options)
      // The deadline itself is in the ledger, so that every process sees the same one.
      const limit = (options.timeout ?? parts.timeout) + LEDGER_AWAY
      return within(key, { signal: options.signal }, limit, async (signal) => {
        const { id } = await startAsk(key, 'forcesave', options)
        return forcesaveResult(key, await asks.verdict(key, id, signal))
      })
    },

    async startForcesave(key, options = {}) {
      checkKey(key)
      checkCall(options)
      return within(key, { signal: options.signal }, Infinity, async (signal) => {
        const { id, answer } = await startAsk(key, 'forcesave', options)
        const { error, failure } = await unlessAborted(answer, signal)
        if (failure !== undefined) throw fromPlainError({ ...failure, key })
        if (error === null || !SETTLED_BY_RULES.has(error)) {
          throw commandRejected(error ?? 3, 'forcesave', key)
        }
        return { id: handleOf(key, id), key, response: { error } }
      })
    },

    async outcome(handle, options = {}) {
      const { key, id } = parseHandle(handle)
      checkCall(options)
      return within(key, options, Infinity, async (signal) =>
        forcesaveResult(key, await asks.verdict(key, id, signal)),
      )
    },

    async info(key, options = {}) {
      checkKey(key)
      checkCall(options)
      const limit = (options.timeout ?? parts.commandTimeout) + LEDGER_AWAY
      return within(key, { signal: options.signal }, limit, async (signal) => {
        const { id } = await startAsk(key, 'info', options)
        return infoResult(key, await asks.verdict(key, id, signal))
      })
    },

    async meta(key, meta, options) {
      checkKey(key)
      checkMeta(meta)
      await command('meta', { key, meta: { title: meta.title } }, options)
    },
    async drop(key, users, options) {
      checkKey(key)
      checkUsers(users)
      await command('drop', users === undefined ? { key } : { key, users }, options)
    },
    async version(options) {
      const { version } = await command('version', {}, options)
      return { version }
    },
    async license(options) {
      const { license, server, quota } = await command('license', {}, options)
      return { license, server, quota }
    },
    forgotten: {
      list: (options = {}) =>
        callForgotten(undefined, options, (signal) => forgotten.list({ signal })),
      async url(key, options = {}) {
        checkKey(key)
        return callForgotten(key, options, (signal) => forgotten.url(key, { signal }))
      },
      async delete(key, options = {}) {
        checkKey(key)
        return callForgotten(key, options, (signal) => forgotten.delete(key, { signal }))
      },
      async recover(options = {}) {
        checkCall(options)
        const { onResult } = options
        checkFunction('onResult', onResult)
        return within(undefined, options, Infinity, (signal) => parts.recover({ signal, onResult }))
      },
    },
  }

  async function callForgotten<Result>(
    key: string | undefined,
    options: CallOptions,
    work: (signal: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    checkCall(options)
    return within(key, options, parts.commandTimeout, work)
  }
}
