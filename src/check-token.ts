/** The option `token`, with its defaults. */
import { checkWhole, isRecord, withoutUndefined } from './check.js'
import { badOption } from './errors.js'
import type { Algorithm, TokenOptions } from './protocol/token.js'

export const TOKEN_DEFAULTS: TokenOptions = {
  header: 'Authorization',
  prefix: 'Bearer ',
  algorithms: ['HS256'],
  in: 'body',
  expiresIn: 300,
  clockTolerance: 60,
}

/** Checks the option and fills in the defaults. @throws DocsError `BAD_OPTION` */
export function tokenOf(given: unknown): TokenOptions {
  if (given !== undefined && !isRecord(given)) throw badOption('token', given, 'give an object')
  const token = { ...TOKEN_DEFAULTS, ...withoutUndefined(given ?? {}) }
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
  if (typeof token.header !== 'string' || !/^[\w-]+$/.test(token.header)) {
    throw badOption('token.header', token.header, 'give the name of a header')
  }
  if (typeof token.prefix !== 'string' || !/^[\x20-\x7e]*$/.test(token.prefix)) {
    throw badOption('token.prefix', token.prefix, 'give a text of printable ASCII characters')
  }
  checkWhole('token.expiresIn', token.expiresIn, 1, 86_400, 'seconds')
  checkWhole('token.clockTolerance', token.clockTolerance, 0, 3600, 'seconds')
  return token
}
