/** Bad input to the callback endpoint, by the lines of the design's bad-inputs.md. */
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { connect } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { isDocsError } from '../src/index.js'
import { SECRET } from './support/app.js'
import {
  done,
  forbidden,
  kept,
  LIMIT,
  notACallback,
  post,
  postSigned,
  send,
  setStage,
  sign,
  type Fields,
  type Stage,
} from './support/callbacks.js'

/** No `onSave`, nothing fetched, nothing known of the key, and the endpoint goes on working. */
async function assertNothing({ app, files }: Stage, tokens = true): Promise<void> {
  assert.deepEqual([app.stored.length, files.requests.length], [0, 0])
  const alive = { key: 'alive', status: 4 }
  const url = app.docs.callbackUrl('file-1')
  assert.deepEqual(await (tokens ? postSigned(url, alive) : post(url, alive)), done)
}

async function postRaw(url: string, body: string | Uint8Array | undefined, type?: string) {
  const headers = type === undefined ? {} : { 'content-type': type }
  const reply = await send(url, { headers, ...(body === undefined ? {} : { body }) })
  return { status: reply.status, body: reply.body }
}

/** Signs by hand: the library refuses to sign most of what is to be refused. */
function forge(payload: unknown, header: Fields = {}, secret = SECRET, hash = 'sha256'): string {
  const part = (value: unknown): string =>
    Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
  const signed = `${part({ alg: 'HS256', typ: 'JWT', ...header })}.${part(payload)}`
  return `${signed}.${createHmac(hash, secret).update(signed).digest('base64url')}`
}

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1')
const utf16 = (text: string): Buffer => Buffer.from(`\ufeff${text}`, 'utf16le')
const presence = '{"key":"k1","status":4}'
const times = (): { iat: number; exp: number } => {
  const iat = Math.floor(Date.now() / 1000)
  return { iat, exp: iat + 300 }
}

describe('bad input 1: what is not a callback is 400, with tokens on 403', LIMIT, () => {
  const bodies: [what: string, body: string | Uint8Array | undefined][] = [
    ['no body', undefined],
    ['{}', '{}'],
    ['null', 'null'],
    ['[]', '[]'],
    ['"x"', '"x"'],
    ['5', '5'],
    ['invalid JSON', '{"key":"k1",'],
    ['JSON and more behind it', `${presence}x`],
    ['a byte order mark before JSON', Buffer.from(`\ufeff${presence}`)],
    ['UTF-16', utf16(presence)],
    ['two of them', Buffer.from(`\ufeff\ufeff${presence}`)],
    ['invalid UTF-8 in the key', Buffer.from(presence.replace('k1', '\xff'), 'latin1')],
    ['invalid UTF-8 in a field nobody reads', latin1(presence.replace('}', ',"x":"\xc3("}'))],
    ['UTF-8 that ends too early', latin1(presence.replace('}', ',"x":"\xf0\x9f"}'))],
    ['a surrogate in UTF-8', latin1(presence.replace('}', ',"x":"\xed\xa0\x80"}'))],
    ['nothing but NULs', Buffer.alloc(64)],
    ['white space', ' \r\n\t'],
  ]
  for (const [what, body] of bodies) {
    it(what, async (t) => {
      const on = await setStage(t)
      const off = await setStage(t, { secret: null })
      for (const type of ['application/json', undefined]) {
        assert.deepEqual(await postRaw(on.url, body, type), forbidden)
        assert.deepEqual(await postRaw(off.url, body, type), notACallback)
      }
      await assertNothing(on)
      await assertNothing(off, false)
    })
  }
  it('all of them are judged by a good token in the header', async (t) => {
    const { app, url, callback } = await setStage(t)
    for (const [index, [what, body]] of bodies.entries()) {
      const key = `k${index}`
      const authorization = `Bearer ${sign({ payload: callback({ key }) })}`
      const sent = { headers: { authorization }, ...(body === undefined ? {} : { body }) }
      const reply = await send(url, sent)
      assert.deepEqual({ status: reply.status, body: reply.body }, done, what)
      assert.equal(app.stored.at(-1)?.key, key)
    }
  })
})

describe('bad input 5: the content type changes nothing: judged by the token alone', LIMIT, () => {
  const types = [
    undefined,
    'application/json',
    'application/json; charset=utf-8',
    'application/x-www-form-urlencoded',
    'text/plain',
    'text/xml',
    'multipart/form-data; boundary=x',
    'nonsense',
  ]
  for (const type of types) {
    it(String(type), async (t) => {
      const stage = await setStage(t)
      const { url, callback, app } = stage
      assert.deepEqual(await postRaw(url, JSON.stringify(callback()), type), forbidden)
      assert.deepEqual(await postRaw(url, 'key=k1&status=4', type), forbidden)
      await assertNothing(stage)
      const token = sign(callback())
      assert.deepEqual(await postRaw(url, JSON.stringify({ token }), type), done)
      assert.equal(app.stored.length, 1)
    })
  }
})

type Make = (stage: Stage) => { body?: unknown; authorization?: string }
type Case = [what: string, make: Make]

const inBody =
  (make: (callback: Fields) => unknown): Make =>
  ({ callback }) => ({ body: { ...callback(), token: make(callback()) } })
const inHeader =
  (make: (callback: Fields) => string): Make =>
  ({ callback }) => ({ body: callback(), authorization: make(callback()) })
const good = (callback: Fields): string => forge({ ...callback, ...times() })
const none = (alg: string): string => Buffer.from(JSON.stringify({ alg })).toString('base64url')
const withAlg = (callback: Fields, alg: string, hash: string): string =>
  forge({ ...callback, ...times() }, { alg }, SECRET, hash)
const bearer = (claims: Fields): string => `Bearer ${forge({ ...claims, ...times() })}`

/** Each is 403, always the same, and says nothing of the token in its reason. */
function refuses(cases: Case[]): void {
  for (const [what, make] of cases) {
    it(what, async (t) => {
      const stage = await setStage(t)
      const { body, authorization } = make(stage)
      const headers = authorization === undefined ? {} : { authorization }
      assert.deepEqual(await post(stage.url, body, headers), forbidden)
      assert.equal(stage.rejected.length, 1)
      assert.match(stage.rejected[0]!.reason, /^token /)
      assert.doesNotMatch(stage.rejected[0]!.reason, /eyJ|s3cret|md5/)
      await assertNothing(stage)
    })
  }
}

describe('bad input 7: no token, or none that is a token', LIMIT, () => {
  refuses([
    ['no token', ({ callback }) => ({ body: callback() })],
    ['token ""', inBody(() => '')],
    ['token null', inBody(() => null)],
    ['token in an array', inBody((callback) => [good(callback)])],
    ['token an object', inBody((callback) => ({ token: good(callback) }))],
    ['1 MB', inBody(() => 'a'.repeat(1024 * 1024))],
    ['1 MB in three parts', inBody(() => `${'a'.repeat(1024 * 1024)}.a.a`)],
    ['5 parts', inBody((callback) => `${good(callback)}.a.b`)],
    ['a trailing newline', inBody((callback) => `${good(callback)}\n`)],
    ['one part', inBody(() => 'abc')],
    ['two parts', inBody((callback) => good(callback).split('.').slice(0, 2).join('.'))],
    ['a number', inBody(() => 5)],
    ['true', inBody(() => true)],
  ])
})

describe('bad input 8: another algorithm, and headers that name a key', LIMIT, () => {
  refuses([
    ['alg none, unsigned', inBody((callback) => good(callback).replace(/^[^.]*/, none('none')))],
    ['alg nOnE', inBody((callback) => `${none('nOnE')}.${good(callback).split('.')[1]!}.`)],
    ['alg hs256', inBody((callback) => forge({ ...callback, ...times() }, { alg: 'hs256' }))],
    ['HS384', inBody((callback) => withAlg(callback, 'HS384', 'sha384'))],
    ['HS512', inBody((callback) => withAlg(callback, 'HS512', 'sha512'))],
    ['RS256 signed with the secret', inBody((callback) => withAlg(callback, 'RS256', 'sha256'))],
    ['crit', inBody((callback) => forge({ ...callback, ...times() }, { crit: ['exp'] }))],
    ['b64: false', inBody((callback) => forge({ ...callback, ...times() }, { b64: false }))],
    ['kid with a path', inBody((callback) => forge({ ...callback, ...times() }, { kid: '/x' }))],
    ['jku', inBody((callback) => forge({ ...callback, ...times() }, { jku: 'http://x/' }))],
  ])
})

describe('bad input 9: another key', LIMIT, () => {
  refuses([
    ['signed with an empty key', inBody((callback) => forge({ ...callback, ...times() }, {}, ''))],
    [
      'signed with another secret',
      inBody((callback) => forge({ ...callback, ...times() }, {}, 'x'.repeat(34))),
    ],
    [
      'signed with the name of the secret',
      inBody((callback) => forge({ ...callback, ...times() }, {}, 'secret')),
    ],
    [
      'the signature of another token',
      inBody((callback) => {
        const [head, claims] = good(callback).split('.') as [string, string]
        return `${head}.${claims}.${good({ ...callback, key: 'k2' }).split('.')[2]!}`
      }),
    ],
  ])
})

describe('bad input 10: times', LIMIT, () => {
  refuses([
    ['exp missing', inBody((callback) => forge({ ...callback, iat: times().iat }))],
    ['exp a string', inBody((callback) => forge({ ...callback, exp: String(times().exp) }))],
    ['exp null', inBody((callback) => forge({ ...callback, exp: null }))],
    ['exp 1e400', inBody(() => forge('{"key":"k1","status":4,"exp":1e400}'))],
    ['exp 62 s past', inBody((callback) => forge({ ...callback, exp: times().iat - 62 }))],
    ['iat in a year', inBody((callback) => forge({ ...callback, ...times(), iat: 9e9 }))],
    [
      'exp 61 s past the tolerance of 60',
      inBody((callback) => forge({ ...callback, exp: times().iat - 121 })),
    ],
    ['exp true', inBody((callback) => forge({ ...callback, exp: true }))],
    [
      'exp in the payload of a header token, and not beside it',
      inHeader((callback) => `Bearer ${forge({ payload: { ...callback, ...times() } })}`),
    ],
    [
      'iat a string',
      inBody((callback) => forge({ ...callback, ...times(), iat: String(times().iat) })),
    ],
    [
      'iat of an hour ago, though exp is far away',
      inBody((callback) => forge({ ...callback, ...times(), iat: times().iat - 3600 })),
    ],
  ])

  it('but exp 58 s past is valid with a tolerance of 60', async (t) => {
    const { url, callback } = await setStage(t)
    const { iat } = times()
    assert.deepEqual(await post(url, { token: sign({ ...callback(), exp: iat - 58 }) }), done)
  })

  it('and so is iat of 15 minutes ago: no callback is older, its link is dead by then', async (t) => {
    const { url, callback } = await setStage(t)
    const { iat } = times()
    assert.deepEqual(await post(url, { token: sign({ ...callback(), iat: iat - 890 }) }), done)
  })
})

describe('bad input 11: claims that are not an object', LIMIT, () => {
  refuses([
    ['claims null', inBody(() => forge('null'))],
    ['claims a string', inBody(() => forge('"x"'))],
    ['claims a number', inBody(() => forge('5'))],
    ['claims an array', inBody(() => forge('[]'))],
    ['claims that are no JSON', inBody(() => forge('{"key":'))],
    ['a payload null', inHeader(() => bearer({ payload: null }))],
    ['a payload 5', inHeader(() => bearer({ payload: 5 }))],
    ['a payload in an array', inHeader((callback) => bearer({ payload: [callback] }))],
  ])
})

describe('bad input 12: a header token whose payload is none', LIMIT, () => {
  refuses([
    ['header token without payload', inHeader((callback) => `Bearer ${good(callback)}`)],
    [
      'payload nested twice',
      inHeader((callback) => `Bearer ${forge({ payload: { payload: callback }, ...times() })}`),
    ],
    ['payload a string', inHeader(() => `Bearer ${forge({ payload: 'x', ...times() })}`)],
  ])
})

describe('bad input 13: header and body token that differ', LIMIT, () => {
  refuses([
    ...(['key', 'status', 'url'] as const).map((field): [string, Make] => [
      `header and body token that differ in ${field}`,
      ({ callback }) => ({
        body: { token: good(callback()) },
        authorization: `Bearer ${forge({
          payload: { ...callback(), [field]: field === 'status' ? 6 : 'http://x/y' },
          ...times(),
        })}`,
      }),
    ]),
  ])
})

describe('bad input 14: headers that carry no token', LIMIT, () => {
  refuses([
    ['another scheme', inHeader((callback) => `Token ${forge({ payload: callback, ...times() })}`)],
    [
      'bearer in lower case before what is no token',
      inHeader((callback) => `bearer ${JSON.stringify(callback)}`),
    ],
    ['no prefix', inHeader((callback) => forge({ payload: callback, ...times() }))],
    ['an empty header', inHeader(() => '')],
    ['the prefix and nothing', inHeader(() => 'Bearer ')],
    ['the prefix twice', inHeader((callback) => `Bearer ${bearer({ payload: callback })}`)],
    [
      'two tokens in one header',
      inHeader((callback) => `${bearer({ payload: callback })}, ${bearer({ payload: callback })}`),
    ],
    ['a header token in the body', inBody((callback) => forge({ payload: callback, ...times() }))],
  ])

  const pairs: [what: string, headers: (token: string) => [string, string]][] = [
    ['the good one first', (token) => [token, 'Basic dTpw']],
    ['the good one last', (token) => ['Basic dTpw', token]],
    ['two good ones', (token) => [token, token]],
    ['an empty one before it', (token) => ['', token]],
  ]
  for (const [what, headers] of pairs) {
    it(`two Authorization headers: ${what}`, async (t) => {
      const stage = await setStage(t)
      const both = headers(bearer({ payload: stage.callback() }))
      const lines = both.map((value) => `Authorization: ${value}`)
      assert.equal(await statusOf(t, stage.url, lines), 403)
      await assertNothing(stage)
    })
  }

  it('a 17 KB header: 403 or 431', async (t) => {
    const stage = await setStage(t)
    const status = await statusOf(t, stage.url, [`Authorization: Bearer ${'a'.repeat(17 * 1024)}`])
    assert.ok([403, 431].includes(status), String(status))
    await assertNothing(stage)
  })
})

describe('bad input 15: a token made for something else', LIMIT, () => {
  refuses([
    [
      'the token of an editor config',
      ({ app, callback }) => ({
        body: app.docs.editorConfig({ ...callback(), document: { key: 'k1' }, editorConfig: {} }),
      }),
    ],
    [
      'the token of a command',
      inBody((callback) => forge({ ...callback, c: 'forcesave', ...times() })),
    ],
    [
      'the token of a command, in the header',
      inHeader((callback) => bearer({ payload: { ...callback, c: 'info' } })),
    ],
  ])

  it('a token that is signed and tells of no callback, like that of a download, is 400', async (t) => {
    const stage = await setStage(t)
    const { url, files } = stage
    const link = { url: `${files.url.origin}/cache/files/x` }
    assert.deepEqual(await post(url, { token: sign(link) }), notACallback)
    const authorization = `Bearer ${sign({ payload: link })}`
    assert.deepEqual(await post(url, {}, { authorization }), notACallback)
    await assertNothing(stage)
  })
})

/** Posts `{}` with header lines exactly as they are given; the status of the answer. */
function statusOf(t: TestContext, url: string, lines: string[]): Promise<number> {
  const { hostname, port, pathname } = new URL(url)
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname)
    t.after(() => socket.destroy())
    socket.on('error', reject)
    socket.on('data', (data) => resolve(Number(/^HTTP\/1\.1 (\d+)/.exec(String(data))?.[1])))
    socket.write(
      [`POST ${pathname} HTTP/1.1`, 'Host: x', ...lines, 'Content-Length: 2', '', '{}'].join(
        '\r\n',
      ),
    )
  })
}

describe('bad input 17: keys', LIMIT, () => {
  const bad: [string, unknown][] = [
    ['""', ''],
    ['.', '.'],
    ['..', '..'],
    ['../../etc/passwd', '../../etc/passwd'],
    ['129 characters', 'k'.repeat(129)],
    ['a NUL', 'a\0b'],
    ['a:b', 'a:b'],
    ['a newline at its end', 'k1\n'],
    ['an emoji', '\u{1f600}'],
    ['a lone surrogate', '\ud800'],
    ['an object', { key: 'k1' }],
    ['an array', ['k1']],
    ['a number', 5],
    ['missing', undefined],
  ]
  for (const [what, key] of bad) {
    it(`${what}: 400, signed or with tokens off`, async (t) => {
      const on = await setStage(t)
      const off = await setStage(t, { secret: null })
      for (const status of [2, 4, 3]) {
        assert.deepEqual(await postSigned(on.url, on.callback({ key, status })), notACallback)
        assert.deepEqual(await post(off.url, off.callback({ key, status })), notACallback)
      }
      const code = key === '' || key === undefined ? 'not-a-callback' : 'key-form'
      for (const { rejected } of [on, off]) {
        assert.deepEqual(
          rejected.map((event) => event.code),
          [code, code, code],
        )
      }
      await assertNothing(on)
      await assertNothing(off, false)
    })
  }
  for (const key of [
    '123',
    '__proto__',
    'constructor',
    'toString',
    '=',
    '-',
    '...',
    'k'.repeat(128),
  ]) {
    it(`${key.slice(0, 20)}: valid, and works`, async (t) => {
      const { app, url, callback } = await setStage(t)
      assert.deepEqual(await postSigned(url, callback({ key, status: 6 })), done)
      assert.deepEqual(await postSigned(url, callback({ key, status: 6 })), done)
      assert.deepEqual(await postSigned(url, callback({ key, status: 2 })), done)
      assert.deepEqual(
        app.stored.map(({ save }) => save.key),
        [key, key],
      )
      const [first, second] = app.stored.map(({ save }) => save.sequence)
      assert.equal(first! < second!, true, 'the sequence grows')
    })
  }
})

describe('bad input 18: statuses', LIMIT, () => {
  for (const status of ['2', 2.5, -1, true, null, undefined, [2], 1e21]) {
    it(`${JSON.stringify(status)}: 400`, async (t) => {
      const on = await setStage(t)
      const off = await setStage(t, { secret: null })
      assert.deepEqual(await postSigned(on.url, on.callback({ status })), notACallback)
      assert.deepEqual(await post(off.url, off.callback({ status })), notACallback)
      await assertNothing(on)
      await assertNothing(off, false)
    })
  }
})

describe('bad input 19: links: their host is never connected to', LIMIT, () => {
  /** Refused: 200 {"error":1}, an event with the cause, and nothing is fetched. */
  const links: [what: string, make: (server: URL) => unknown, why: RegExp][] = [
    ['no url', () => undefined, /there is no link/],
    ['url null', () => null, /there is no link/],
    ['url a number', () => 5, /there is no link/],
    ['url an array', ({ href }) => [href], /there is no link/],
    ['url ""', () => '', /there is no link/],
    ['no URL at all', () => '/cache/files/x', /no scheme or no host/],
    ['without a scheme', ({ host }) => `//${host}/cache/files/x`, /no scheme or no host/],
    ['file:', () => 'file:///cache/files/x', /scheme file:/],
    ['data:', () => 'data:text/plain,x', /scheme data:/],
    ['ftp:', ({ host }) => `ftp://${host}/cache/files/x`, /scheme ftp:/],
    ['javascript:', () => 'javascript:alert(1)', /scheme javascript:/],
    ['credentials', ({ host }) => `http://user:pass@${host}/cache/files/x`, /credentials/],
    ['the host as a user', () => 'http://127.0.0.1:80@evil.example/cache/files/x', /credentials/],
    ['another path', ({ origin }) => `${origin}/x?md5=a`, /\/x has no \/cache\/files\//],
    [
      'another path elsewhere',
      ({ port }) => `http://localhost:${port}/x`,
      /localhost.*downloadOrigins/,
    ],
    ['the path in the query', ({ origin }) => `${origin}/x?/cache/files/y`, /\/x has no/],
    ['dots', ({ origin }) => `${origin}/cache/files/../../x`, /read in two ways/],
    ['encoded dots', ({ origin }) => `${origin}/cache/files/%2e%2e/x`, /read in two ways/],
    ['encoded slashes', ({ origin }) => `${origin}/cache/files/..%2fx`, /read in two ways/],
    ['a backslash', ({ origin }) => `${origin}/cache/files/..\\x`, /read in two ways/],
    ['two slashes', ({ origin }) => `${origin}//cache/files/x`, /read in two ways/],
    ['169.254.169.254', () => 'http://169.254.169.254/latest/meta-data', /169\.254/],
  ]
  for (const [what, make, why] of links) {
    it(`${what}: refused`, async (t) => {
      const stage = await setStage(t)
      const { url, callback, files, rejected, app } = stage
      for (const status of [6, 2]) {
        assert.deepEqual(await postSigned(url, callback({ status, url: make(files.url) })), kept)
      }
      assert.equal(rejected.length, 2)
      assert.ok(rejected.every(({ status, key }) => status === 200 && key === 'k1'))
      assert.match(rejected[0]!.reason, /^a save cannot be fetched: /)
      assert.match(rejected[0]!.reason, why)
      assert.doesNotMatch(rejected[0]!.reason, /md5|pass/)
      assert.deepEqual([app.stored.length, files.requests.length], [0, 0])
      await assertNothing(stage)
    })
  }

  /** Nobody listens there, or the wrong one does: the file comes from `server` all the same. */
  const hosts = [
    ...['https://docs.example.com', 'http://localhost', 'http://[::ffff:a9fe:a9fe]', 'http://0:1'],
    ...['http://[64:ff9b::7f00:1]', 'http://169.254.169.254', 'http://100.64.0.1', 'http://[::]:1'],
    ...['https://example.com/office/docs', 'http://127.1:1', 'http://localtest.me:1'],
  ]
  for (const host of hosts) {
    it(`${host}/cache/files/…: fetched from the server`, async (t) => {
      const { url, callback, files, app } = await setStage(t)
      const link = `${host}/cache/files/data/k1_1/output.docx/output.docx?md5=a&expires=1`
      assert.deepEqual(await postSigned(url, callback({ url: link })), done)
      assert.equal(app.stored.length, 1)
      const [{ path, headers } = assert.fail('nothing was fetched')] = files.requests
      assert.equal(path, '/cache/files/data/k1_1/output.docx/output.docx?md5=a&expires=1')
      assert.equal(headers['host'], files.url.host)
    })
  }

  it('an origin of downloadOrigins is fetched', async (t) => {
    const stage = await setStage(t)
    const more = await setStage(t, { downloadOrigins: [stage.files.url.origin] })
    const link = `${stage.files.url.origin}/elsewhere`
    assert.deepEqual(await postSigned(more.url, more.callback({ url: link })), done)
    assert.equal(more.app.stored[0]?.text, 'the file at /elsewhere')
  })

  const others = [
    ['the changes', 'changesurl', 'downloadChanges'],
    ['the data of a form', 'formsdataurl', 'downloadFormsData'],
  ] as const
  for (const [what, field, download] of others) {
    it(`of ${what} is refused when it is asked for, and does not hinder the save`, async (t) => {
      let refusal: unknown
      const { url, callback } = await setStage(t, {
        async onSave(save) {
          refusal = await save[download]().catch((error: unknown) => error)
        },
      })
      const link = 'http://169.254.169.254/changes.zip'
      assert.deepEqual(await postSigned(url, callback({ [field]: link })), done)
      assert.ok(isDocsError(refusal, 'BAD_RESPONSE') && !refusal.retryable)
    })
  }
})

/** A save whose fields are not what they should be is stored all the same. */
type Odd = [what: string, change: Fields, check: (stage: Stage) => void]

function stores(saves: Odd[]): void {
  for (const [what, change, check] of saves) {
    it(`${what}: the save is stored`, async (t) => {
      const stage = await setStage(t)
      assert.deepEqual(await postSigned(stage.url, stage.callback(change)), done)
      assert.equal(stage.app.stored.length, 1)
      check(stage)
    })
  }
}

describe('bad input 21: users, actions and history of the wrong type, or many', LIMIT, () => {
  stores([
    [
      'users, actions and history of the wrong type count as absent, or as they are',
      { users: 'u1', actions: { type: 1 }, history: 'x' },
      ({ app }) => {
        const { save } = app.stored[0]!
        assert.deepEqual([save.users, save.actions, save.history], [[], [], 'x'])
      },
    ],
    [
      'users and actions with wrong entries: these are left out',
      {
        users: ['u1', true, null, {}],
        actions: [null, 5, { type: '1', userid: 'u1' }, { type: 1 }, { type: 1, userid: {} }],
      },
      ({ app }) => {
        const { save } = app.stored[0]!
        assert.deepEqual([save.users, save.actions], [['u1'], []])
      },
    ],
    [
      'users as numbers count as their text',
      { users: [1319], actions: [{ type: 0, userid: 1319 }] },
      ({ app }) => {
        const { save } = app.stored[0]!
        assert.deepEqual([save.users, save.actions], [['1319'], [{ type: 0, userid: '1319' }]])
      },
    ],
    [
      '10,000 users',
      { users: Array.from({ length: 10_000 }, (_, index) => `u${index}`) },
      ({ app }) => assert.equal(app.stored[0]!.save.users.length, 10_000),
    ],
  ])

  it('presence callbacks with fields of the wrong type are answered {"error":0}', async (t) => {
    const { url } = await setStage(t)
    for (const change of [{ users: 5 }, { users: {} }, { actions: 'x' }, { userdata: [] }]) {
      for (const status of [1, 4]) {
        assert.deepEqual(await postSigned(url, { key: 'k1', status, ...change }), done)
      }
    }
  })
})

describe('bad input 22: userdata of any kind reaches nobody it does not belong to', LIMIT, () => {
  stores([
    [
      'userdata of 1 MB',
      { userdata: 'x'.repeat(1024 * 1024) },
      ({ app }) => assert.equal((app.stored[0]!.save.userdata as string).length, 1024 * 1024),
    ],
    [
      'userdata an object',
      { userdata: { __proto__: null, a: [1] } },
      ({ app }) => assert.deepEqual(app.stored[0]!.save.userdata, { a: [1] }),
    ],
  ])

  const ids = ['A'.repeat(22), 'A'.repeat(21), '', ':', 'A'.repeat(22) + ':']
  for (const userdata of ids.flatMap((id) => [`docs:${id}`, `docs:${id}:u`, `other:${id}:u`])) {
    it(`userdata of our form that is nobody's: ${JSON.stringify(userdata)}`, async (t) => {
      const { app, url, callback } = await setStage(t)
      const settled: unknown[] = []
      app.docs.on('settled', (event) => settled.push(event))
      for (const change of [{ status: 6, forcesavetype: 0 }, { status: 7 }, { status: 1 }]) {
        await postSigned(url, callback({ ...change, userdata }))
      }
      assert.equal(app.stored.length, 1)
      assert.deepEqual(settled, [])
    })
  }
})

describe('bad input 23: filetype is never part of a path of ours', LIMIT, () => {
  stores([
    [
      'filetype ../x',
      { filetype: '../x' },
      ({ app, files }) => {
        assert.equal(app.stored[0]!.save.filetype, '../x', 'told as it came')
        assert.ok(files.requests.every(({ path }) => !path.includes('..')))
      },
    ],
    ...['docx/../../y', 'exe', '/etc/passwd', '\0', 'x'.repeat(10_000)].map((filetype): Odd => [
      `filetype ${JSON.stringify(filetype).slice(0, 20)}`,
      { filetype },
      ({ app, files }) => {
        assert.equal(app.stored[0]!.save.filetype, filetype)
        assert.doesNotMatch(files.requests.map(({ path }) => path).join(), /\.\.|exe|passwd|xxx/)
      },
    ]),
  ])
})

describe('bad input 24: lastsave garbage, far away or missing', LIMIT, () => {
  stores([
    [
      'lastsave garbage',
      { lastsave: 'yesterday' },
      ({ app }) => assert.equal(app.stored[0]!.save.lastSave, undefined),
    ],
    [
      'lastsave a number',
      { lastsave: 5 },
      ({ app }) => assert.equal(app.stored[0]!.save.lastSave, undefined),
    ],
    [
      'lastsave missing',
      { lastsave: undefined },
      ({ app }) => assert.equal(app.stored[0]!.save.lastSave, undefined),
    ],
  ])

  for (const [what, lastsave] of [
    ['year 9999', '9999-12-31T23:59:59.000Z'],
    ['garbage', 'x'],
    ['missing', undefined],
  ]) {
    it(`lastsave ${what}: a save that comes after it is stored as well`, async (t) => {
      const { app, url, callback } = await setStage(t)
      const first = callback({ status: 6, forcesavetype: 1, lastsave })
      const url2 = (first['url'] as string).replace('_1234', '_5678')
      const second = callback({ status: 6, forcesavetype: 1, url: url2 })
      assert.deepEqual(await postSigned(url, first), done)
      assert.deepEqual(await postSigned(url, second), done)
      assert.equal(app.stored.length, 2)
    })
  }
})

describe('bad input 25: unknown fields are kept in save.body', LIMIT, () => {
  stores([
    [
      'unknown fields are kept in save.body',
      { later: { versions: ['have', 'more'] }, constructor: 'x' },
      ({ app }) => {
        const { body } = app.stored[0]!.save
        assert.deepEqual(body['later'], { versions: ['have', 'more'] })
        assert.equal(body['constructor'], 'x')
      },
    ],
    [
      'fields named like those of every object',
      JSON.parse('{"__proto__":{"url":"http://evil.example/"},"hasOwnProperty":1}') as Fields,
      ({ app }) => {
        const { body } = app.stored[0]!.save
        assert.equal(Object.getPrototypeOf(body), Object.prototype)
        assert.deepEqual(Object.getOwnPropertyDescriptor(body, '__proto__')?.value, {
          url: 'http://evil.example/',
        })
        assert.equal(Object.entries(body).find(([name]) => name === 'hasOwnProperty')?.[1], 1)
      },
    ],
  ])
})
