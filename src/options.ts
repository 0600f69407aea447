/** The options of `createDocs`, with their defaults; the one place that checks them. */
import { checkDelay, checkWhole, isRecord, withoutUndefined } from './check.js'
import { baseUrl, checkNodes, checkOrigins, checkPath } from './check-address.js'
import { DEFAULT_PREFIX, isPrefix, PREFIX_RULE } from './check-prefix.js'
import { checkFunctions } from './check-functions.js'
import { checkSecrets } from './check-secret.js'
import { tokenOf } from './check-token.js'
import { badOption, DocsError } from './errors.js'
import { silentLogger, type Logger } from './events.js'
import type { RedisOption } from './backends/backend.js'
import { checkRedis } from './backends/redis-option.js'
import type { KeysOption } from './keys/app-store.js'
import type { FailedConversion } from './receiver/receive.js'
import type { RefOf } from './recovery/recover.js'
import { safeLogger } from './safe-logger.js'
import type { OnSave } from './saves/runner.js'
import type { CommandMethod } from './protocol/command.js'
import type { TokenOptions } from './protocol/token.js'

/** Options of {@link createDocs}. Times are milliseconds unless said otherwise. */
export interface DocsOptions<Result = unknown> {
  /** Where this process reaches the Docs server; may have a path prefix. */
  server: string
  /**
   * Where `server` is a balancer in front of several Docs servers, each with a storage of its own: the address
   * of each, for what lies on one of them only. `docs.forgotten` and `recoverEvery` ask all of them. Every
   * other command goes to `server`, which routes it by `?shardkey=`. Default none.
   * @example nodes: ['http://docs-0.internal', 'http://docs-1.internal']
   */
  nodes?: readonly string[]
  /**
   * The Docs server's secret, 32 bytes at least. `[current, previous]` while it is being changed:
   * the first signs, both are taken. `null` turns tokens off: anyone who reaches the callback route can
   * then store what they like.
   */
  secret: string | readonly string[] | null | undefined
  /**
   * Stores one save; runs once per save and one at a time per key. What it returns (any JSON, at most
   * 65,536 characters of it) comes back as `stored`, typed as {@link AsJson} says. Throw {@link RejectSave} when it can never succeed.
   */
  onSave: OnSave<Result>
  /** Where the Docs server reaches this application. Needed for `callbackUrl()`. */
  publicUrl?: string
  /**
   * Namespace in userdata, in signed refs and in Redis: two applications never meet. Default `'docs'`. With `redis` the
   * saves are jobs of the BullMQ queue `saves` under this prefix in braces, `{docs}`: for a dashboard.
   */
  prefix?: string
  /** The callback route. Default `'/docs/callback'`. */
  path?: string
  /** How tokens are made and checked; `expiresIn` (300) and `clockTolerance` (60) in seconds. */
  token?: Partial<TokenOptions>
  /** Whether others may save too: the save button, a timer, a form, another application. Default true. */
  otherSaves?: boolean
  /**
   * Whether `onSave` also gets saves that are contained in a stored file (`save.order` is then `'older'`), for an
   * application that keeps every version. Default false: they are acknowledged and not handed over.
   */
  olderSaves?: boolean
  /** How long a save of somebody else is waited for when there was nothing new to save. Default 1,000. */
  grace?: number
  /**
   * How long an accepted forcesave goes without a callback before the Docs server is asked about it: by an
   * `info`, and while somebody edits by one more forcesave. Default 10,000.
   */
  nudgeAfter?: number
  /** Further attempts of `onSave` for one save, after 0.25 s, 1 s, 4 s and so on. Default 2. */
  retries?: number
  /**
   * How many saves of different keys this process stores at once. Default `{ concurrency: 16 }`.
   * `false`, with `redis` only: it runs no `onSave`; another process with the same `redis` and `prefix` has to.
   */
  worker?: { /** 1 to 10,000. */ concurrency: number } | false
  /**
   * A URL, ioredis options or an ioredis connection (a `Cluster`, too): several processes then act as one. A connection
   * of the application's own is duplicated and never closed. Left out: everything lives in this process.
   */
  redis?: RedisOption
  /** How long a callback waits for its save before it is answered 503. Default 50,000. */
  replyTimeout?: number
  /** A forcesave's deadline; Infinity for none. Default 60,000. */
  timeout?: number
  /** The deadline of one command's request, and of the other calls. Default 15,000. */
  commandTimeout?: number
  /**
   * `'GET'` for a Docs server before 4.2, which takes commands in the query string only: each key, userdata
   * and token then stands in the access logs on the way. Default `'POST'`.
   */
  commandMethod?: CommandMethod
  /** The longest callback body, bytes. Default 10 MB. */
  maxBody?: number
  /** The longest download, bytes. Default 1 GB. */
  maxDownload?: number
  /** The longest time a download may take; 30 s of silence end it too. Default 120,000. */
  downloadTimeout?: number
  /**
   * Whether the first bytes of a file have to fit its `filetype`, so that the log-in or maintenance page of a proxy
   * is never stored as a document: the Docs server is answered 503 and sends the save again. `false` where
   * what links answer is not the plain file, since it is encrypted on the way, say. Default true.
   */
  checkContent?: boolean
  /**
   * Origins that links are fetched from as they are: for a Docs server with its cache in S3, Azure or a CDN.
   * `https://docs-cache.example.com`, or by pattern `https://*.docs-cache.example.com`, where `*` is one label and only
   * public addresses are connected to. Of all other links the path, from `/cache/files/` on, is asked of
   * `server`, whatever host they name. Default none.
   */
  downloadOrigins?: readonly string[]
  /**
   * How long verdicts, saves and the `ref` of a closed document are remembered; 900,000 at least.
   * Default 3,600,000, an hour.
   */
  retention?: number
  /**
   * Gives the `ref` of the file that a document key stands for, for forgotten files whose `ref` no callback
   * has given, or not within the retention time: after a restart without `redis`, for example. It is called by
   * `docs.forgotten.recover()` and by `recoverEvery`, not by `forcesave()`. Answer `undefined` for a key that is
   * not yours or is no longer its file's: storing what it names could destroy newer edits.
   * @example refOf: async (key) => (await files.findByKey(key))?.id
   */
  refOf?: RefOf
  /**
   * Where `open()` keeps the current key of each file: in the application's own database. Default: in Redis with
   * `redis`, else in this process, which forgets them when it restarts.
   * @example
   * keys: {
   *   get: async (ref) => (await files.find(ref))?.keyText,
   *   // UPDATE files SET key_text = $2 WHERE id = $1 AND key_text IS NOT DISTINCT FROM $3
   *   set: async (ref, text, before) => (await files.updateKeyText(ref, text, before)) === 1,
   * }
   */
  keys?: KeysOption
  /**
   * How often forgotten files are recovered, as by `docs.forgotten.recover()`; 60,000 at least. The first
   * sweep begins at the start, and the event `recovery` follows each. With `redis` it is one per
   * interval for all processes: give it to each of them. Default: never.
   */
  recoverEvery?: number
  /** Takes a secret of less than 32 bytes. Default false. */
  allowWeakSecret?: boolean
  /**
   * Decides about a document that could not be converted. `'keep'` (the default): the Docs server keeps
   * the edits. `'discard'`: it throws them away (`docs/docs-server.md`, "What our reply does").
   */
  onConversionFailed?: (
    failure: FailedConversion,
  ) => 'keep' | 'discard' | Promise<'keep' | 'discard'>
  /** Anything with pino's methods. Default silent. */
  logger?: Logger
}

/** The options, checked, with every default filled in. */
export type ResolvedOptions = Required<
  Omit<
    DocsOptions,
    | 'onSave'
    | 'server'
    | 'nodes'
    | 'secret'
    | 'publicUrl'
    | 'token'
    | 'allowWeakSecret'
    | 'redis'
    | 'refOf'
    | 'keys'
    | 'recoverEvery'
  >
> & {
  /** Undefined in a process that runs none. */
  onSave: OnSave | undefined
  redis: RedisOption | undefined
  refOf: RefOf | undefined
  keys: KeysOption | undefined
  recoverEvery: number | undefined
  server: URL
  nodes: readonly URL[]
  secrets: readonly string[] | null
  publicUrl: string | undefined
  token: TokenOptions
}

const DEFAULTS = {
  prefix: DEFAULT_PREFIX,
  path: '/docs/callback',
  otherSaves: true,
  olderSaves: false,
  grace: 1_000,
  nudgeAfter: 10_000,
  retries: 2,
  worker: { concurrency: 16 },
  replyTimeout: 50_000,
  timeout: 60_000,
  commandTimeout: 15_000,
  commandMethod: 'POST',
  maxBody: 10 * 1024 * 1024,
  maxDownload: 1024 ** 3,
  downloadTimeout: 120_000,
  checkContent: true,
  downloadOrigins: [],
  retention: 3_600_000,
  onConversionFailed: (): 'keep' => 'keep',
  logger: silentLogger,
} satisfies Partial<DocsOptions>

const KNOWN = new Set([
  ...['server', 'nodes', 'secret', 'onSave', 'publicUrl', 'token', 'allowWeakSecret', 'redis'],
  ...['refOf', 'keys', 'recoverEvery'],
  ...Object.keys(DEFAULTS),
])

/** Those without an `onSave` are `ClientOptions`. */
type GivenOptions = Omit<DocsOptions, 'onSave'> & { onSave?: OnSave | undefined }

/** Checks what `createDocs` was given and fills in the defaults. @throws DocsError `BAD_OPTION` */
export function resolveOptions(given: GivenOptions): ResolvedOptions {
  if (!isRecord(given)) throw badOption('options', given, 'give an object')
  for (const name of Object.keys(given)) {
    if (!KNOWN.has(name)) {
      throw new DocsError(
        'BAD_OPTION',
        `${name}: there is no such option; docs/reference.md has them all`,
      )
    }
  }
  const set = withoutUndefined(given)
  const { secret, allowWeakSecret, token, server, nodes, publicUrl, redis, ...rest } = {
    ...DEFAULTS,
    ...set,
  } as typeof DEFAULTS & GivenOptions
  const options = {
    ...rest,
    onSave: rest.onSave,
    redis: checkRedis(redis, rest.worker),
    refOf: rest.refOf,
    keys: rest.keys,
    recoverEvery: rest.recoverEvery,
    server: new URL(baseUrl('server', server)),
    nodes: checkNodes(nodes),
    secrets: checkSecrets(secret, allowWeakSecret),
    publicUrl: publicUrl === undefined ? undefined : baseUrl('publicUrl', publicUrl),
    token: tokenOf(token),
  }
  checkFunctions(options)
  checkTexts(options)
  checkNumbers(options)
  return { ...options, logger: safeLogger(options.logger) }
}

function checkNumbers(options: ResolvedOptions): void {
  checkDelay('grace', options.grace)
  checkDelay('nudgeAfter', options.nudgeAfter, 1)
  checkDelay('replyTimeout', options.replyTimeout, 1)
  checkDelay('timeout', options.timeout, 1, true)
  checkDelay('commandTimeout', options.commandTimeout, 1)
  checkDelay('downloadTimeout', options.downloadTimeout, 1)
  // A link lives 15 minutes: what may still come by one is not to be forgotten.
  checkDelay('retention', options.retention, 900_000)
  // Forgotten files are rare, and each sweep asks for the whole list.
  if (options.recoverEvery !== undefined) checkDelay('recoverEvery', options.recoverEvery, 60_000)
  checkWhole('retries', options.retries, 0, 10, 'further attempts')
  checkWhole('maxBody', options.maxBody, 1024, 2 ** 31, 'bytes')
  checkWhole('maxDownload', options.maxDownload, 1, Number.MAX_SAFE_INTEGER, 'bytes')
}

function checkTexts(options: ResolvedOptions): void {
  const { prefix, path, downloadOrigins, otherSaves, olderSaves, checkContent, commandMethod } =
    options
  if (!isPrefix(prefix)) throw badOption('prefix', prefix, PREFIX_RULE)
  checkPath('path', path)
  if (typeof otherSaves !== 'boolean') throw badOption('otherSaves', otherSaves, 'true or false')
  if (typeof olderSaves !== 'boolean') throw badOption('olderSaves', olderSaves, 'true or false')
  if (typeof checkContent !== 'boolean') {
    throw badOption('checkContent', checkContent, 'true or false')
  }
  if (!['POST', 'GET'].includes(commandMethod)) {
    throw badOption('commandMethod', commandMethod, "allowed are 'POST' and 'GET'")
  }
  checkOrigins(downloadOrigins)
}
