/** Validly signed callbacks with contents that are odd and legal, or signed and not a callback. */
import { anyJson, anyText, anyType, packed } from './bodies.js'
import { callbackOf, type Expected, type Ground, type Input } from './input.js'
import { forge, type Fields } from './tokens.js'
import { write } from './wire.js'

/** In the place of a field that is left out. */
const ABSENT = Symbol('absent')

type Case = [what: string, change: Fields, expected: 'by status' | 400 | 'kept' | 'unknown status']

function odd(ground: Ground): Case {
  const { random, files } = ground
  const { port } = new URL(files)
  return random.pick<() => Case>([
    () => ['a callback as it should be', {}, 'by status'],
    () => [
      'fields of another type',
      Object.fromEntries(
        ['users', 'actions', 'history', 'userdata', 'filetype', 'notmodified', 'changesurl']
          .filter(() => random.chance(0.4))
          .map((name) => [name, anyJson(random)]),
      ),
      'by status',
    ],
    () => [
      'many users',
      { users: Array.from({ length: random.whole(1, 5_000) }, (_, index) => `u${index}`) },
      'by status',
    ],
    () => [
      'userdata of our form',
      {
        userdata: random
          .pick(['', 'x', ':', 'x:', 'A'.repeat(22), `${'B'.repeat(22)}:x`])
          .replace(/^/, random.pick(['docs:', 'other:', ''])),
      },
      'by status',
    ],
    () => [
      'an odd lastsave',
      {
        lastsave: random.pick<unknown>([
          ...['x', '9999-12-31T23:59:59.000Z', '0000-01-01', '2026-01-01T00:00:00.000Z', ''],
          ...[5, null, {}],
        ]),
      },
      'by status',
    ],
    () => [
      'an odd filetype',
      { filetype: random.pick(['../x', 'docx/../../y', 'exe', '', '\0', '/etc/passwd']) },
      'by status',
    ],
    () => [
      'unknown fields',
      // As JSON: in an object literal `__proto__` is none.
      JSON.parse(
        JSON.stringify({ later: anyJson(random), [anyText(random)]: anyJson(random) }).replace(
          '"later"',
          random.pick([
            '"later"',
            '"__proto__"',
            '"constructor"',
            '"toString"',
            '"hasOwnProperty"',
          ]),
        ),
      ) as Fields,
      'by status',
    ],
    () => ['nested deeply', { later: deep(random.whole(1, 900)) }, 'by status'],
    () => ['nested too deeply', { later: deep(random.whole(1_001, 3_000)) }, 400],
    () => ['userdata of 50 KB', { userdata: 'x'.repeat(50_000) }, 'by status'],
    () => ['a key that is none', { key: badKey(ground) }, 400],
    () => [
      'a status that is none',
      { status: random.pick<unknown>(['2', 2.5, -1, true, null, [2], {}, 1e21, ABSENT]) },
      400,
    ],
    () => ['a status of later', { status: random.pick([0, 5, 8, 9, 100]) }, 'unknown status'],
    () => [
      'a link to elsewhere',
      {
        status: random.pick([2, 6]),
        url: random.pick<unknown>([
          ...[ABSENT, null, 5, '', 'x', '/x', `//127.0.0.1:${port}/x`, 'file:///etc/passwd'],
          ...[
            'data:,x',
            `ftp://127.0.0.1:${port}/`,
            'javascript:1',
            `http://a:b@127.0.0.1:${port}/`,
          ],
          ...[`http://localhost:${port}/x`, `https://127.0.0.1:${port}/x`, 'http://127.0.0.1/x'],
          ...[`http://[::1]:${port}/x`, 'http://169.254.169.254/', `http://0:${port}/x`],
          ...[`http://127.0.0.1:${port}@evil.example/x`, `http://127.0.0.1.evil.example:${port}/x`],
        ]),
      },
      'kept',
    ],
  ])()
}

function present(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== ABSENT))
}

function deep(levels: number): unknown {
  let value: unknown = 1
  for (let level = 0; level < levels; level += 1) value = level % 2 === 0 ? [value] : { a: value }
  return value
}

function badKey({ random }: Ground): unknown {
  const texts = ['', '.', '..', 'a/b', 'a:b', 'a b', 'k\n', '\0', 'ü', '\u{1f600}', '\ud800']
  return random.pick<unknown>([...texts, 'x'.repeat(129), {}, [], ['k'], 5, null, true, ABSENT])
}

const EVERY_OBJECT_HAS = [
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  '123',
  '...',
  '=',
]

export function validInput(ground: Ground): Input {
  const { random, seed, now, path } = ground
  // Every save has a key of its own, but for the names that are worth coming up again and again.
  const own = random.chance(0.8)
  const key = own
    ? `v${seed}.${'x'.repeat(random.pick([0, 1, 100]))}`
    : random.pick(EVERY_OBJECT_HAS)
  const [what, change, expects] = odd(ground)
  const callback = present({ ...callbackOf(ground, key), ...change })
  const { how, ...sent } = place(ground, callback)
  const times = random.pick([1, 1, 1, 2, 3])
  const isSave = callback['status'] === 2 || callback['status'] === 6
  const stored = own && isSave && expects === 'by status' ? { stored: callback } : {}
  return {
    what: `valid, ${how}: ${what}`,
    bytes: write({
      path,
      ...sent,
      ...(random.chance(0.2) ? { chunk: random.whole(1, 5_000) } : {}),
    }),
    ending: 'keep',
    times,
    expected: { key, ...answerTo(callback, expects), ...stored },
  }

  function place(
    _ground: Ground,
    claims: Fields,
  ): { how: string; headers: [string, string][]; body: Buffer } {
    const times = { iat: now, exp: now + 300 }
    const token = forge({ ...claims, ...times })
    const header = `Bearer ${forge({ payload: claims, ...times })}`
    const authorization: [string, string] = ['Authorization', header]
    const fits = header.length < 12_000
    // Whether two such fields are the same is not looked at: that is a contradiction.
    const vague = [claims['key'], claims['status']].some((value) => typeof value === 'object')
    const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value))
    const evil = { key: 'evil', status: 4, url: 'http://evil.example/' }
    const [how, headers, plain] = random.pick<() => [string, [string, string][], Buffer]>([
      () => ['in the body', [], json({ ...claims, token })],
      () => ['in the body, with another callback beside it', [], json({ ...evil, token })],
      () => ['in both', fits && !vague ? [authorization] : [], json({ ...claims, token })],
      () => [
        'in the body, and a header for somebody else',
        [['Authorization', 'Basic dTpw']],
        json({ token }),
      ],
      ...(fits
        ? [
            (): [string, [string, string][], Buffer] => [
              'in the header',
              [authorization],
              json(evil),
            ],
            (): [string, [string, string][], Buffer] => [
              'in the header, with no JSON',
              [authorization],
              Buffer.from(random.pick(['', 'null', '\ufeff{}', '{', '\xff'])),
            ],
          ]
        : []),
    ])()
    const { body, headers: encoding } = packed(random, plain)
    return { how, headers: [...anyType(random), ...headers, ...encoding], body }
  }
}

function answerTo(
  { status }: Fields,
  expects: Case[2],
): Pick<Extract<Expected, { status: number }>, 'status' | 'error'> {
  if (expects === 400) return { status: 400, error: 1 }
  if (expects === 'kept') return { status: 200, error: 1 }
  // A failed conversion: the Docs server keeps the edits.
  return { status: 200, error: status === 3 || status === 7 ? 1 : 0 }
}
