/** The calls that send commands: arguments checked, deadlines kept, verdicts turned into results. */
import { toAbortSignal, unlessAborted, type Signal } from './abort.js'
import type { Docs, ForcesaveOptions } from './api.js'
import type { CallOptions } from './call-options.js'
import {
  checkCall,
  checkFunction,
  checkLimits,
  checkKey,
  checkMeta,
  checkUsers,
  parseHandle,
} from './arguments.js'
import { createDeadlines, ended } from './call-deadlines.js'
import type { Asks, Asked } from './client/asks.js'
import { note, type CommandTrace } from './channels.js'
import type { CommandClient } from './client/commands.js'
import { createGroups, type Member } from './client/groups.js'
import { startDeadline } from './client/deadline.js'
import type { Clock } from './clock.js'
import { commandRejected, fromPlainError } from './errors.js'
import type { Logger } from './events.js'
import type { Watch } from './inspector/watch.js'
import { closedError } from './ledger/outcome.js'
import type { CommandName, CommandRequests, CommandResponses } from './protocol/command.js'
import { newId } from './protocol/new-id.js'
import { handleOf } from './protocol/userdata.js'
import type { ForgottenFiles } from './recovery/forgotten.js'
import type { Tally } from './receiver/tally.js'
import type { Recover } from './recovery/recover.js'
import type { Inside } from './saves/inside.js'
import { forcesaveResult, infoResult, type ForcesaveResult } from './results.js'
import type { Stats } from './stats.js'
import type { Target } from './target.js'

export interface CallParts {
  asks: Asks
  client: CommandClient
  forgotten: ForgottenFiles
  recover: Recover
  clock: Clock
  logger: Logger
  stats: Stats
  watch: Watch
  tally: Tally
  inside: Inside
  /** ms */
  timeout: number
  /** ms */
  commandTimeout: number
  /** Aborted by `close()`. */
  closing: AbortSignal
}

/** By their keys; `opening/by-ref.ts` takes refs, too. */
export type Calls = Pick<Docs, 'outcome' | 'version' | 'license' | 'forgotten'> & {
  [Name in 'forcesave' | 'startForcesave' | 'info' | 'meta' | 'drop']: Docs[Name] extends (
    target: Target,
    ...rest: infer Rest
  ) => infer Result
    ? (key: string, ...rest: Rest) => Result
    : never
}

/** How long after its deadline a call still waits for the ledger, which may have lost Redis, ms. */
const LEDGER_AWAY = 2_000

/** Answers after which the rules still find an outcome (`settlement.md` 4 to 8). */
const SETTLED_BY_RULES: ReadonlySet<number | null> = new Set([0, 1, 3, 4])

export function createCalls(parts: CallParts): Calls {
  const { asks, client, forgotten, clock, logger, stats, closing, inside } = parts
  const groups = createGroups((command) => asks.ask(command), clock)
  const within = createDeadlines(parts)

  /** Registers and sends; the request goes on for the ledger's sake when the caller stops waiting. */
  async function startAsk(
    key: string,
    kind: 'forcesave' | 'info',
    id: string,
    options: ForcesaveOptions,
  ): Promise<Asked> {
    const otherwise = kind === 'info' ? parts.commandTimeout : parts.timeout
    const { userdata, timeout = otherwise } = options
    return sent(key, asks.ask({ key, kind, id, timeout, userdata }))
  }

  async function sent(key: string, asking: Promise<Asked>): Promise<Asked> {
    const asked = await asking
    asked.answer.catch((error: unknown) => {
      if (!closing.aborted) logger.error({ err: error, key }, 'an answer could not be recorded')
    })
    return asked
  }

  /** A forcesave of its own, for a call with userdata (16.2). */
  function alone(key: string, options: ForcesaveOptions): Member {
    const id = newId()
    return { id, send: () => startAsk(key, 'forcesave', id, options), outlives: () => false }
  }

  /** Its verdict, for a call that waits for it. */
  async function forcesaved(
    about: CommandTrace,
    key: string,
    id: string,
    signal: Signal,
  ): Promise<ForcesaveResult> {
    const result = forcesaveResult(key, await asks.verdict(key, id, signal))
    note(about, { outcome: result.outcome })
    return result
  }

  async function command<Name extends CommandName>(
    name: Name,
    body: CommandRequests[Name],
    options: CallOptions = {},
  ): Promise<CommandResponses[Name]> {
    checkCall(options)
    const key = 'key' in body ? body.key : undefined
    return within({ name, key }, options, parts.commandTimeout, (signal) =>
      client.send(name, body, { signal }),
    )
  }

  return {
    async forcesave(key, options = {}) {
      checkKey(key)
      checkCall(options)
      inside.refuseOwn(key, 'forcesave()')
      if (closing.aborted) throw closedError(key)
      options.signal?.throwIfAborted()
      const { userdata, timeout = parts.timeout } = options
      const member = userdata === undefined ? groups.join(key, timeout) : alone(key, options)
      const { id } = member
      const about: CommandTrace = { name: 'forcesave', key, id: handleOf(key, id) }
      // The deadline itself is in the ledger, so that every process sees the same one.
      return within(about, { signal: options.signal }, timeout + LEDGER_AWAY, async (signal) => {
        const begun = stats.now()
        const own = startDeadline(clock, timeout, signal)
        try {
          // There it is the latest one of the group's.
          const late = ended(own, member).then(async () => {
            throw await asks.atDeadline(key, id)
          })
          const result = sent(key, member.send()).then(() => forcesaved(about, key, id, signal))
          return await Promise.race([unlessAborted(result, signal), late])
        } finally {
          own.release()
          if (!signal.aborted) stats.took('forcesave', begun)
        }
      })
    },

    async startForcesave(key, options = {}) {
      checkKey(key)
      checkCall(options)
      const id = newId()
      const handle = handleOf(key, id)
      const about = { name: 'startForcesave', key, id: handle } as const
      return within(about, { signal: options.signal }, Infinity, async (signal) => {
        const { answer } = await startAsk(key, 'forcesave', id, options)
        const { error, failure } = await unlessAborted(answer, signal)
        if (failure !== undefined) throw fromPlainError({ ...failure, key })
        if (error === null || !SETTLED_BY_RULES.has(error)) {
          throw commandRejected(error ?? 3, 'forcesave', key)
        }
        return { id: handle, key, response: { error } }
      })
    },

    async outcome(handle, options = {}) {
      const { key, id } = parseHandle(handle)
      checkCall(options)
      inside.refuseOwn(key, 'outcome()')
      const about: CommandTrace = { name: 'outcome', key, id: handle }
      return within(about, options, Infinity, (signal) => forcesaved(about, key, id, signal))
    },

    async info(key, options = {}) {
      checkKey(key)
      checkCall(options)
      const limit = (options.timeout ?? parts.commandTimeout) + LEDGER_AWAY
      const id = newId()
      const about = { name: 'info', key, id: handleOf(key, id) } as const
      return within(about, { signal: options.signal }, limit, async (signal) => {
        await startAsk(key, 'info', id, options)
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
        callForgotten({ name: 'getForgottenList' }, options, async (signal) => {
          const { keys, failures } = await forgotten.list({ signal: toAbortSignal(signal) })
          // A list without the files of one node would look complete.
          if (failures.length > 0) throw failures[0]
          return [...keys.keys()]
        }),
      async url(key, options = {}) {
        checkKey(key)
        return callForgotten({ name: 'getForgotten', key }, options, (signal) =>
          forgotten.url(key, { signal: toAbortSignal(signal) }),
        )
      },
      async delete(key, options = {}) {
        checkKey(key)
        return callForgotten({ name: 'deleteForgotten', key }, options, (signal) =>
          forgotten.delete(key, { signal: toAbortSignal(signal) }),
        )
      },
      async recover(options = {}) {
        checkCall(options)
        const { onResult, maxDownload, downloadTimeout } = options
        checkFunction('onResult', onResult)
        checkLimits(options)
        return within({ name: 'recover' }, options, Infinity, (signal) =>
          parts.recover({
            signal: toAbortSignal(signal),
            onResult,
            limits: { maxDownload, downloadTimeout },
          }),
        )
      },
    },
  }

  async function callForgotten<Result>(
    about: CommandTrace,
    options: CallOptions,
    work: (signal: Signal) => Promise<Result>,
  ): Promise<Result> {
    checkCall(options)
    return within(about, options, parts.commandTimeout, work)
  }
}
