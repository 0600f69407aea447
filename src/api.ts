/** What `createDocs()` gives. */
import type { Middleware } from 'koa'
import type { CallOptions } from './call-options.js'
import type { EditorConfig, SignedEditorConfig } from './editor-config.js'
import type { DocsEvents, Listener } from './events.js'
import type { History, StoredVersion } from './history.js'
import type { InspectorOptions } from './inspector/koa.js'
import type { OpenConfig, OpenedConfig } from './opening/config.js'
import type { CallbackReply, CallbackRequest } from './receiver/receive.js'
import type { Forgotten } from './recovery/forgotten.js'
import type { ForcesaveResult, InfoResult } from './results.js'
import type { ForcesaveAllItem, ForcesaveAllOptions } from './sessions/forcesave-all.js'
import type { Session } from './sessions/sessions.js'
import type { DocsStats } from './stats.js'
import type { Target } from './target.js'

/** What `forcesave()` and `startForcesave()` take. */
export interface ForcesaveOptions extends CallOptions {
  /** Comes back in the result and as `save.userdata`; a string of at most 1,024 bytes. */
  userdata?: string | undefined
}

/** A forcesave that the Docs server has answered. Its outcome is still to come. */
export interface StartedForcesave {
  /** For `docs.outcome(id)`; valid for the retention time after the verdict, with `redis` in every process. */
  id: string
  /** The document key. */
  key: string
  /** The application's name for the file, where the call was about `{ ref }` or the key is one of `open()`. */
  ref?: string
  /** The Docs server's answer: 0 accepted, 1 not open, 3 internal error, 4 nothing to save. It is not the outcome. */
  response: { error: number }
}

/** What `docs.open()` takes beside the config. */
export interface OpenOptions extends CallOptions {
  /**
   * Names the content of the file. It changes when the content is replaced by something else than `onSave`: by an
   * upload or a restore; a save of the editors must not change it. Whoever opens the file then gets a new key.
   * Default: none.
   */
  version?: string | number | undefined
}

/** What the Docs server says about its licence, as it comes. */
export interface License {
  /** Its kind, its dates and its limits: `connections`, for example. */
  license: Record<string, unknown>
  /** Version and kind of the Docs server. */
  server: Record<string, unknown>
  /** How it is used now. */
  quota: Record<string, unknown>
}

/**
 * The storage side of one Docs server. Where a call takes a document key it also takes `{ ref }`, for a file that `open()` was
 * called for (`NOT_OPENED`: it was not, as far as is known). All calls reject with a {@link DocsError}, or with the reason
 * of their signal; a wrong argument is `BAD_OPTION`, a call after `close()` is `CLOSED`. `Stored` is what the
 * results have as `stored`: {@link createDocs} takes it from what `onSave` returns.
 */
export interface Docs<Stored = unknown> extends AsyncDisposable {
  /**
   * Gives the signed config for the page's `new DocsAPI.DocEditor()`, with the file's document key and its callback
   * URL. `ref` is the application's own name for the file. Whoever opens the same file meets in the same session, whichever
   * process is asked. The key changes once its session is over and everything is stored, and not before: the Docs
   * server is asked about that each time (`docs/opening.md`).
   *
   * Ask for a config each time that somebody opens the file: a config is good for `token.expiresIn` (300 s).
   *
   * Errors: `BAD_OPTION` for a wrong `ref`, a `document.key` that is not one of this file's, or a `callbackUrl` that is another
   * one; `SESSION_OPEN` if `version` is new while somebody edits; `UNREACHABLE` if the Docs server or Redis cannot be asked:
   * a guessed key could split a session.
   * @example
   * ctx.body = await docs.open(file.id, {
   *   document: { fileType: 'docx', title: file.title, url: `https://files.example.com/files/${file.id}` },
   *   editorConfig: { user: { id: user.id, name: user.name } },
   * })
   */
  open<Config extends OpenConfig>(
    ref: string,
    config: Config,
    options?: OpenOptions,
  ): Promise<OpenedConfig<Config>>
  /**
   * Says that the content of a file was replaced by something else than `onSave`: an upload, a restore. Whoever
   * opens it next gets a new key, and so the new content.
   *
   * Errors: `SESSION_OPEN` if somebody edits the file or the Docs server holds edits of it; `UNREACHABLE` if that cannot
   * be found out.
   * @example
   * await storeUpload(file)
   * await docs.replaced(file.id)
   */
  replaced(ref: string, options?: CallOptions): Promise<void>
  /**
   * Resolves when the file with every edit that the Docs server had received before the call is stored, or
   * when there was none. `certain: true` is proven. With `certain: false`, `doubt` says what could make the
   * result wrong. Calls of one key share a command while an earlier one is unanswered, unless they have `userdata`.
   *
   * Errors: `TIMEOUT`, `EDITS_HELD`, `COMMAND_REJECTED`, `UNREACHABLE`, `BAD_RESPONSE`, `CONVERSION_FAILED`,
   * `STORAGE_FAILED`; `error.retryable` says whether calling again can help.
   * @example
   * const result = await docs.forcesave('key-1', { timeout: 20_000 })
   * if (result.outcome === 'saved') console.log(result.stored, result.certain, result.doubt)
   */
  forcesave(key: Target, options?: ForcesaveOptions): Promise<ForcesaveResult<Stored>>
  /**
   * Sends a forcesave of its own and resolves once the Docs server has answered it. `outcome(id)` waits for the rest.
   * @example
   * const { id } = await docs.startForcesave('key-1')
   * const result = await docs.outcome(id)
   */
  startForcesave(key: Target, options?: ForcesaveOptions): Promise<StartedForcesave>
  /**
   * Waits for the outcome of a started forcesave. Result and errors are those of `forcesave`, also later, for
   * as long as `retention` says. `timeout` (default: no limit of its own) ends only this wait.
   * `BAD_OPTION`: no command with this id is known.
   */
  outcome(id: string, options?: CallOptions): Promise<ForcesaveResult<Stored>>
  /**
   * Sends a forcesave for each of `keys`, or for each document that is open by the callbacks so far, including those
   * whose final save is not stored yet. Each gives one result or error, as it ends.
   *
   * At most `concurrency` (8) are under way, and no more begin before the results so far are taken, so
   * 10,000 documents need no more memory than ten. `timeout` (60 s) is that of each forcesave. A
   * `break` gives up those under way: what was sent stays sent, and a save that comes of it is stored.
   * `total` is approximate for open documents, and undefined if nothing gives it.
   *
   * The loop itself ends with the reason of `signal`, with `CLOSED`, with what `keys` throws, or with `UNREACHABLE`
   * if Redis cannot say what is open. A wrong argument throws at once.
   * @example
   * // Every night, before the backup.
   * const failed: string[] = []
   * for await (const { key, error, done, total } of docs.forcesaveAll({ timeout: 120_000 })) {
   *   if (error !== undefined) failed.push(`${key}: ${error.code}`)
   *   if (done % 100 === 0) console.log(`${done} of about ${total}`)
   * }
   */
  forcesaveAll(options?: ForcesaveAllOptions): AsyncIterableIterator<ForcesaveAllItem<Stored>>
  /**
   * The documents open now, with their users, by the callbacks so far. The Docs server is asked with `info` (8 at
   * once, each with `timeout`, 15 s) about a document without a callback for 10 minutes, and about one whose
   * callbacks leave open whether it has closed. `certain: false` says that it gave no answer.
   *
   * Without `redis` a restart forgets them until the next callback of each. A session without any callback is kept
   * for 7 days; one that may have ended, for `retention`.
   *
   * It ends early as `forcesaveAll()` does.
   * @example
   * for await (const { key, users } of docs.sessions()) console.log(key, users)
   */
  sessions(options?: CallOptions): AsyncIterableIterator<Session>
  /**
   * Says who edits a document. Resolves when both its callback and its response have come.
   * `COMMAND_REJECTED` with `error` 1: the Docs server does not know the key.
   * @example const { status, users } = await docs.info('key-1')
   */
  info(key: Target, options?: CallOptions): Promise<InfoResult>
  /** Gives the editors a new title. No callback follows: it resolves when the Docs server has accepted. */
  meta(key: Target, meta: { title: string }, options?: CallOptions): Promise<void>
  /**
   * Disconnects `users`, or everybody without `users` (since Docs 8.3). No callback of its own follows, and an
   * `info` straight after it still lists them: it resolves when the Docs server has accepted.
   */
  drop(key: Target, users?: readonly string[], options?: CallOptions): Promise<void>
  /**
   * The version of the Docs server.
   * @example const { version } = await docs.version()
   */
  version(options?: CallOptions): Promise<{ version: string }>
  /** The licence of the Docs server, with its limits. */
  license(options?: CallOptions): Promise<License>
  /** The final saves that nobody took. */
  readonly forgotten: Forgotten

  /**
   * The callback route: `POST <path>/:ref`, for `app.use()`.
   * @example app.use(docs.routes())
   */
  routes(options?: { prefix?: string }): Middleware
  /**
   * The bare middleware, for a route of the application's own with a `:ref`. That is the last segment
   * of `callbackUrl()`, so set `path` to the part before it.
   * @example router.all('/files/track/:ref', docs.callback())
   */
  callback(): Middleware
  /**
   * For development: a page that shows live, per document, what goes between application, this package
   * and the Docs server, and why each verdict was given; `/inspector` by default. It is read-only. It keeps
   * what this process sees from now on, 20,000 entries and 8 MB at the most. It shows keys, refs and the names of
   * users, but no token, secret, link's query or userdata. All calls share one record.
   *
   * @throws DocsError `BAD_OPTION` if `NODE_ENV` is `production`, unless `inProduction` is true
   * @example if (process.env.NODE_ENV !== 'production') app.use(docs.inspector())
   */
  inspector(options?: InspectorOptions): Middleware
  /**
   * The same without Koa: for Express, Fastify or `node:http`. Give it the body parsed, as text or as bytes, and
   * limit its length before.
   * @example const { status, body } = await docs.receive({ body: req.body, headers: req.headers, ref })
   */
  receive(request: CallbackRequest): Promise<CallbackReply>
  /**
   * The URL for the editor's `callbackUrl`. `ref`, the application's own name for the file, is signed into
   * it. All editors of a key get the same one: saves for another `ref` than that of the key's first
   * callback are refused. So it should be an id that stays when the file is renamed.
   *
   * @throws DocsError `BAD_OPTION` without `publicUrl`, or for an empty or too long ref
   * @example const config = { document, editorConfig: { callbackUrl: docs.callbackUrl(file.id) } }
   */
  callbackUrl(ref: string): string
  /**
   * The config for the page's `new DocsAPI.DocEditor()`, with its token if tokens are on. What the Docs server
   * requires is filled in: `document.permissions` (`{}`) and `editorConfig.mode` (`'edit'`). A number as the
   * user's id becomes a string.
   *
   * @throws DocsError `BAD_OPTION` for a `document.key` that no call would take, or a user's id that is neither a string nor a number
   * @example
   * ctx.body = docs.editorConfig({
   *   document: { fileType: 'docx', key, title, url },
   *   editorConfig: { callbackUrl: docs.callbackUrl(file.id), user: { id: user.id, name: user.name } },
   * })
   */
  editorConfig<Config extends EditorConfig>(config: Config): SignedEditorConfig<Config>
  /**
   * What the editor's history panel wants, made from the stored versions: `list` for `refreshHistory()`, and
   * `data(version)`, with its token if tokens are on, for `setHistoryData()`.
   *
   * @throws DocsError `BAD_OPTION` where two versions have one number or key, or a key is none
   * @example
   * const { list, data } = docs.history(versions)
   * ctx.body = ctx.query.version === undefined ? list : data(Number(ctx.query.version))
   */
  history(versions: readonly StoredVersion[]): History

  /**
   * Listens to an event, and returns a function that stops. A listener that throws has no effect on saves and calls.
   *
   * @throws DocsError `BAD_OPTION` for an unknown event, or a listener that is not a function
   * @example const end = docs.on('saved', ({ ref }) => console.log('stored', ref))
   */
  on<Name extends keyof DocsEvents>(name: Name, listener: Listener<Name, Stored>): () => void
  /**
   * What has happened in this process since `createDocs()`, in numbers that only grow, and what is
   * under way now: a copy, plain JSON, for any metrics library. Durations are in ms. It costs some
   * microseconds, and works after `close()` too.
   * @example
   * const { commands, saves, durations, pending } = docs.stats()
   * console.log(saves.failed, commands.forcesave.unanswered, pending.calls)
   * console.log('onSave takes', durations.onSave.sum / durations.onSave.count, 'ms on average')
   */
  stats(): DocsStats
  /**
   * Shuts down: waiting calls reject with `CLOSED`, callbacks with saves are answered 503, and saves that are being
   * stored may finish (10 s, then `save.signal` is aborted). It does not wait for an `onSave` that ignores that:
   * end the process with `process.exit()` afterwards. Calling it again gives the same promise.
   * Inside `onSave` it begins all that and resolves at once: that run may finish, and its file is stored.
   */
  close(): Promise<void>
}
