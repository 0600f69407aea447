/**
 * The callback handler without a framework: body, headers and ref in; status and body out. Verifies,
 * parses, tells the ledger, and answers by the table of `settlement.md`, "Replies".
 */
import { onAbort, type Signal } from '../abort.js'
import { startDeadline } from '../client/deadline.js'
import type { Clock } from '../clock.js'
import type { Downloader } from '../client/download.js'
import { note, type CallbackTrace } from '../channels.js'
import type { Watch } from '../inspector/watch.js'
import { DocsError, toPlainError } from '../errors.js'
import type { Events, Logger } from '../events.js'
import type { Ledger } from '../ledger/ledger.js'
import {
  noCallback,
  parseCallback,
  whoIn,
  type Callback,
  type FailureCallback,
  type SaveCallback,
} from '../protocol/callback.js'
import { MAX_REF, type RefSigner } from '../protocol/ref.js'
import { verifyCallback, type Keys, type TokenOptions } from '../protocol/token.js'
import { handleOf } from '../protocol/userdata.js'
import { arrivalOf } from './arrival.js'
import { readBody, type ReadBody } from './body.js'
import { createRecorder } from './record.js'
import type { Tally } from './tally.js'
import { lostOf, REF_NOT_OURS, REF_OF_ANOTHER_FILE, UNREADABLE, type Refused } from './refused.js'

/** A callback as it came, for `docs.receive()`. */
export interface CallbackRequest {
  /** The JSON body: parsed, or as text or bytes. Undefined: something has read it and left nothing. */
  body: unknown
  /** Names in lower case, as `node:http` has them. */
  headers: Readonly<Record<string, string | string[] | undefined>>
  /** The last segment of the callback URL, as `docs.callbackUrl()` made it. */
  ref: string | undefined
}

/** What a callback is answered (`docs/docs-server.md`, "What our reply does"): send both as they are. */
export interface CallbackReply {
  /** The HTTP status. */
  status: number
  /** To be sent as JSON. */
  body: { error: 0 | 1 }
}

/** A failed conversion, for `onConversionFailed`. */
export type FailedConversion = {
  /** The document key. */
  key: string
  /** The application's name for the file. */
  ref: string
  /** Whether it was the final save (callback status 3, else 7). */
  final: boolean
  /** Ids of the users whose edits are in it. */
  users: string[]
}

export interface ReceiverParts {
  ledger: Ledger
  downloader: Downloader
  events: Events
  logger: Logger
  clock: Clock
  refs: RefSigner
  /** Null: tokens are off. */
  keys: Keys | null
  token: TokenOptions
  prefix: string
  replyTimeout: number
  /** ms */
  grace: number
  onConversionFailed: (failure: FailedConversion) => unknown
  watch: Watch
  tally: Tally
  /** Aborted by `close()`. */
  closing: AbortSignal
}

const done: CallbackReply = { status: 200, body: { error: 0 } }
/** A final save is kept as a forgotten file, a failed conversion's edits are kept. */
const keepIt: CallbackReply = { status: 200, body: { error: 1 } }
/** A final save is sent again. */
const sendAgain: CallbackReply = { status: 503, body: { error: 1 } }
const forbidden: CallbackReply = { status: 403, body: { error: 1 } }
const notACallback: CallbackReply = { status: 400, body: { error: 1 } }

/** Answers a callback, and tells in `told` what it is about as soon as it is believed. */
export type Answer = (request: CallbackRequest, told: CallbackTrace) => Promise<CallbackReply>

export function createReceiver(parts: ReceiverParts): Answer {
  const { ledger, downloader, events, logger, clock, refs, keys, token, prefix, watch } = parts
  const record = createRecorder(parts)

  return async function receive({ body, headers, ref: signedRef }, told) {
    const ref = signedRef === undefined ? undefined : refs.verify(signedRef)
    const given = readBody(body)
    const claims = verified(given, headers)
    if ('refused' in claims) {
      // Signed by us: it is no word of the sender's.
      const reply = keys === null ? notACallback : forbidden
      return turnAway(reply, claims.refused, ref === undefined ? {} : { ref })
    }
    if (ref === undefined || ref === '' || ref.length > MAX_REF) {
      return turnAway(keys === null ? notACallback : forbidden, REF_NOT_OURS)
    }
    const callback = parseCallback(claims.body, prefix)
    if (callback === undefined) return turnAway(notACallback, noCallback(claims.body))
    tell(told, callback, ref)
    const lost = lostOf(given, claims.from, callback)
    if (lost !== undefined) tellLost(lost, callback.key, ref)
    if (callback.kind !== 'save') watch.callback(told, callback)

    switch (callback.kind) {
      case 'presence': {
        const { key, status, users, actions, commandId } = callback
        const id = commandId === undefined ? {} : { commandId }
        const changes = { joined: whoIn(actions, 1), left: whoIn(actions, 0) }
        await record(key, { type: 'presence', status, users, ref, ...id, ...changes }).catch(
          (error: unknown) => {
            // Anything but 200 {"error":0} would show every editor a warning.
            logger.error({ err: error, key }, 'the ledger did not take a callback')
          },
        )
        // The callback of an info tells of nobody who came or left.
        if (status === 1 && actions.length > 0) events.emit('editing', { key, ref, users, actions })
        else if (changes.left.length > 0) events.emit('closed', { key, ref })
        return done
      }
      case 'other': {
        const { key, status } = callback
        const reason = `status ${status} has no meaning here`
        events.emit('rejected', { code: 'unknown-status', reason, status: 200, key, ref })
        return done
      }
      case 'failure':
        return conversionFailed(callback, ref)
      case 'save':
        return save(callback, ref, told)
    }
  }

  function verified(
    given: ReadBody,
    headers: CallbackRequest['headers'],
  ): { body: unknown; from: 'body' | 'header' } | { refused: Refused } {
    const body = 'json' in given ? given.json : undefined
    const unreadable = 'json' in given ? undefined : UNREADABLE[given.problem]
    if (keys === null) {
      return unreadable === undefined ? { body, from: 'body' } : { refused: unreadable }
    }
    const header = headers[token.header.toLowerCase()]
    const authorization = typeof header === 'string' ? header : undefined
    const verdict = verifyCallback(body, authorization, keys, token, clock.now())
    if (verdict.ok) return verdict
    const { reason: what, detail } = verdict
    if (what === 'missing' && unreadable !== undefined) return { refused: unreadable }
    const reason = `token ${what}${detail === undefined ? '' : `: ${detail}`}`
    return { refused: { code: `token-${what}`, reason } }
  }

  function tell(
    told: CallbackTrace,
    { kind, status, key, commandId }: Callback,
    ref: string,
  ): void {
    // The doctor's have a status without a meaning: they say nothing of the Docs server's.
    if (kind !== 'other') parts.tally.came(key)
    const id = commandId === undefined ? {} : { id: handleOf(key, commandId) }
    note(told, { status, key, ref, ...id })
  }

  /** A callback that is taken by its header's token, and what that cannot tell. */
  function tellLost(lost: Refused, key: string, ref: string): void {
    const about = { ...lost, status: 200, key, ref }
    logger.warn(about, 'a callback is taken, and a part of it may be lost')
    events.emit('rejected', about)
  }

  function turnAway(
    reply: CallbackReply,
    refused: Refused,
    about: { key?: string; ref?: string } = {},
  ): CallbackReply {
    const told = { ...refused, status: reply.status, ...about }
    logger.warn(told, 'a callback was turned away')
    events.emit('rejected', told)
    return reply
  }

  async function conversionFailed(callback: FailureCallback, ref: string): Promise<CallbackReply> {
    const { key, users, status } = callback
    const failure = new DocsError(
      'CONVERSION_FAILED',
      `the Docs server could not convert the document (status ${status}); its edits are not in storage`,
      { key },
    )
    const save = arrivalOf(callback, {
      ...{ ref, now: clock.now() },
      failure: toPlainError(failure),
    })
    const final = status === 3
    try {
      await record(key, { type: 'arrived', save })
      const outcome = await inTime((signal) => ledger.finished(key, save.name, signal))
      // Under the wrong name the application is not asked what is to be thrown away (17.2).
      if (outcome !== undefined && outcome.ref !== ref)
        return turnAway(keepIt, REF_OF_ANOTHER_FILE, { key, ref })
      events.emit('conversion-failed', { key, ref, final })
      const decision = await inTime(() => parts.onConversionFailed({ key, ref, final, users }))
      if (decision !== 'discard') return keepIt
      await ledger.apply(key, { type: 'discarded', name: save.name })
      return done
    } catch (error) {
      logger.error({ err: error, key }, 'a failed conversion could not be dealt with')
      return keepIt
    }
  }

  async function save(
    callback: SaveCallback,
    ref: string,
    told: CallbackTrace,
  ): Promise<CallbackReply> {
    const { key } = callback
    const wrong = downloader.whyNot(callback.url)
    const wrongLink = wrong && `a save cannot be fetched: ${wrong}`
    const failure = wrongLink && new DocsError('BAD_RESPONSE', wrongLink, { key, retryable: false })
    const arrival = arrivalOf(callback, {
      ...{ ref, now: clock.now() },
      ...(failure ? { failure: toPlainError(failure) } : {}),
    })
    note(told, { save: arrival.name })
    watch.callback(told, callback)
    try {
      await record(key, { type: 'arrived', save: arrival })
      if (wrongLink) {
        logger.error({ key, ref }, wrongLink)
        const code = 'link-elsewhere'
        events.emit('rejected', { code, reason: wrongLink, status: 200, key, ref })
        return keepIt
      }
      return await answer(key, ref, arrival.name)
    } catch (error) {
      logger.error(
        { err: error, key, ref },
        'a save is not known to be stored; it is to be sent again',
      )
      return sendAgain
    }
  }

  /** Waits until the save is stored, or the reply's deadline has passed. */
  async function answer(key: string, ref: string, name: string): Promise<CallbackReply> {
    const outcome = await inTime((signal) => ledger.finished(key, name, signal))
    if (outcome !== undefined && outcome.ref !== ref) {
      return turnAway(forbidden, REF_OF_ANOTHER_FILE, { key, ref })
    }
    if (outcome?.phase === 'stored') return done
    return outcome?.permanent === true ? keepIt : sendAgain
  }

  /** The Docs server waits for the reply, and proxies in between do not wait long. */
  async function inTime<Result>(work: (signal: Signal) => Result): Promise<Awaited<Result>> {
    const deadline = startDeadline(clock, parts.replyTimeout)
    const late = new Promise<never>((_resolve, reject) => {
      onAbort(deadline.own, () =>
        reject(new Error(`not done within replyTimeout, ${parts.replyTimeout} ms`)),
      )
    })
    try {
      return await Promise.race([work(deadline.own), late])
    } finally {
      deadline.release()
    }
  }
}
