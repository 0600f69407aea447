/**
 * Callbacks of the doctor's own. They are signed like those of a Docs server and mean nothing: whoever trusts
 * the token refuses one, answers the other with what every good callback gets, and records neither.
 */
import { TOKEN_DEFAULTS } from '../check-token.js'
import { createRefSigner } from '../protocol/ref.js'
import { createKeys, signToken } from '../protocol/token.js'
import type { Context, Probe } from './finding.js'
import { SIGNED_REF } from './words.js'

/** A ref and a key that no application uses. */
const NAME = 'koa-docs-callback.doctor'
/** In seconds: what may have been seen on its way is worth nothing soon. */
const EXPIRES_IN = 30

/** Without key and status it is no callback, whatever is added to the URL: answered 400. */
export const NO_CALLBACK = { probe: 'koa-docs-callback doctor' }
/** A callback whose status has no meaning: answered 200. */
export const NO_MEANING = { key: NAME, status: 8, users: [] }

/** `secrets`: the first signs; empty: tokens are off. */
export function createProbe(
  { settings, clock }: Context,
  given: URL,
  secrets: readonly string[],
): Probe {
  const off = secrets.length === 0
  const complete = off ? false : SIGNED_REF.test(given.pathname)
  const signer = createRefSigner(off ? null : secrets, settings.prefix)
  const url = complete ? given : new URL(`${given.href}/${signer.sign(NAME)}`)
  if (off) {
    const body: Probe['body'] = (claims, padding = '') => JSON.stringify({ ...claims, padding })
    return { url, complete, body, header: undefined }
  }
  const keys = createKeys(secrets)
  const options = { ...TOKEN_DEFAULTS, expiresIn: EXPIRES_IN }
  const token = (claims: object): string => signToken({ ...claims }, keys, options, clock.now())
  return {
    ...{ url, complete },
    body: (claims, padding = '') => JSON.stringify({ padding, token: token(claims) }),
    header: (payload) => ({ [options.header]: options.prefix + token({ payload }) }),
  }
}
