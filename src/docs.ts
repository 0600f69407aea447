/** `createDocs()`: puts the parts together, owns start and close. */
import type { Docs } from './api.js'
import { checkRef } from './arguments.js'
import { createDeadlines } from './call-deadlines.js'
import { createCalls } from './calls.js'
import { createAsks } from './client/asks.js'
import { onAbort } from './abort.js'
import { createCommandClient } from './client/commands.js'
import { observed } from './client/observed.js'
import { startDeadline } from './client/deadline.js'
import { createDownloader } from './client/download.js'
import { createHttp, type Http } from './client/http.js'
import type { ClientOptions } from './client-options.js'
import { systemClock, type Clock } from './clock.js'
import { checkPath } from './check-address.js'
import { createEditorConfig } from './editor-config.js'
import { badOption } from './errors.js'
import { createEvents } from './events.js'
import type { Backend, BackendParts } from './backends/backend.js'
import { createMemoryBackend } from './backends/memory.js'
import { createRedisBackend } from './backends/redis.js'
import { MISDIRECTED } from './settlement/one-file.js'
import { createInspector } from './inspector/koa.js'
import { createWatch } from './inspector/watch.js'
import { createAppKeyStore } from './keys/app-store.js'
import { createKeyBook } from './keys/book.js'
import { noting } from './keys/noting.js'
import type { Effect } from './settlement/event.js'
import { closedError } from './ledger/outcome.js'
import { byRef } from './opening/by-ref.js'
import { createOpenKey } from './opening/open-key.js'
import { createOpening } from './opening/open.js'
import { createStale } from './opening/stale.js'
import { createStanding } from './opening/standing.js'
import { resolveOptions, type DocsOptions } from './options.js'
import { createOwnKeys } from './protocol/own-key.js'
import { createRefSigner } from './protocol/ref.js'
import { handleOf } from './protocol/userdata.js'
import { createKeys, signToken } from './protocol/token.js'
import { createCallbackMiddleware, createRoutes } from './receiver/koa.js'
import { observedCallbacks } from './receiver/observed.js'
import { createReceiver } from './receiver/receive.js'
import { createTally } from './receiver/tally.js'
import { createForgotten } from './recovery/forgotten.js'
import { createRecover } from './recovery/recover.js'
import { createSweep } from './recovery/sweep.js'
import type { AsJson } from './saves/as-json.js'
import { createInside } from './saves/inside.js'
import { createRunner } from './saves/runner.js'
import { forcesaveEach } from './sessions/forcesave-all.js'
import { listSessions } from './sessions/sessions.js'
import { createStats } from './stats.js'

/** How long `close()` waits for the answers of commands under way, ms. */
const ANSWER_PATIENCE = 5_000

/** What tests put in the place of the world. */
export interface Outside {
  clock?: Clock
  http?: Http
  createBackend?: (parts: BackendParts) => Backend
}

/**
 * Ties the callbacks of one Docs server to the commands sent to it. What `onSave` returns types the `stored`
 * of results and events.
 *
 * @throws DocsError `BAD_OPTION`, naming the option, what was given and what is allowed
 * @example
 * const docs = createDocs({
 *   server: 'http://docs.internal',
 *   secret: process.env.DOCS_SECRET,
 *   publicUrl: 'https://files.example.com',
 *   async onSave(save) {
 *     await save.downloadTo(`files/${save.ref}`)
 *   },
 * })
 * app.use(docs.routes())
 * const result = await docs.forcesave(key)
 */
export function createDocs<Result = unknown>(
  options: DocsOptions<Result> | ClientOptions,
): Docs<AsJson<Result>> {
  return assembleDocs(options, {}) as Docs<AsJson<Result>>
}

/** `createDocs` in the world that tests make. */
export function assembleDocs(given: DocsOptions | ClientOptions, outside: Outside): Docs {
  const options = resolveOptions(given)
  const { logger, prefix, path, publicUrl, server, secrets, token, timeout } = options
  const { clock = systemClock, http = createHttp() } = outside
  const keys = secrets === null ? null : createKeys(secrets)
  const refs = createRefSigner(secrets, prefix)
  const stats = createStats(clock)
  const watch = createWatch({ clock, logger, prefix })
  const tally = createTally({ shared: options.redis !== undefined })
  const events = createEvents(logger, [stats.counters, watch.listeners, tally.listeners])
  const closing = new AbortController()
  const inside = createInside()

  const client = observed(
    createCommandClient({
      ...{ server, keys, token, clock, http },
      commandMethod: options.commandMethod,
      timeout: options.commandTimeout,
    }),
    events,
    stats,
    watch,
  )
  const downloader = createDownloader({ ...options, clock, http })
  const backend = createBackend({
    ...{ clock, logger, rules: options, prefix, retries: options.retries, perform },
    concurrency: options.worker === false ? 0 : options.worker.concurrency,
  })
  const keyStore = options.keys === undefined ? backend.keys : createAppKeyStore(options.keys)
  const book = createKeyBook(keyStore, createOwnKeys(secrets, prefix), clock)
  const joined = createStale({ book, client, logger, closing: closing.signal })
  const ledger = noting(backend.ledger, book, joined)
  const asks = createAsks({
    ...{ ledger, client, clock, prefix },
    ownTimeout: options.commandTimeout,
  })
  const forgotten = createForgotten({
    ...{ client, ledger, downloader, logger },
    nodes: options.nodes,
  })
  const { run, report } = createRunner({
    ...{ onSave: options.onSave, downloader, ledger, events, logger, stats, watch, prefix, inside },
    deleteForgotten: forgotten.deleteStored,
  })
  const queue = backend.startQueue(run, report)
  const answer = createReceiver({
    ...{ ...options, ledger, downloader, events, clock, refs, keys, watch, tally },
    closing: closing.signal,
  })
  const receive = observedCallbacks(answer, stats, watch)
  const middleware = createCallbackMiddleware({
    ...{ receive, events, clock, watch, maxBody: options.maxBody },
  })
  const recover = createRecover({
    ...{ ...options, forgotten, client, asks, ledger, clock, inside },
    ownFile: (key) => book.fileOf(key),
  })
  // A script must not end the sweeps of the application that it works beside.
  const schedule =
    options.onSave === undefined && options.recoverEvery === undefined
      ? undefined
      : backend.startSchedule(
          options.recoverEvery,
          createSweep({ recover, events, logger, closing: closing.signal }),
        )
  const byKey = createCalls({
    ...{ asks, client, forgotten, recover, clock, logger, stats, watch, tally, timeout, inside },
    closing: closing.signal,
    commandTimeout: options.commandTimeout,
  })
  const calls = byRef(byKey, book)
  const editorConfig = createEditorConfig(
    keys === null ? undefined : (claims) => signToken(claims, keys, token, clock.now()),
  )
  const opening = createOpening({
    ...{ book, callbackUrl, editorConfig },
    openKey: createOpenKey({
      ...{ book, clock, standing: createStanding({ book, asks, ledger, forgotten, clock }) },
      configLifetime: (token.expiresIn + token.clockTolerance) * 1_000,
    }),
    within: createDeadlines({ clock, stats, watch, tally, closing: closing.signal }),
  })
  const sweeping = { ...calls, ledger, closing: closing.signal }
  let closed: Promise<void> | undefined

  function createBackend(parts: BackendParts): Backend {
    if (outside.createBackend !== undefined) return outside.createBackend(parts)
    const { redis } = options
    return redis === undefined ? createMemoryBackend(parts) : createRedisBackend(redis, parts)
  }

  function perform(key: string, effect: Effect): void {
    switch (effect.type) {
      case 'run':
        return queue.add(key, effect.save)
      case 'settle': {
        const { id, verdict } = effect
        watch.settled(key, effect)
        const { outcome, rule } = verdict
        const doubt = 'doubt' in verdict ? { doubt: verdict.doubt } : {}
        return events.emit('settled', { key, id: handleOf(key, id), outcome, rule, ...doubt })
      }
      case 'late':
        return events.emit('late', { key, id: handleOf(key, effect.id) })
      case 'misdirected':
        logger.warn({ key, ref: effect.ref }, MISDIRECTED)
        return events.emit('rejected', {
          code: 'ref-of-another-file',
          reason: MISDIRECTED,
          status: 200,
          key,
          ref: effect.ref,
        })
      case 'ask':
        return inBackground(key, asks.askOwn(key, effect.what))
      case 'search':
        return inBackground(key, search(key, effect))
    }
  }

  /** Of a key of ours it is known which file it stands for, and whether still. */
  async function search(
    key: string,
    { since, ref }: Extract<Effect, { type: 'search' }>,
  ): Promise<void> {
    const own = await book.fileOf(key)
    await forgotten.search(key, since, { ref: ref ?? own?.ref, vouched: own?.vouched === true })
  }

  function inBackground(key: string, work: Promise<void>): void {
    work.catch((error: unknown) => {
      if (!closing.signal.aborted)
        logger.error({ err: error, key }, 'work in the background failed')
    })
  }

  function callbackUrl(ref: string): string {
    checkRef(ref)
    if (publicUrl === undefined) {
      throw badOption(
        'publicUrl',
        publicUrl,
        'callbackUrl() and open() need it: where the Docs server reaches this application',
      )
    }
    return `${publicUrl}${path}/${encodeURIComponent(refs.sign(ref))}`
  }

  async function shutDown(): Promise<void> {
    closing.abort(closedError())
    await Promise.all([queue.close(), schedule?.close()])
    // An answer that is not recorded leaves those in doubt who wait elsewhere.
    const patience = startDeadline(clock, ANSWER_PATIENCE)
    await Promise.race([
      asks.idle(),
      new Promise<void>((resolve) => onAbort(patience.signal, resolve)),
    ])
    patience.release()
    await ledger.close()
    await backend.close()
    await http.close()
    events.clear()
  }

  function close(): Promise<void> {
    closed ??= shutDown()
    if (!inside.isInside()) return closed
    // It waits for that very run of onSave, which may not wait for it.
    closed.catch((error: unknown) => logger.error({ err: error }, 'close() has failed'))
    return Promise.resolve()
  }

  return {
    ...calls,
    ...opening,
    forcesaveAll: (options) => forcesaveEach(sweeping, options),
    sessions: (options) => listSessions(sweeping, options),
    routes({ prefix: before = '' } = {}) {
      if (before !== '') checkPath('routes.prefix', before)
      return createRoutes(middleware, before + path)
    },
    callback: () => middleware,
    inspector: createInspector({ watch, options, downloader, clock, closing: closing.signal }),
    receive,
    callbackUrl,
    editorConfig,
    on: events.on,
    stats: stats.read,
    close,
    [Symbol.asyncDispose]: close,
  }
}
