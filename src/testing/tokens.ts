/**
 * The Docs server's half of the tokens (docs-server.md "Commands", "Callbacks"). Written apart from
 * the package's own token code on purpose: a fault in one must not be hidden by the same in the other.
 */
import jwt from 'jsonwebtoken'
import type { Clock } from '../clock.js'
import type { CallbackBody } from './callbacks.js'

/** Seconds that a callback's tokens are good for, and how far clocks may be apart. */
const LIFETIME = 5 * 60
const SKEW = 60
/** Longest header token, in bytes, that still bears history and changesurl. */
const LONGEST_HEADER_TOKEN = 7168

const BEARER = 'Bearer '

/** A callback as it goes over the wire. */
export interface SignedCallback {
  body: CallbackBody
  authorization: string
}

/** Signs a callback twice over: in the body and in the header; `iat` in seconds since the epoch. */
export function signCallback(body: CallbackBody, secret: string, iat: number): SignedCallback {
  const sign = (claims: CallbackBody): string =>
    jwt.sign({ ...claims, iat, exp: iat + LIFETIME }, secret)
  const token = sign(body)
  const header = sign({ payload: body })
  if (header.length <= LONGEST_HEADER_TOKEN) {
    return { body: withToken(body, token), authorization: BEARER + header }
  }
  // Only the body's token still has them.
  const { changesurl: _dropped, ...trimmed } = body
  if ('history' in trimmed) trimmed.history = {}
  return {
    body: withToken(trimmed, token),
    authorization: BEARER + sign({ payload: trimmed }),
  }
}

/** `token` comes last but for `filetype` (all recordings), which came to the body later. */
function withToken(body: CallbackBody, token: string): CallbackBody {
  const { filetype, ...rest } = body
  return { ...rest, token, ...(filetype === undefined ? {} : { filetype }) }
}

/**
 * The verified body of a command, or config of an editor, or the `error` that refuses it: 6 bad token, 7 expired token. The
 * body's token is looked at first; what it claims replaces the body.
 */
export function verifySigned(
  body: unknown,
  authorization: string | undefined,
  secret: string,
  clock: Clock,
): { body: unknown } | { error: 6 | 7 } {
  const inBody =
    typeof body === 'object' && body !== null && 'token' in body ? body.token : undefined
  const inHeader = authorization?.startsWith(BEARER)
    ? authorization.slice(BEARER.length)
    : undefined
  const token = inBody ?? inHeader
  if (typeof token !== 'string') return { error: 6 }
  try {
    const claims = jwt.verify(token, secret, {
      algorithms: ['HS256', 'HS384', 'HS512'],
      clockTimestamp: Math.floor(clock.now() / 1000),
      clockTolerance: SKEW,
    })
    if (typeof claims === 'string') return { error: 6 }
    return { body: inBody === undefined ? (claims.payload as unknown) : claims }
  } catch (error) {
    return { error: error instanceof jwt.TokenExpiredError ? 7 : 6 }
  }
}
