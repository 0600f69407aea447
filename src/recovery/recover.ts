/**
 * `forgotten.recover()`: every forgotten file goes through `onSave` once. Which of them, the ledger
 * decides (`settlement.md` 8, `ledger/forgotten.ts`), so that several processes take each one once.
 */
import { unlessAborted } from '../abort.js'
import type { Asks } from '../client/asks.js'
import type { CommandClient } from '../client/commands.js'
import type { DownloadLimits } from '../client/download.js'
import { startDeadline } from '../client/deadline.js'
import type { Clock } from '../clock.js'
import { badOption, DocsError, fromPlainError, isDocsError } from '../errors.js'
import type { Logger } from '../events.js'
import { harmless } from '../harmless.js'
import {
  isSessionOpen,
  judgeFound,
  worthOfForgotten,
  type Found as Verdict,
} from '../settlement/forgotten.js'
import type { Ledger } from '../ledger/ledger.js'
import type { DocumentState } from '../settlement/state.js'
import { isKey, KEY_RULE } from '../protocol/key.js'
import { MAX_REF } from '../protocol/ref.js'
import type { Node } from './nodes.js'
import type { Inside } from '../saves/inside.js'
import type { FileOfKey, ForgottenFiles, Recovery, RecoveryResult } from './forgotten.js'

/** Tells the ref of a document key that is still its file's; undefined where it is none. */
export type RefOf = (key: string) => string | undefined | Promise<string | undefined>

export interface RecoverParts {
  forgotten: ForgottenFiles
  client: CommandClient
  asks: Asks
  ledger: Ledger
  clock: Clock
  logger: Logger
  refOf: RefOf | undefined
  /** The file of a key that `open()` has made; undefined for another key. */
  ownFile: (key: string) => Promise<FileOfKey | undefined>
  inside: Inside
  /** ms */
  commandTimeout: number
  /** How long a close that only the Docs server tells of is waited for (`settlement.md` 6), ms. */
  nudgeAfter: number
}

export type Recover = (options: {
  signal: AbortSignal
  onResult?: ((result: RecoveryResult) => unknown) | undefined
  limits?: DownloadLimits | undefined
}) => Promise<Recovery>

/** A key, and the node that has a forgotten file of it. */
type Found = readonly [key: string, node: Node]

/** One look at a file. */
interface Look {
  signal: AbortSignal
  /** It is not put off any more. */
  lastLook: boolean
  limits: DownloadLimits
}

/** Files at once. Pacing: the Docs server, the storage and Redis have others to serve. */
const AT_ONCE = 4

/** The link to a forgotten file is dead by then (`docs-server.md`), ms. */
const LINK_LIFETIME = 15 * 60_000

export function createRecover(parts: RecoverParts): Recover {
  const { forgotten, client, asks, ledger, clock, logger } = parts

  return async function recover({ signal, onResult, limits = {} }) {
    const counts: Recovery = { recovered: 0, left: 0, gone: 0, failed: 0 }
    const listed = await forgotten.list({ signal })
    const keys = [...listed.keys].sort(([one], [other]) => (one < other ? -1 : 1))
    const again: Found[] = []

    async function walk(each: Iterator<Found>, lastLook: boolean): Promise<void> {
      for (let next = each.next(); next.done !== true; next = each.next()) {
        const found = next.value
        const result = await recoverSafely(found, { signal, lastLook, limits })
        if (signal.aborted) return
        if (result === 'again') again.push(found)
        else tell(result)
      }
    }
    async function walkAll(list: readonly Found[], lastLook: boolean): Promise<void> {
      const each = list.values()
      const walks = Array.from({ length: AT_ONCE }, () => walk(each, lastLook))
      await unlessAborted(Promise.all(walks), signal)
    }
    function tell(result: RecoveryResult): void {
      counts[result.outcome] += 1
      const { key, outcome } = result
      if (outcome === 'failed') {
        logger.warn({ err: result.error, key }, 'a forgotten file could not be recovered')
      } else logger.debug({ ...result }, 'a forgotten file was looked at')
      harmless(() => onResult?.(result), complain)
    }
    function complain(error: unknown): void {
      logger.error({ err: error }, 'onResult failed; nothing else is affected')
    }

    await walkAll(keys, false)
    if (again.length > 0) {
      await pause(parts.nudgeAfter, signal)
      await walkAll(again, true)
    }
    // After the files of the others: it says that there may be more.
    if (listed.failures.length > 0) throw listed.failures[0]
    return counts
  }

  /** One that fails harms no other. */
  async function recoverSafely(found: Found, look: Look): Promise<RecoveryResult | 'again'> {
    try {
      return await recoverOne(found, look)
    } catch (cause) {
      const [key] = found
      const error = isDocsError(cause)
        ? cause
        : new DocsError('STORAGE_FAILED', 'a forgotten file could not be recovered; see cause', {
            key,
            cause,
          })
      return { key, outcome: 'failed', error }
    }
  }

  async function recoverOne([key, node]: Found, look: Look): Promise<RecoveryResult | 'again'> {
    const { signal, lastLook, limits } = look
    if (!isKey(key)) {
      const message = `the Docs server lists a forgotten file whose key is none; one has ${KEY_RULE}`
      throw new DocsError('BAD_RESPONSE', message, { key, retryable: false })
    }
    parts.inside.refuseOwn(key, 'recover()')
    const state = await ledger.read(key)
    const since = state.turn
    const first = judgeFound(state, { since, vouched: true }, clock.now())
    if (first.outcome !== 'taken') return ended(key, first, look)
    const { ref, vouched } = await fileOf(key, state)
    if (ref === undefined) return { key, outcome: 'left', reason: 'unknown-ref' }
    if (!vouched && worthOfForgotten(state) === 'unknown') {
      return { key, outcome: 'left', reason: 'outdated' }
    }

    if (await isEdited(key, signal)) return { key, outcome: 'left', reason: 'open' }
    // The last editor may just have left: then the final save that says so is on its way.
    if (!lastLook && isSessionOpen(await ledger.read(key))) return 'again'
    const url = await forgotten.urlOn(node, key, { signal })
    if (url === undefined) return { key, outcome: 'gone' }
    const save = await forgotten.arrival(key, url, ref, node, limits)
    if (save.failure !== undefined) throw fromPlainError(save.failure)
    // Stored before, and it could not be deleted then.
    if (state.saves.some(({ name, phase }) => name === save.name && phase === 'stored')) {
      await forgotten.deleteStored(key, save.name, node, limits)
      return { key, outcome: 'recovered' }
    }
    signal.throwIfAborted()
    await ledger.apply(key, { type: 'found', since, vouched, save })
    const after = await ledger.read(key)
    const arrived = after.saves.some(({ name }) => name === save.name)
    return ended(
      key,
      arrived
        ? { outcome: 'joined', name: save.name }
        : judgeFound(after, { since, vouched }, clock.now()),
      look,
    )
  }

  /** Where nothing is known to be missing, only the application knows whether the key is in use still. */
  async function fileOf(key: string, state: DocumentState): Promise<FileOfKey> {
    if (worthOfForgotten(state) !== 'unknown' && state.ref !== undefined) {
      return { ref: state.ref, vouched: false }
    }
    const own = await parts.ownFile(key)
    if (own?.vouched === true) return own
    const ref = await told(key)
    return ref === undefined
      ? { ref: state.ref ?? own?.ref, vouched: false }
      : { ref, vouched: true }
  }

  async function told(key: string): Promise<string | undefined> {
    let ref: unknown
    try {
      ref = await parts.refOf?.(key)
    } catch (cause) {
      const message = 'refOf failed: it is not known which file this key stands for; see cause'
      throw new DocsError('STORAGE_FAILED', message, { key, cause })
    }
    if (ref === undefined) return undefined
    if (typeof ref === 'string' && ref !== '' && ref.length <= MAX_REF) return ref
    throw badOption(
      'refOf',
      ref,
      `it has to give a text of 1 to ${MAX_REF} characters, or undefined`,
    )
  }

  async function isEdited(key: string, signal: AbortSignal): Promise<boolean> {
    try {
      const { users } = await client.send('info', { key }, { signal })
      if (users !== undefined) return users.length > 0
      // Before Docs 8.2 only the callback tells (15.1), and it is found by its id.
      const { id, answer } = await asks.ask({ key, kind: 'info', timeout: parts.commandTimeout })
      answer.catch(() => {})
      const verdict = await asks.verdict(key, id, signal)
      return verdict.outcome === 'info' && verdict.status === 'editing'
    } catch (error) {
      if (isDocsError(error, 'COMMAND_REJECTED') && error.error === 1) return false
      throw error
    }
  }

  async function ended(key: string, found: Verdict, look: Look): Promise<RecoveryResult> {
    switch (found.outcome) {
      case 'taken':
        // What kept it from being taken has passed; the next call looks again.
        return { key, outcome: 'left', reason: 'open' }
      case 'left':
        return { key, outcome: 'left', reason: found.reason }
      case 'joined':
        return storedBy(key, found.name, look)
    }
  }

  async function storedBy(
    key: string,
    name: string,
    { signal, limits }: Look,
  ): Promise<RecoveryResult> {
    // A link that dies while its file is on the way harms nothing.
    const within = LINK_LIFETIME + (limits.downloadTimeout ?? 0)
    const deadline = startDeadline(clock, within, signal)
    try {
      const end = await ledger.finished(key, name, deadline.own)
      if (end?.phase === 'stored') return { key, outcome: 'recovered' }
      if (end?.error !== undefined) throw fromPlainError(end.error)
      const message = 'Redis has lost what it knew of this document: see whether it is stored'
      throw new DocsError('UNREACHABLE', message, { key })
    } catch (error) {
      if (deadline.ended() !== 'expired') throw error
      const message = 'onSave has not ended before the link of the forgotten file did'
      throw new DocsError('TIMEOUT', message, { key })
    } finally {
      deadline.release()
    }
  }

  async function pause(ms: number, signal: AbortSignal): Promise<void> {
    let cancel = (): void => {}
    const over = new Promise<void>((resolve) => (cancel = clock.after(ms, resolve)))
    try {
      await unlessAborted(over, signal)
    } finally {
      cancel()
    }
  }
}
