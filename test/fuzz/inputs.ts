/** Input number `seed`: the same one whenever it is asked for at the same (virtual) time. */
import { METHODS } from 'node:http'
import { createRandom } from '../schedules/random.js'
import { anyBytes, anyJson, anyText, anyType, mangled, packed, wronglyPacked } from './bodies.js'
import { callbackOf, type Ground, type Input } from './input.js'
import { brokenToken, forge, type Fields } from './tokens.js'
import { validInput } from './valid.js'
import { write, type Ending } from './wire.js'
import { MAX_BODY } from './world.js'

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value))

/** Nothing signed: bodies of every kind, in every encoding. */
function unsigned(ground: Ground): Input {
  const { random, path } = ground
  const callback = mangled(random, callbackOf(ground, key(ground)))
  const body = random.chance(0.5) ? json(callback) : anyBytes(random, callback)
  const sent = random.chance(0.8) ? packed(random, body) : wronglyPacked(random, body)
  return {
    what: 'a body that nobody has signed',
    bytes: write({
      path,
      headers: [...anyType(random), ...sent.headers],
      body: sent.body,
      ...(random.chance(0.2) ? { chunk: random.whole(1, 5_000) } : {}),
    }),
    ending: 'keep',
    expected: { unsigned: 'forbidden' },
  }
}

/** Good tokens, broken in one place. */
function badToken(ground: Ground): Input {
  const { random, path, now } = ground
  const callback = callbackOf(ground, key(ground))
  const times = { iat: now, exp: now + 300 }
  const atHeader = random.chance(0.4)
  const claims: Fields = atHeader ? { payload: callback, ...times } : { ...callback, ...times }
  const { what, token } = brokenToken(random, claims, now)
  const inHeader = atHeader && typeof token === 'string' && /^[\x20-\x7e]*$/.test(token)
  // A bad token in the body is not helped by a good one in the header.
  const helper = random.chance(0.1) ? [bearer(forge({ payload: callback, ...times }))] : []
  return {
    what: `a bad token in the ${inHeader ? 'header' : 'body'}: ${what}`,
    bytes: write({
      path,
      headers: [...anyType(random), ...(inHeader ? [bearer(token)] : helper)],
      body: json(inHeader ? callback : { ...callback, token }),
    }),
    ending: 'keep',
    expected: { unsigned: 'forbidden' },
  }
}
const bearer = (token: string): [string, string] => ['Authorization', `Bearer ${token}`]

/** Two tokens that tell of different callbacks. */
function contradiction(ground: Ground): Input {
  const { random, path, now } = ground
  const callback = callbackOf(ground, key(ground))
  const times = { iat: now, exp: now + 300 }
  const other = random.pick<Fields>([
    { key: 'other' },
    { status: callback['status'] === 6 ? 2 : 6 },
    { url: 'http://evil.example/x' },
    { key: undefined },
  ])
  const header = bearer(forge({ payload: { ...callback, ...other }, ...times }))
  const token = forge({ ...callback, ...times })
  return {
    what: 'two tokens in contradiction',
    bytes: write({ path, headers: [header], body: json({ token }) }),
    ending: 'keep',
    expected: { unsigned: 'forbidden' },
  }
}

/** Headers that come twice, are long, odd, or lie about the body. */
function headers(ground: Ground): Input {
  const { random, path, now } = ground
  const callback = callbackOf(ground, key(ground))
  const good = bearer(forge({ payload: callback, iat: now, exp: now + 300 }))
  const body = json(callback)
  type Lines = [string, string][]
  type Kind = [what: string, lines: Lines, ending: Ending]
  const [what, lines, ending] = random.pick<() => Kind>([
    () => [
      'Authorization twice',
      random.pick<Lines>([
        [good, good],
        [good, bearer('x')],
        [bearer('x'), good],
        [['Authorization', ''], good],
      ]),
      'keep',
    ],
    () => [
      'Authorization as no token',
      [
        [
          'Authorization',
          random.pick([
            good[1].toLowerCase(),
            good[1].slice(7),
            `${good[1]}, ${good[1]}`,
            'Bearer',
            'Bearer ',
            `Bearer  ${good[1].slice(7)}`,
            good[1].replace(' ', '\t'),
          ]),
        ],
      ],
      'keep',
    ],
    () => [
      'another header',
      [
        [
          random.pick([
            'X-Authorization',
            'Authorizatio',
            'Proxy-Authorization',
            'Cookie',
            'X-Token',
          ]),
          good[1],
        ],
      ],
      'keep',
    ],
    () => [
      'many headers',
      Array.from({ length: random.whole(100, 1_500) }, (_, index) => [`x-${index}`, 'x']),
      'end',
    ],
    () => [
      'a long header',
      [['Authorization', `Bearer ${'a'.repeat(random.whole(8_000, 70_000))}`]],
      'end',
    ],
    () => [
      'a Content-Length that lies',
      [
        [
          'Content-Length',
          random.pick([
            String(body.length + random.whole(1, 1e6)),
            String(random.whole(0, body.length - 1)),
            '-1',
            '1e3',
            '0x10',
            '99999999999999999999',
            '',
            ' ',
            'x',
            '5, 5',
          ]),
        ],
      ],
      'end',
    ],
    () => [
      'two lengths',
      [
        ['Content-Length', String(body.length)],
        ['Content-Length', random.pick(['0', '5', String(body.length)])],
      ],
      'end',
    ],
    () => [
      'a length and chunks',
      [
        [
          'Transfer-Encoding',
          random.pick(['chunked', 'gzip, chunked', 'identity', 'x', 'chunked, chunked']),
        ],
        ['Content-Length', '5'],
      ],
      'end',
    ],
    () => ['chunks that are none', [['Transfer-Encoding', 'chunked']], 'end'],
    () => ['Expect', [['Expect', random.pick(['100-continue', 'x', ''])]], 'end'],
    () => [
      'Upgrade',
      [
        ['Connection', 'Upgrade'],
        ['Upgrade', random.pick(['websocket', 'h2c'])],
      ],
      'end',
    ],
    () => [
      'a method in a header',
      [
        [
          random.pick(['X-HTTP-Method-Override', 'X-Forwarded-For', 'X-Original-URL', 'Forwarded']),
          'GET',
        ],
      ],
      'keep',
    ],
    () => [
      'odd headers',
      [
        [
          random.pick(['x', '__proto__', 'constructor', 'Content-Type', 'Accept']),
          anyText(random).replace(/[\r\n\0]/g, ''),
        ],
      ],
      'end',
    ],
    () => [
      'header lines that are none',
      [[random.pick(['a b', '', ':', 'x\0', '\x7f', 'Authorization ']), 'x']],
      'end',
    ],
  ])()
  const sure = ending === 'keep'
  return {
    what: `headers: ${what}`,
    bytes: write({ path, headers: lines, body }),
    ending,
    expected: { unsigned: sure ? 'forbidden' : 'anything but success' },
  }
}

/** Other methods, other paths, refs that we have not signed; most of them with a good token. */
function places(ground: Ground): Input {
  const { random, path, now } = ground
  const callback = callbackOf(ground, key(ground))
  const token = forge({ ...callback, iat: now, exp: now + 300 })
  const body = json({ ...callback, token })
  if (random.chance(0.4)) {
    const others = METHODS.filter((name) => name !== 'POST')
    const method = random.pick([...others, 'post', 'Post', 'POSTS', 'X', ''])
    const plain = ['PUT', 'PATCH', 'DELETE', 'GET', 'OPTIONS'].includes(method)
    return {
      what: `method ${method}`,
      bytes: write({ method, path, body }),
      ending: plain ? 'keep' : 'end',
      expected: { unsigned: plain ? 'refused' : 'anything but success' },
    }
  }
  const [name = '', mac = ''] = path.slice(path.lastIndexOf('/') + 1).split('.')
  const base = path.slice(0, path.lastIndexOf('/'))
  const text = (value: string): string => Buffer.from(value).toString('base64url')
  const place = random.pick<() => string>([
    () => base,
    () => `${base}/`,
    () => `${base}/${name}`,
    () => `${base}/${name}.`,
    () => `${base}/.${mac}`,
    () => `${base}/${text(random.pick(['file-2', '..', '', '../file-1', 'file-1\0']))}.${mac}`,
    () => `${base}/${name}.${mac.slice(0, random.whole(0, 42))}`,
    () => `${base}/${name}.${text(anyText(random))}`,
    () => `${base}/${name}.${mac}.${mac}`,
    () => `${base}/${name}.${mac}/${name}.${mac}`,
    () => `${base}/${encodeURIComponent(Buffer.from(anyText(random)).toString())}`,
    () =>
      `${base}/${random.pick(['%00', '%ff', '%', '%zz', '%2e%2e%2f', '..', '.', ';', '@', ':ref'])}`,
    () => `${base}/${'x'.repeat(random.whole(1, 10_000))}`,
    () => `${base}/${name[0] === 'A' ? 'B' : 'A'}${name.slice(1)}.${mac}`,
    () => `${base}/${name}.${mac[0] === 'A' ? 'B' : 'A'}${mac.slice(1)}`,
    () => `/x${path}`,
    () => `//evil.example${path.slice(0, -1)}`,
    () => `${base}?ref=${name}.${mac}`,
    () => `http://evil.example${base}/x`,
    () => random.pick(['*', '/', 'x', '', '?', '#', '/docs', '/docs/callback/../..', '\\', '/\0']),
  ])()
  return {
    what: 'a place that is not ours, or a ref that is not signed',
    bytes: write({ path: place, body }),
    ending: /^\/[\x21-\x7e]*$/.test(place) && place.length < 9_000 ? 'keep' : 'end',
    expected: {
      unsigned:
        /^\/[\x21-\x7e]*$/.test(place) && place.length < 9_000 ? 'refused' : 'anything but success',
    },
  }
}

/** Bytes: noise, and requests with some of theirs changed, cut off or sent in two. */
function noise(ground: Ground): Input {
  const { random, path } = ground
  const request = write({
    path,
    headers: anyType(random),
    body: json(callbackOf(ground, key(ground))),
  })
  const bytes = random.pick<() => Buffer>([
    () => Buffer.from(Array.from({ length: random.whole(0, 2_000) }, () => random.whole(0, 255))),
    () => request.subarray(0, random.whole(0, request.length - 1)),
    () => {
      const copy = Buffer.from(request)
      for (let count = random.whole(1, 20); count > 0; count -= 1)
        copy[random.whole(0, copy.length - 1)] = random.whole(0, 255)
      return copy
    },
    () => Buffer.concat([request.subarray(0, random.whole(0, request.length)), request, request]),
    () =>
      Buffer.from(
        random.pick([
          'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
          '\x16\x03\x01\x02\0',
          'GET / HTTP/9.9\r\n\r\n',
          '\r\n'.repeat(500),
        ]),
        'latin1',
      ),
    () =>
      Buffer.from(
        request.toString('latin1').replaceAll('\r\n', random.pick(['\n', '\r', '\r\n\r\n'])),
        'latin1',
      ),
  ])()
  return {
    what: 'bytes',
    bytes,
    ending: random.chance(0.7) ? 'end' : 'cut',
    expected: { unsigned: 'anything but success' },
  }
}

/** Half of a body, also packed, also with a good token in the header: nothing is done about it. */
function halfBody(ground: Ground): Input {
  const { random, path, now } = ground
  const callback = callbackOf(ground, key(ground))
  const good = random.chance(0.3)
    ? [bearer(forge({ payload: callback, iat: now, exp: now + 300 }))]
    : []
  const { body, headers: encoding } = packed(random, json({ ...callback, pad: anyJson(random) }))
  const whole = write({ path, headers: [...good, ...encoding], body })
  return {
    what: 'half a body',
    bytes: whole.subarray(0, whole.length - random.whole(1, Math.min(body.length, 100))),
    ending: random.chance(0.5) ? 'end' : 'cut',
    expected: { unsigned: 'anything but success' },
  }
}

/** Over `maxBody`, plain or unpacked. */
function tooLong(ground: Ground): Input {
  const { random, path } = ground
  const plain = Buffer.alloc(MAX_BODY + random.whole(1, 50_000), random.pick(['[', ' ', '{"a":']))
  const { body, headers: encoding } = packed(random, plain)
  return {
    what: 'a body over maxBody',
    bytes: write({ path, headers: encoding, body }),
    ending: 'end',
    expected: { unsigned: 'anything but success' },
  }
}

const key = ({ seed }: Ground): string => `e${seed}`

/** In parts of a hundred. */
const KINDS: [share: number, make: (ground: Ground) => Input][] = [
  [20, unsigned],
  [30, badToken],
  [4, contradiction],
  [12, headers],
  [10, places],
  [10, noise],
  [3, halfBody],
  [1, tooLong],
  [10, validInput],
]

export function inputOf(seed: number, world: Omit<Ground, 'random' | 'seed'>): Input {
  const random = createRandom(seed)
  const ground = { ...world, seed, random }
  let point = random.whole(1, 100)
  for (const [share, make] of KINDS) {
    if (point <= share) return make(ground)
    point -= share
  }
  throw new RangeError('the shares are not a hundred')
}
