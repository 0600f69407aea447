/** Tokens signed by hand, and everything that can be wrong with one. */
import { createHmac } from 'node:crypto'
import type { Random } from '../schedules/random.js'
import { SECRET } from '../support/app.js'

export type Fields = Record<string, unknown>

const part = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

/** `claims` and `header` as text are signed as they are. */
export function forge(claims: unknown, header: unknown = {}, secret = SECRET, hash = 'sha256') {
  const head =
    typeof header === 'object' ? { alg: 'HS256', typ: 'JWT', ...(header as Fields) } : header
  const signed = `${part(head)}.${part(claims)}`
  return `${signed}.${createHmac(hash, secret).update(signed).digest('base64url')}`
}

const ALPHABET = Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_')

/** Another character at a random place of one of the three parts. */
function changed(random: Random, token: string, index: 0 | 1 | 2): string {
  const parts = token.split('.')
  const text = parts[index] ?? ''
  // The last one often: some of its bits carry nothing.
  const at = random.chance(0.3) ? text.length - 1 : random.whole(0, text.length - 1)
  const other = ALPHABET.filter((character) => character !== text[at])
  parts[index] = text.slice(0, at) + random.pick(other) + text.slice(at + 1)
  return parts.join('.')
}

interface Given {
  random: Random
  /** Of the token; a header token's callback is in `payload`. */
  claims: Fields
  /** Good for these claims. */
  good: string
  /** seconds */
  now: number
}

/** Each gives a token, or something in its place, that must not be taken. */
const BROKEN: Record<string, (given: Given) => unknown> = {
  'no text': ({ random, good }) =>
    random.pick([null, 0, 5, true, false, [], [good], {}, { token: good }, [[good]]]),
  'not a token': ({ random }) =>
    random.pick(['', ' ', '.', '..', '...', 'x', 'a.b', 'a.b.c', 'null', 'undefined', '[object]']),
  'another number of parts': ({ random, good }) => {
    const parts = good.split('.')
    const wrong = [parts.slice(0, 1), parts.slice(0, 2), [...parts, ''], ['', ...parts]]
    return random
      .pick([...wrong, [...parts, 'a'], [...parts, 'a', 'b'], [...parts, ...parts]])
      .join('.')
  },
  'an empty part': ({ random, good }) => {
    const parts = good.split('.')
    parts[random.whole(0, 2)] = ''
    return parts.join('.')
  },
  'another secret': ({ random, claims }) => {
    // Not one that is the secret with NULs behind it: to HMAC that is the same key.
    const others = ['', ' ', 'x', 'secret', 'verysecretstring', SECRET.slice(1), `${SECRET} `]
    const more = [SECRET.toUpperCase(), SECRET.slice(0, -1), SECRET + SECRET, part(SECRET)]
    return forge(claims, {}, random.pick([...others, ...more]))
  },
  'another algorithm': ({ random, claims }) => {
    const [alg, hash] = random.pick<[unknown, string]>([
      ...['none', 'None', 'nOnE', 'hs256', 'HS256 ', 'RS256', 'ES256', 'PS256', 'HS1', ''].map(
        (name): [string, string] => [name, 'sha256'],
      ),
      ['HS384', 'sha384'],
      ['HS512', 'sha512'],
      [['HS256'], 'sha256'],
      [{ HS256: 1 }, 'sha256'],
      [null, 'sha256'],
      [256, 'sha256'],
      [undefined, 'sha256'],
    ])
    return forge(claims, { alg }, SECRET, hash)
  },
  'alg none without a signature': ({ random, claims }) => {
    const alg = random.pick(['none', 'None', 'NONE', 'HS256'])
    return `${part({ alg })}.${part(claims)}.`
  },
  'a header that names a key or changes the signature': ({ random, claims }) =>
    forge(
      claims,
      random.pick<Fields>([
        { crit: ['exp'] },
        { crit: [] },
        { b64: false },
        { b64: true },
        { jku: 'http://127.0.0.1/keys' },
        { jwk: { kty: 'oct', k: part(SECRET) } },
        { x5u: 'http://127.0.0.1/' },
        { x5c: ['x'] },
        { kid: '../../dev/null' },
        { kid: { a: 1 } },
        { kid: ['a'] },
        { kid: 'x'.repeat(129) },
        { kid: "' or 1=1" },
        { kid: '' },
        { kid: 5 },
        { kid: null },
      ]),
    ),
  'a header that is no object': ({ random, claims }) =>
    forge(claims, random.pick(['null', '[]', '"x"', '5', '{', '', '{"alg":"HS256","alg":"none"}'])),
  'another signature': ({ random, good }) => changed(random, good, 2),
  'another header': ({ random, good }) => changed(random, good, 0),
  'other claims': ({ random, good }) => changed(random, good, 1),
  'the signature of other claims': ({ claims, good }) => {
    const [head, body] = good.split('.')
    return `${head ?? ''}.${body ?? ''}.${forge({ ...claims, x: 1 }).split('.')[2] ?? ''}`
  },
  'a signature cut or longer': ({ random, good }) =>
    random.chance(0.5)
      ? good.slice(0, -random.whole(1, 43))
      : good + [...Array<number>(random.whole(1, 50))].map(() => random.pick(ALPHABET)).join(''),
  'another way to write it': ({ random, good }) =>
    random.pick<(token: string) => string>([
      (token) => `${token}=`,
      (token) => `${token}\n`,
      (token) => ` ${token}`,
      (token) => `\ufeff${token}`,
      (token) => `${token}\0`,
      (token) => token.replace('.', '%2e'),
      (token) => token.replace('.', '\u3002'),
      (token) => token.replaceAll('.', '. '),
      (token) => `Bearer ${token}`,
      (token) => `"${token}"`,
      (token) => token.toUpperCase(),
      (token) => token.split('.').reverse().join('.'),
      (token) => Buffer.from(token).toString('base64url'),
    ])(good),
  'claims that are no object': ({ random }) =>
    forge(random.pick(['null', '5', '"x"', '[]', 'true', '', '{', '{}x', '[{"key":"k"}]'])),
  'no good exp': ({ random, claims, now }) => {
    const { exp: _exp, ...rest } = claims
    const bad = [String(now + 300), null, true, [now + 300], {}, now - 61, now - 1e6, 0, -1]
    if (random.chance(0.2)) return forge(rest)
    if (random.chance(0.2)) return forge(JSON.stringify(claims).replace(/"exp":\d+/, '"exp":1e400'))
    return forge({ ...rest, exp: random.pick<unknown>(bad) })
  },
  'no good iat': ({ random, claims, now }) =>
    forge({
      ...claims,
      iat: random.pick<unknown>([now + 61, now + 1e9, String(now), null, [now], now - 961, 0]),
    }),
  'nbf in the future': ({ random, claims, now }) =>
    forge({ ...claims, nbf: random.pick<unknown>([now + 61, 1e300, 'x', null]) }),
  'for something else': ({ random, claims }) => {
    const field = random.pick(['c', 'document', 'editorConfig'])
    const { payload } = claims
    return typeof payload === 'object'
      ? forge({ ...claims, payload: { ...payload, [field]: 'info' } })
      : forge({ ...claims, [field]: 'info' })
  },
  'a payload where none belongs, or none where one does': ({ random, claims }) => {
    const { payload, ...rest } = claims
    if (payload === undefined) return forge({ ...rest, payload: rest })
    const wrong = [null, 'x', 5, [], [payload], { payload }, JSON.stringify(payload)]
    return forge(random.chance(0.1) ? rest : { ...rest, payload: random.pick<unknown>(wrong) })
  },
}
const KINDS = Object.entries(BROKEN)

/** A token that must not be taken, made of a good one for these claims. `now` in seconds. */
export function brokenToken(
  random: Random,
  claims: Fields,
  now: number,
): { what: string; token: unknown } {
  const [what, make] = random.pick(KINDS)
  return { what, token: make({ random, claims, now, good: forge(claims) }) }
}
