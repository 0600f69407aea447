/**
 * Every error that this package rejects or throws with. They cross processes as plain data with a
 * code and become errors again on the other side.
 */
import { attempt } from './harmless.js'
import { commandErrorName } from './protocol/command.js'

/**
 * What went wrong, sorted by what the caller can do about it:
 * - `TIMEOUT`: no verdict by the deadline. The save may still come and will then be stored.
 * - `COMMAND_REJECTED`: the Docs server answered with an `error` of 1 to 7, or an unknown one. A forcesave that is
 *   answered 1, 3 or 4 does not end like this.
 * - `UNREACHABLE`: the Docs server could not be asked, or it is not known whether it got the command; or
 *   Redis could not be asked, or has lost what it knew.
 * - `CONVERSION_FAILED`: the Docs server could not convert the document (callback status 3 or 7, or answer 3).
 * - `STORAGE_FAILED`: `onSave` failed; `cause` is what it threw. Or the `ref` of a forgotten file is not known,
 *   or a save came for another `ref`.
 * - `EDITS_HELD`: nobody edits the document, and the Docs server holds edits that it is not saving, after a
 *   restart for example. Open the document and close it again, and it saves them.
 * - `SESSION_OPEN`: the content of a file was replaced, and somebody edits it, or the Docs server holds edits of it.
 * - `NOT_OPENED`: a call was about `{ ref }`, and no key of this file is known: `open()` was not called for it, or what
 *   the ledger knew of it is lost.
 * - `CLOSED`: `docs.close()` was called.
 * - `BAD_OPTION`: an option or argument is wrong. The message names it, what was given, what is allowed.
 * - `BAD_RESPONSE`: what came did not come from a Docs server, or a link or file cannot be used.
 * - `BAD_RECORD`: what Redis holds about this document is broken, or a newer version of this package has
 *   written it. It is left as it is.
 */
export type DocsErrorCode =
  | 'TIMEOUT'
  | 'COMMAND_REJECTED'
  | 'UNREACHABLE'
  | 'CONVERSION_FAILED'
  | 'STORAGE_FAILED'
  | 'EDITS_HELD'
  | 'SESSION_OPEN'
  | 'NOT_OPENED'
  | 'CLOSED'
  | 'BAD_OPTION'
  | 'BAD_RESPONSE'
  | 'BAD_RECORD'

/** What a {@link DocsError} is made of, beside its code and message. */
export interface DocsErrorDetails {
  /** The document key it is about, where there is one. */
  key?: string | undefined
  /** The application's name for the file, where the call is about one. */
  ref?: string | undefined
  /** Whether the same call can succeed when it is made again later. Default: what its code mostly means. */
  retryable?: boolean | undefined
  /** The Docs server's `error` number, with `COMMAND_REJECTED`. */
  error?: number | undefined
  /** What it comes from: what `onSave` has thrown, with `STORAGE_FAILED`. */
  cause?: unknown
}

const RETRYABLE: ReadonlySet<DocsErrorCode> = new Set([
  'TIMEOUT',
  'UNREACHABLE',
  'CONVERSION_FAILED',
  'STORAGE_FAILED',
  'EDITS_HELD',
  'SESSION_OPEN',
  'BAD_RESPONSE',
])

// Symbol.for is shared by two copies of the package, where `instanceof` is not.
const brand = Symbol.for('koa-docs-callback.DocsError')

/**
 * The one error class of this package.
 *
 * @example
 * try {
 *   await docs.forcesave(key)
 * } catch (error) {
 *   if (isDocsError(error, 'TIMEOUT')) return serveTheLastVersion()
 *   throw error
 * }
 */
export class DocsError extends Error {
  /** Always `DocsError`: for logs. */
  override readonly name = 'DocsError'
  /** What went wrong. */
  readonly code: DocsErrorCode
  /** The document key it is about, where there is one. */
  readonly key: string | undefined
  /** The application's name for the file, where the call was about `{ ref }` or the key is one of `open()`. */
  readonly ref: string | undefined
  /** Whether the same call can succeed when it is made again later. */
  readonly retryable: boolean
  /** The Docs server's `error` number, with `COMMAND_REJECTED`. */
  readonly error: number | undefined

  constructor(code: DocsErrorCode, message: string, details: DocsErrorDetails = {}) {
    super(message, 'cause' in details ? { cause: details.cause } : undefined)
    this.code = code
    this.key = details.key
    this.ref = details.ref
    this.retryable = details.retryable ?? RETRYABLE.has(code)
    this.error = details.error
    Object.defineProperty(this, brand, { value: true })
  }
}

/**
 * Whether `error` is a {@link DocsError}, also one of another copy of this package; with `code`,
 * whether it is one with that code.
 *
 * @example if (isDocsError(error) && error.retryable) await again()
 */
export function isDocsError(error: unknown, code?: DocsErrorCode): error is DocsError {
  if (!hasBrand(error, brand)) return false
  return code === undefined || attempt(() => (error as DocsError).code === code, false)
}

/** Whatever `error` is: of a revoked proxy, even `in` throws. */
export const hasBrand = (error: unknown, name: symbol): boolean =>
  attempt(() => typeof error === 'object' && error !== null && name in error, false)

/** A {@link DocsError} as plain JSON data. */
export interface PlainError {
  code: DocsErrorCode
  message: string
  retryable: boolean
  key?: string
  ref?: string
  error?: number
  /** Name and message of the cause: a class does not survive the way to another process. */
  cause?: { name: string; message: string }
}

/** Never throws, and gives nothing but JSON, whatever the cause is and whoever has made the error. */
export function toPlainError(error: DocsError): PlainError {
  const { code, message, retryable, key, ref, error: number, cause } = fieldsOf(error)
  return {
    code: (typeof code === 'string' ? code : 'STORAGE_FAILED') as DocsErrorCode,
    message: textOf(message, UNREADABLE),
    retryable: retryable === true,
    ...(typeof key === 'string' ? { key } : {}),
    ...(typeof ref === 'string' ? { ref } : {}),
    ...(typeof number === 'number' ? { error: number } : {}),
    ...(cause === undefined ? {} : { cause: plainCause(cause) }),
  }
}

const FIELDS = ['code', 'message', 'retryable', 'key', 'ref', 'error', 'cause'] as const

const fieldsOf = (error: object): Partial<Record<(typeof FIELDS)[number], unknown>> =>
  Object.fromEntries(
    FIELDS.map((name) => [name, attempt<unknown>(() => Reflect.get(error, name), undefined)]),
  )

export function fromPlainError(plain: PlainError): DocsError {
  let cause: Error | undefined
  if (plain.cause !== undefined) {
    cause = new Error(plain.cause.message)
    cause.name = plain.cause.name
  }
  return new DocsError(plain.code, plain.message, {
    key: plain.key,
    ref: plain.ref,
    retryable: plain.retryable,
    error: plain.error,
    ...(cause === undefined ? {} : { cause }),
  })
}

/** Name and message of anything that can be thrown. Never throws. */
export function plainCause(cause: unknown): { name: string; message: string } {
  if (typeof cause === 'string') return { name: 'string', message: textOf(cause, '') }
  if (!isError(cause)) return { name: typeof cause, message: '' }
  return {
    name: textOf(
      attempt<unknown>(() => cause.name, undefined),
      'Error',
    ),
    message: textOf(
      attempt<unknown>(() => cause.message, undefined),
      UNREADABLE,
    ),
  }
}

/**
 * What was thrown, if it can be looked at without harm; else an error that stands for it. BullMQ, a logger and
 * a listener read such a value without a guard.
 */
export function readable(thrown: unknown): unknown {
  const isReadable = attempt(() => {
    if (!(thrown instanceof Error)) return true
    const { name, message, stack = '' } = thrown as Record<'name' | 'message' | 'stack', unknown>
    return [name, message, stack].every((text) => typeof text === 'string')
  }, false)
  return isReadable
    ? thrown
    : new Error(`${UNREADABLE} (${attempt(() => plainCause(thrown).name, '')})`)
}

const UNREADABLE = 'what was thrown cannot be read'
/** Of a message, in characters: it is kept in Redis, and sent to each process that waits. */
const LONGEST = 4_096

const isError = (value: unknown): value is Error => attempt(() => value instanceof Error, false)
const textOf = (value: unknown, otherwise: string): string =>
  typeof value === 'string' ? value.slice(0, LONGEST) : otherwise

/** The error for a command that the Docs server turned down. */
export function commandRejected(error: number, command: string, key?: string): DocsError {
  const hint =
    error === 6 || error === 7
      ? `: check that the secret is the Docs server's own and that both clocks agree`
      : ''
  return new DocsError(
    'COMMAND_REJECTED',
    `the Docs server answered ${command} with error ${error}, ${commandErrorName(error)}${hint}`,
    { key, error, retryable: error === 3 },
  )
}

/** The error for an option or argument: what was given, what is allowed, what to do. */
export function badOption(name: string, given: unknown, allowed: string): DocsError {
  return new DocsError('BAD_OPTION', `${name}: got ${describe(given)}; ${allowed}`)
}

/** The error for a call that is made where it cannot be answered. */
export const badCall = (message: string, key: string): DocsError =>
  new DocsError('BAD_OPTION', message, { key })

/** A value in a few words, and never the value of a long text, which may be a secret. */
export function describe(value: unknown): string {
  if (typeof value === 'string') {
    return value.length <= 40 ? JSON.stringify(value) : `a text of ${value.length} characters`
  }
  if (typeof value === 'number' || typeof value === 'bigint') return String(value)
  if (value === null || value === undefined || typeof value === 'boolean') return String(value)
  if (Array.isArray(value)) return `an array of ${value.length}`
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
