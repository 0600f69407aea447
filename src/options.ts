/** The options of `createDocs`, with their defaults; the one place that checks them. */
import { checkDelay, checkWhole } from './check.js'
import { badOption, DocsError } from './errors.js'
import { silentLogger, type Logger } from './events.js'
import type { FailedConversion } from './receiver/receive.js'
import type { OnSave } from './saves/runner.js'
import type { Algorithm, TokenOptions } from './protocol/token.js'

/** Options of {@link createDocs}. Times are milliseconds unless said otherwise. */
export interface DocsOptions {
  /** Where this process reaches the Docs server; may have a path prefix. */
  server: string
  /**
   * The Docs server's secret, at least 32 bytes. `[current, previous]` while it is being changed:
   * the first signs, both are taken. `null` turns tokens off: whoever reaches the callback route can
   * then store what they like.
   */
  secret: string | readonly string[] | null
  /**
   * Stores one save; runs once per save and one at a time per key. What it returns (any JSON, at most
   * 65,536 characters of it) comes back as `stored`. Throw {@link RejectSave} when it can never succeed.
   */
  onSave: OnSave
  /** Where the Docs server reaches this application. Needed for `callbackUrl()`. */
  publicUrl?: string
  /** Namespace in userdata: two applications on one Docs server never meet. Default `'docs'`. */
  prefix?: string
  /** The callback route. Default `'/docs/callback'`. */
  path?: string
  /** How tokens are made and checked; `expiresIn` (300) and `clockTolerance` (60) in seconds. */
  token?: Partial<TokenOptions>
  /** Whether others may save too: the save button, a timer, a form, another application. Default true. */
  otherSaves?: boolean
  /** How long a save that nobody told us about is waited for. Default 1,000. */
  grace?: number
  /** How long an accepted forcesave goes without a callback before it is helped. Default 10,000. */
  nudgeAfter?: number
  /** Further attempts of `onSave` for one save. Default 2. */
  retries?: number
  /** How many saves of different keys are stored at once. Default 16. */
  concurrency?: number
  /** How long a callback waits for its save before it is answered 503. Default 50,000. */
  replyTimeout?: number
  /** A forcesave's deadline; Infinity for none. Default 60,000. */
  timeout?: number
  /** The deadline of one command's request. Default 15,000. */
  commandTimeout?: number
  /** The longest callback body, bytes. Default 10 MB. */
  maxBody?: number
  /** The longest download, bytes. Default 1 GB. */
  maxDownload?: number
  /** The longest time a download may take. Default 120,000. */
  downloadTimeout?: number
  /** Further origins (`https://docs.example.com`) that the links of saves may have. Default none. */
  downloadOrigins?: readonly string[]
  /** How long verdicts and names are remembered. Default 3,600,000, an hour. */
  retention?: number
  /** Takes a secret of less than 32 bytes. Default false. */
  allowWeakSecret?: boolean
  /**
   * Decides about a document that could not be converted. `'keep'` (the default): the Docs server keeps
   * the edits. `'discard'`: it throws them away (`docs-server.md`, "What our reply does").
   */
  onConversionFailed?: (
    failure: FailedConversion,
  ) => 'keep' | 'discard' | Promise<'keep' | 'discard'>
  /** Anything with pino's methods. Default silent. */
  logger?: Logger
}

/** The options, checked, with every default filled in. */
export type ResolvedOptions = Required<
  Omit<DocsOptions, 'server' | 'secret' | 'publicUrl' | 'token' | 'allowWeakSecret'>
> & {
  server: URL
  secrets: readonly string[] | null
  publicUrl: string | undefined
  token: TokenOptions
}

const DEFAULTS = {
  prefix: 'docs',
  path: '/docs/callback',
  otherSaves: true,
  grace: 1_000,
  nudgeAfter: 10_000,
  retries: 2,
  concurrency: 16,
  replyTimeout: 50_000,
  timeout: 60_000,
  commandTimeout: 15_000,
  maxBody: 10 * 1024 * 1024,
  maxDownload: 1024 ** 3,
  downloadTimeout: 120_000,
  downloadOrigins: [],
  retention: 3_600_000,
  onConversionFailed: (): 'keep' => 'keep',
  logger: silentLogger,
} satisfies Partial<DocsOptions>

const TOKEN_DEFAULTS: TokenOptions = {
  header: 'Authorization',
  prefix: 'Bearer ',
  algorithms: ['HS256'],
  in: 'body',
  expiresIn: 300,
  clockTolerance: 60,
}

const KNOWN = new Set([
  ...['server', 'secret', 'onSave', 'publicUrl', 'token', 'allowWeakSecret'],
  ...Object.keys(DEFAULTS),
])

const MIN_SECRET = 32
const WELL_KNOWN = new Set(['secret', 'verysecretstring'])

/** Checks what `createDocs` was given and fills in the defaults. @throws DocsError `BAD_OPTION` */
export function resolveOptions(given: DocsOptions): ResolvedOptions {
  if (!isRecord(given)) throw badOption('options', given, 'give an object')
  for (const name of Object.keys(given)) {
    if (!KNOWN.has(name)) {
      throw new DocsError('BAD_OPTION', `${name}: there is no such option; see the README's table`)
    }
  }
  // An option that is undefined counts as left out.
  const set = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
  const { secret, allowWeakSecret, token, server, publicUrl, ...rest } = {
    ...DEFAULTS,
    ...set,
  } as typeof DEFAULTS & DocsOptions
  const options = {
    ...rest,
    server: serverUrl(server),
    secrets: secretsOf(secret, allowWeakSecret),
    publicUrl: publicUrl === undefined ? undefined : baseUrl('publicUrl', publicUrl),
    token: tokenOf(token),
  }
  checkFunctions(options)
  checkTexts(options)
  checkNumbers(options)
  return options
}

function checkNumbers(options: ResolvedOptions): void {
  checkDelay('grace', options.grace)
  checkDelay('nudgeAfter', options.nudgeAfter, 1)
  checkDelay('replyTimeout', options.replyTimeout, 1)
  checkDelay('timeout', options.timeout, 1, true)
  checkDelay('commandTimeout', options.commandTimeout, 1)
  checkDelay('downloadTimeout', options.downloadTimeout, 1)
  checkDelay('retention', options.retention, 1000)
  checkWhole('retries', options.retries, 0, 10, 'further attempts')
  checkWhole('concurrency', options.concurrency, 1, 10_000, 'saves at once')
  checkWhole('maxBody', options.maxBody, 1024, 2 ** 31, 'bytes')
  checkWhole('maxDownload', options.maxDownload, 1, Number.MAX_SAFE_INTEGER, 'bytes')
  checkWhole('token.expiresIn', options.token.expiresIn, 1, 86_400, 'seconds')
  checkWhole('token.clockTolerance', options.token.clockTolerance, 0, 3600, 'seconds')
}

function checkTexts(options: ResolvedOptions): void {
  const { prefix, path, downloadOrigins, otherSaves, token } = options
  if (typeof prefix !== 'string' || !/^[0-9A-Za-z_-]{1,32}$/.test(prefix)) {
    throw badOption('prefix', prefix, 'allowed are 1 to 32 characters of 0-9 A-Z a-z _ -')
  }
  if (typeof path !== 'string' || !/^(\/[\w.~-]+)+$/.test(path)) {
    throw badOption('path', path, 'give a path like /docs/callback, without a slash at its end')
  }
  if (typeof otherSaves !== 'boolean') throw badOption('otherSaves', otherSaves, 'true or false')
  if (!Array.isArray(downloadOrigins)) {
    throw badOption('downloadOrigins', downloadOrigins, 'give an array of origins')
  }
  for (const origin of downloadOrigins as readonly unknown[]) {
    if (!isOrigin(origin)) {
      throw badOption(
        'downloadOrigins',
        origin,
        'allowed is an origin like https://docs.example.com',
      )
    }
  }
  if (typeof token.header !== 'string' || !/^[\w-]+$/.test(token.header)) {
    throw badOption('token.header', token.header, 'give the name of a header')
  }
  if (typeof token.prefix !== 'string') throw badOption('token.prefix', token.prefix, 'give a text')
}

function checkFunctions({ onSave, onConversionFailed, logger }: ResolvedOptions): void {
  if (typeof onSave !== 'function') throw badOption('onSave', onSave, 'give a function')
  if (typeof onConversionFailed !== 'function') {
    throw badOption('onConversionFailed', onConversionFailed, 'give a function')
  }
  for (const method of ['debug', 'info', 'warn', 'error'] as const) {
    if (!isRecord(logger) || typeof logger[method] !== 'function') {
      throw badOption('logger', logger, `give something with pino's methods; ${method} is missing`)
    }
  }
}

function tokenOf(given: unknown): TokenOptions {
  if (given !== undefined && !isRecord(given)) throw badOption('token', given, 'give an object')
  const token = { ...TOKEN_DEFAULTS, ...given }
  for (const name of Object.keys(token)) {
    if (!Object.hasOwn(TOKEN_DEFAULTS, name)) {
      throw badOption(`token.${name}`, token[name as keyof TokenOptions], 'there is no such option')
    }
  }
  const allowed: readonly Algorithm[] = ['HS256', 'HS384', 'HS512']
  const { algorithms, in: place } = token as { algorithms: unknown; in: unknown }
  if (
    !Array.isArray(algorithms) ||
    algorithms.length === 0 ||
    algorithms.some((one) => !allowed.includes(one as Algorithm))
  ) {
    throw badOption('token.algorithms', algorithms, `allowed are ${allowed.join(', ')}`)
  }
  if (place !== 'body' && place !== 'header') {
    throw badOption('token.in', place, "allowed are 'body' and 'header'")
  }
  return token
}

/** A secret is never shown, not even a wrong one. */
function secretsOf(secret: unknown, allowWeak: unknown): readonly string[] | null {
  const refuse = (problem: string): DocsError => new DocsError('BAD_OPTION', `secret: ${problem}`)
  if (secret === null) return null
  if (secret === undefined) {
    throw refuse("missing; give the Docs server's secret, or null to turn tokens off on both sides")
  }
  const secrets: readonly unknown[] = Array.isArray(secret) ? secret : [secret]
  if (secrets.length === 0 || secrets.length > 2) {
    throw refuse('allowed are a text, [current, previous], or null')
  }
  return secrets.map((one) => {
    if (typeof one !== 'string')
      throw refuse('not a text; allowed are a text, [current, previous], or null')
    if (one === '') throw refuse('empty: everybody could sign')
    if (one !== one.trim()) throw refuse('has white space at its start or end; trim it')
    const weak = Buffer.byteLength(one) < MIN_SECRET || WELL_KNOWN.has(one)
    if (weak && allowWeak !== true) {
      throw refuse(
        `too weak: it needs ${MIN_SECRET} bytes at least; set a longer one on both sides, or allowWeakSecret: true for a test`,
      )
    }
    return one
  })
}

function serverUrl(given: unknown): URL {
  return new URL(baseUrl('server', given))
}

/** An http(s) address with no more than a path; without the slash at its end. */
function baseUrl(name: string, given: unknown): string {
  const hint = 'give an address like http://docs.internal or https://example.com/docs'
  if (typeof given !== 'string' || given !== given.trim() || !URL.canParse(given)) {
    throw badOption(name, typeof given === 'string' ? 'a text that is no address' : given, hint)
  }
  const url = new URL(given)
  const wrong =
    (url.protocol !== 'http:' && url.protocol !== 'https:') ||
    ['username', 'password', 'search', 'hash'].some((part) => url[part as 'hash'] !== '') ||
    /\s/.test(given)
  // Not shown: it may hold credentials.
  if (wrong)
    throw badOption(name, 'another kind of address', `${hint}, without credentials or query`)
  return url.href.replace(/\/+$/, '')
}

function isOrigin(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    /^https?:/.test(value) &&
    URL.canParse(value) &&
    new URL(value).origin === value.replace(/\/$/, '')
  )
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
