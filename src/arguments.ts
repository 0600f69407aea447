/** Checks the arguments of calls: a wrong one is refused before anything is sent. */
import { checkDelay, checkWhole } from './check.js'
import { badOption } from './errors.js'
import { isKey, KEY_RULE } from './protocol/key.js'
import { MAX_REF } from './protocol/ref.js'
import { isId, MAX_USERDATA } from './protocol/userdata.js'

export function checkKey(key: unknown, name = 'key'): asserts key is string {
  if (!isKey(key)) throw badOption(name, key, `a document key has ${KEY_RULE}`)
}

export function checkUserdata(userdata: unknown): void {
  if (userdata === undefined) return
  if (typeof userdata !== 'string' || hasLoneSurrogate(userdata)) {
    throw badOption('userdata', userdata, 'allowed is a text; use JSON.stringify for anything else')
  }
  // Longer ones make the callback's header too long (`docs-server.md`, "Callbacks").
  const bytes = Buffer.byteLength(userdata)
  if (bytes > MAX_USERDATA) {
    throw badOption('userdata', userdata, `${bytes} bytes; allowed are ${MAX_USERDATA}`)
  }
}

export function checkRef(ref: unknown): asserts ref is string {
  if (typeof ref !== 'string' || ref === '' || ref.length > MAX_REF || hasLoneSurrogate(ref)) {
    throw badOption('ref', ref, `allowed is a text of 1 to ${MAX_REF} characters`)
  }
}

/** As text: a number and its text are the same version. */
export function versionOf(version: unknown): string | undefined {
  if (version === undefined) return undefined
  if (typeof version === 'number' && Number.isFinite(version)) return String(version)
  if (typeof version === 'string' && version !== '' && version.length <= MAX_REF) return version
  throw badOption(
    'version',
    version,
    `allowed is a number, or a text of 1 to ${MAX_REF} characters`,
  )
}

export function checkMeta(meta: unknown): asserts meta is { title: string } {
  if (typeof meta !== 'object' || meta === null) {
    throw badOption('meta', meta, "give { title: 'the new title' }")
  }
  const { title } = meta as { title?: unknown }
  if (typeof title !== 'string' || title === '') throw badOption('title', title, 'give a text')
}

/** The options that every call takes. */
export function checkCall(options: unknown): void {
  if (typeof options !== 'object' || options === null) {
    throw badOption('options', options, 'give an object')
  }
  const { timeout, userdata, signal } = options as Record<string, unknown>
  if (timeout !== undefined) checkDelay('timeout', timeout, 1, true)
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw badOption('signal', signal, 'give an AbortSignal')
  }
  checkUserdata(userdata)
}

export function checkFunction(name: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'function') {
    throw badOption(name, value, 'give a function')
  }
}

/** The limits of downloads, for one call. */
export function checkLimits({
  maxDownload,
  downloadTimeout,
}: {
  maxDownload?: unknown
  downloadTimeout?: unknown
}): void {
  if (maxDownload !== undefined) {
    checkWhole('maxDownload', maxDownload, 1, Number.MAX_SAFE_INTEGER, 'bytes')
  }
  if (downloadTimeout !== undefined) checkDelay('downloadTimeout', downloadTimeout, 1)
}

export function checkUsers(users: unknown): void {
  const texts = Array.isArray(users) && users.every((user) => typeof user === 'string')
  if (users !== undefined && !texts) throw badOption('users', users, 'give an array of user ids')
}

/** The reverse of `handleOf`. */
export function parseHandle(handle: unknown): { key: string; id: string } {
  const [id = '', ...rest] = typeof handle === 'string' ? handle.split('.') : []
  const key = rest.join('.')
  if (isId(id) && isKey(key)) return { key, id }
  throw badOption('id', handle, 'give the id that startForcesave() resolved with')
}

/** A lone surrogate becomes U+FFFD on the wire and would not come back as it was sent. */
const hasLoneSurrogate = (text: string): boolean => /\p{Surrogate}/u.test(text)
