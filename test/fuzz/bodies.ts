/** Bodies that are signed by nobody, and ways to send them. */
import { brotliCompressSync, constants, deflateSync, gzipSync } from 'node:zlib'
import type { Random } from '../schedules/random.js'
import type { Fields } from './tokens.js'

/** Anything JSON can say, and not too much of it. */
export function anyJson(random: Random, depth = 3): unknown {
  const simple: (() => unknown)[] = [
    () => null,
    () => random.chance(0.5),
    () => random.whole(-10, 10),
    () => random.pick([0.1, -0, 1e308, 2 ** 53, -1e-9]),
    () => anyText(random),
  ]
  if (depth === 0 || random.chance(0.5)) return random.pick(simple)()
  const items = Array.from({ length: random.whole(0, 4) }, () => anyJson(random, depth - 1))
  if (random.chance(0.4)) return items
  return Object.fromEntries(items.map((item) => [anyName(random), item]))
}

const TEXTS = ['', ' ', '0', '__proto__', 'constructor', '\0', '\ud800', '\u2028', '../x', '%00']
const MORE = ['\u{1f600}', '{"key":"k"}', 'x'.repeat(1000), '<script>', "' or 1=1", '${1}', '\r\n']
export const anyText = (random: Random): string => random.pick([...TEXTS, ...MORE])

const NAMES = [
  'key',
  'status',
  'url',
  'token',
  'users',
  'actions',
  'userdata',
  'lastsave',
  'history',
]
const anyName = (random: Random): string => random.pick([...NAMES, ...TEXTS, 'x', 'payload'])

/** A callback with some of its fields turned into something else. */
export function mangled(random: Random, callback: Fields): Fields {
  const result: Fields = { ...callback }
  for (let count = random.whole(0, 4); count > 0; count -= 1) {
    const name = anyName(random)
    if (random.chance(0.2)) Reflect.deleteProperty(result, name)
    else Object.defineProperty(result, name, { value: anyJson(random), ...PLAIN })
  }
  return result
}
const PLAIN = { enumerable: true, configurable: true, writable: true }

/** The same callback in bytes that are not JSON in UTF-8, or hardly. */
export function anyBytes(random: Random, callback: Fields): Buffer {
  const text = JSON.stringify(callback)
  return random.pick<() => Buffer>([
    () => Buffer.from(`\ufeff${text}`),
    () => Buffer.from(text, 'utf16le'),
    () => Buffer.from(text.replace('u1', '\xff\xc3('), 'latin1'),
    () => Buffer.from(text.slice(0, random.whole(0, text.length - 1))),
    () => Buffer.from(text + random.pick([text, '}', ',', 'x', '\0'])),
    () => Buffer.from(new URLSearchParams({ key: 'k', status: '2', token: 'x' }).toString()),
    () => Buffer.from(`--x\r\nContent-Disposition: form-data; name="key"\r\n\r\nk\r\n--x--`),
    () => Buffer.from(random.pick(['', 'null', '[]', '5', '"x"', 'NaN', '{', '[[', '{"a":1,}'])),
    () => Buffer.from('['.repeat(random.whole(1, 50_000))),
    () => Buffer.from('{"a":'.repeat(5_000) + '1' + '}'.repeat(5_000)),
    () => Buffer.from(Array.from({ length: random.whole(0, 300) }, () => random.whole(0, 255))),
    () => Buffer.from(`{"key":"k","key":{},"status":2,"status":2,"__proto__":{"token":"x"}}`),
  ])()
}

const TYPES = ['application/json', 'application/json; charset=utf-16', 'text/plain', 'text/xml']
const MORE_TYPES = ['application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'x', '']

/** Content types change nothing. */
export function anyType(random: Random): [string, string][] {
  if (random.chance(0.3)) return []
  return [['Content-Type', random.pick([...TYPES, ...MORE_TYPES])]]
}

const FAST = { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }
type Packed = { body: Buffer; headers: [string, string][] }

/** Really packed as it says. */
export function packed(random: Random, body: Buffer): Packed {
  const [name, pack] = random.pick<[string, ((body: Buffer) => Buffer) | undefined]>([
    ['gzip', (bytes) => gzipSync(bytes, { level: 1 })],
    ['deflate', (bytes) => deflateSync(bytes, { level: 1 })],
    ['br', (bytes) => brotliCompressSync(bytes, FAST)],
    ['identity', undefined],
    ['', undefined],
    ['', undefined],
    ['', undefined],
  ])
  const headers: [string, string][] = name === '' ? [] : [['Content-Encoding', name]]
  return { body: pack?.(body) ?? body, headers }
}

/** Packed in another way than it says, or not whole. */
export function wronglyPacked(random: Random, body: Buffer): Packed {
  const name = random.pick(['gzip', 'deflate', 'br', 'nonsense', 'gzip, gzip', 'x'.repeat(500)])
  const bytes = random.pick([body, gzipSync(body).subarray(0, -9), gzipSync(gzipSync(body))])
  return { body: bytes, headers: [['Content-Encoding', name]] }
}
