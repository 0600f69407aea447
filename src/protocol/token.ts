/**
 * Tokens: sign and verify. Pure, with the clock as an argument, and the only user of jsonwebtoken.
 * Facts: `docs-server.md`, "Commands" and "Callbacks".
 */
import { createSecretKey, type KeyObject } from 'node:crypto'
import jwt from 'jsonwebtoken'
import { badOption } from '../errors.js'

/** What the Docs server signs with and takes (`docs-server.md`, "Commands"). */
export type Algorithm = 'HS256' | 'HS384' | 'HS512'

/** The option `token` with every field set; `options.ts` has the defaults and the checks. */
export interface TokenOptions {
  /** The header that carries a token. */
  header: string
  /** What stands before the token in that header, in upper or lower case. */
  prefix: string
  /** The algorithms taken; the first one signs. */
  algorithms: Algorithm[]
  /** Where the token of a command goes. */
  in: 'body' | 'header'
  /** How long a token of ours is valid, in seconds. */
  expiresIn: number
  /** How far the two clocks may differ, in seconds. */
  clockTolerance: number
}

/** The secrets, prepared once: {@link createKeys}. */
export interface Keys {
  readonly signing: KeyObject
  readonly verifying: readonly KeyObject[]
}

export type Claims = Record<string, unknown>

/** Why a token was refused; `detail` is for a log and holds nothing of the token. */
export interface Refusal {
  ok: false
  reason:
    | 'missing'
    | 'malformed'
    | 'algorithm'
    | 'signature'
    | 'expired'
    | 'no-expiry'
    | 'issued-in-future'
    | 'critical-header'
    | 'claims'
    | 'contradiction'
  detail?: string
}

export type TokenVerdict = { ok: true; claims: Claims } | Refusal

/** `body`: the callback as it was signed, which is what counts. `from`: the token it was taken from. */
export type CallbackVerdict = { ok: true; body: Claims; from: 'body' | 'header' } | Refusal

type VerifyOptions = Pick<TokenOptions, 'algorithms' | 'clockTolerance'>

/** The token of the largest callback body there is by default (10 MB) fits. */
const MAX_LENGTH = 12 * 1024 * 1024
/** In seconds. A callback's link is dead by then (`docs-server.md`, "Callbacks"): one that is older was captured. */
const MAX_AGE = 15 * 60
const THREE_PARTS = /^[\w-]+\.[\w-]+\.[\w-]+$/

/** They name a key of the sender's choice or change how the signature is made; the Docs server sends none. */
const REFUSED_HEADERS = ['crit', 'b64', 'jku', 'jwk', 'x5u', 'x5c']
/** A key id that is no path and no query; it is not used. */
const PLAIN_KEY_ID = /^[\w-]{1,128}$/

/** Fields of the claims of an editor config, of a command of ours and of a header token: no callback has them. */
const FOREIGN_FIELDS = ['c', 'document', 'editorConfig', 'payload']

/**
 * Prepares the secrets: the first one signs, all of them verify (rotation). Done once, since turning
 * a secret into a key for each callback costs more than verifying it.
 *
 * @throws DocsError `BAD_OPTION` when there is no secret or one is empty: with an empty key everybody can sign.
 * @example const keys = createKeys(['current secret', 'previous secret'])
 */
export function createKeys(secrets: readonly string[]): Keys {
  if (secrets.includes('')) throw badOption('secret', '', 'give the secret of the Docs server')
  const verifying = secrets.map((secret) => createSecretKey(secret, 'utf8'))
  const signing = verifying[0]
  if (signing === undefined) throw badOption('secret', [], 'give at least one secret')
  return { signing, verifying }
}

/**
 * Signs `claims`, with `iat` and `exp` added. `now` is in milliseconds since the epoch.
 *
 * @example signToken({ c: 'version' }, keys, options.token, clock.now())
 */
export function signToken(
  claims: Readonly<Claims>,
  keys: Keys,
  options: Pick<TokenOptions, 'algorithms' | 'expiresIn'>,
  now: number,
): string {
  const iat = Math.floor(now / 1000)
  const alg = options.algorithms[0] ?? 'HS256'
  // As text, because jsonwebtoken replaces an `iat` of 0 in an object by the time of its own clock.
  const payload = JSON.stringify({ ...claims, iat, exp: iat + options.expiresIn })
  return jwt.sign(payload, keys.signing, { algorithm: alg, header: { alg, typ: 'JWT' } })
}

/**
 * Verifies a token: form, header, signature, claims, times, in this order. Never throws.
 * `now` is in milliseconds since the epoch.
 *
 * @example const verdict = verifyToken(token, keys, options.token, clock.now())
 */
export function verifyToken(
  token: unknown,
  keys: Keys,
  options: VerifyOptions,
  now: number,
): TokenVerdict {
  if (token === undefined) return refuse('missing')
  if (typeof token !== 'string') return refuse('malformed', 'not a text')
  if (token.length > MAX_LENGTH) return refuse('malformed', `longer than ${MAX_LENGTH} characters`)
  if (!THREE_PARTS.test(token)) return refuse('malformed', 'not three parts of base64url')
  const refused = refusedHeader(token, options.algorithms)
  if (refused !== undefined) return refused
  const verdict = verifySignature(token, keys, options.algorithms)
  if (!verdict.ok) return verdict
  return refusedTimes(verdict.claims, now / 1000, options.clockTolerance) ?? verdict
}

/**
 * Verifies a callback by the token in its body, else by the one in its header. Never throws.
 *
 * The claims are the callback and the plain body beside them counts for nothing: it is not signed, and
 * in a long callback it lacks fields (`docs-server.md`, "Callbacks"). A token in the body that is
 * refused stays refused, whatever the header's says.
 *
 * @param body the request's body, parsed; anything at all
 * @param authorization the value of the header `options.header`
 * @param now milliseconds since the epoch
 * @example const verdict = verifyCallback(body, headers.authorization, keys, options.token, clock.now())
 */
export function verifyCallback(
  body: unknown,
  authorization: unknown,
  keys: Keys,
  options: VerifyOptions & Pick<TokenOptions, 'prefix'>,
  now: number,
): CallbackVerdict {
  const inHeader = headerToken(authorization, options.prefix)
  const inBody = isPlainObject(body) ? own(body, 'token') : undefined
  const from = inBody === undefined ? 'header' : 'body'
  const verdict = verifyToken(from === 'body' ? inBody : inHeader, keys, options, now)
  if (!verdict.ok) return verdict
  // `iat` and `exp` are the token's own; in a header token they stand beside the payload.
  const { iat: _iat, exp: _exp, ...claims } = verdict.claims
  const callback = from === 'body' ? claims : own(claims, 'payload')
  if (!isPlainObject(callback)) return refuse('claims', 'payload is not a JSON object')
  const foreign = FOREIGN_FIELDS.find((name) => Object.hasOwn(callback, name))
  if (foreign !== undefined) return refuse('claims', `not a callback: it has the field ${foreign}`)
  if (from === 'body' && inHeader !== undefined && !agrees(inHeader, callback)) {
    return refuse('contradiction', 'the tokens of body and header differ in key, status or url')
  }
  return { ok: true, body: callback, from }
}

/** The scheme of an Authorization header has no case (RFC 9110, 11.1). */
function headerToken(authorization: unknown, prefix: string): string | undefined {
  if (typeof authorization !== 'string') return undefined
  const before = authorization.slice(0, prefix.length)
  if (before.toLowerCase() !== prefix.toLowerCase()) return undefined
  return authorization.slice(prefix.length)
}

/**
 * Whether a header token, which is not verified because nothing is taken from it, tells of the same
 * callback. Only these three: `history` and `changesurl` are left out of a long one, and the query of
 * `url` is made anew each time it is signed (`docs-server.md`, "Callbacks").
 */
function agrees(token: string, callback: Claims): boolean {
  const claims = token.length <= MAX_LENGTH ? decodePart(token, 1) : undefined
  const payload = isPlainObject(claims) ? own(claims, 'payload') : undefined
  if (!isPlainObject(payload)) return false
  return (
    own(payload, 'key') === own(callback, 'key') &&
    own(payload, 'status') === own(callback, 'status') &&
    isSamePlace(own(payload, 'url'), own(callback, 'url'))
  )
}

/** Mostly it is the same text, which need not be taken apart. */
const isSamePlace = (url: unknown, other: unknown): boolean =>
  url === other || place(url) === place(other)

function place(url: unknown): unknown {
  if (typeof url !== 'string' || !URL.canParse(url)) return url
  const { host, pathname } = new URL(url)
  return host + pathname
}

function refusedHeader(token: string, algorithms: readonly Algorithm[]): Refusal | undefined {
  const header = decodePart(token, 0)
  if (!isPlainObject(header)) return refuse('malformed', 'the header is not a JSON object')
  const alg = own(header, 'alg')
  if (!algorithms.some((allowed) => allowed === alg)) {
    return refuse('algorithm', `allowed: ${algorithms.join(', ')}`)
  }
  const refused = REFUSED_HEADERS.find((name) => Object.hasOwn(header, name))
  if (refused !== undefined) return refuse('critical-header', refused)
  const keyId = own(header, 'kid')
  if (keyId !== undefined && !(typeof keyId === 'string' && PLAIN_KEY_ID.test(keyId))) {
    return refuse('critical-header', 'kid')
  }
  return undefined
}

function verifySignature(token: string, keys: Keys, algorithms: Algorithm[]): TokenVerdict {
  for (const key of keys.verifying) {
    try {
      // The times are judged by `refusedTimes`: to jsonwebtoken a token without `exp` never expires,
      // and a tolerance given as text is written behind `exp` instead of added to it.
      const claims: unknown = jwt.verify(token, key, {
        algorithms,
        ignoreExpiration: true,
        ignoreNotBefore: true,
      })
      return isPlainObject(claims) ? { ok: true, claims } : refuse('claims', 'not a JSON object')
    } catch (error) {
      // Form and header are in order, so what jsonwebtoken itself still refuses is the signature.
      if (error instanceof jwt.JsonWebTokenError) continue
      // The rest are accidents inside it: claims that are not JSON, and `null`, of which it reads fields.
      return error instanceof SyntaxError ? refuse('malformed', 'not JSON') : refuse('claims')
    }
  }
  return refuse('signature')
}

function refusedTimes(claims: Claims, seconds: number, tolerance: number): Refusal | undefined {
  const exp = own(claims, 'exp')
  if (!isFiniteNumber(exp)) return refuse('no-expiry')
  // Written so that a tolerance that is not a number refuses instead of letting everything pass.
  if (!(seconds - exp <= tolerance)) return refuse('expired', `${Math.round(seconds - exp)} s ago`)
  for (const name of ['iat', 'nbf']) {
    const time = own(claims, name)
    if (time === undefined) continue
    if (!isFiniteNumber(time)) return refuse('claims', `${name} is not a finite number`)
    if (!(time - seconds <= tolerance)) {
      return refuse('issued-in-future', `by ${Math.round(time - seconds)} s`)
    }
    if (name === 'iat' && seconds - time > MAX_AGE + tolerance)
      return refuse('expired', `issued ${Math.round(seconds - time)} s ago`)
  }
  return undefined
}

/** A part of a token as JSON, not verified; `undefined` where it is none. */
function decodePart(token: string, index: 0 | 1): unknown {
  try {
    const text = Buffer.from(token.split('.', 2)[index] ?? '', 'base64url').toString('utf8')
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

function isPlainObject(value: unknown): value is Claims {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A field of the object itself, never one of its prototype. */
function own(object: object, name: string): unknown {
  return Object.hasOwn(object, name) ? (object as Claims)[name] : undefined
}

function isFiniteNumber(value: unknown): value is number {
  return Number.isFinite(value)
}

function refuse(reason: Refusal['reason'], detail?: string): Refusal {
  return detail === undefined ? { ok: false, reason } : { ok: false, reason, detail }
}
