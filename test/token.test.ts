import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { isDocsError } from '../src/errors.js'
import {
  createKeys,
  signToken,
  verifyCallback,
  verifyToken,
  type Refusal,
  type TokenOptions,
} from '../src/protocol/token.js'

const SECRET = 'a secret of the tests, long enough'
const NOW = 1_800_000_000
const keys = createKeys([SECRET])
const options: TokenOptions = {
  header: 'Authorization',
  prefix: 'Bearer ',
  algorithms: ['HS256'],
  in: 'body',
  expiresIn: 300,
  clockTolerance: 60,
}
const callback = {
  key: 'k1',
  status: 6,
  url: 'http://docs.internal/cache/k1_1234/output.docx?md5=a',
}
const times = { iat: NOW, exp: NOW + 300 }

/** Signs by hand, so that a fault of `signToken` cannot cancel out, and so that anything can be signed. */
function forge(payload: unknown, header: object = {}, secret = SECRET, hash = 'sha256'): string {
  const text = typeof payload === 'string' ? payload : JSON.stringify(payload)
  const head = JSON.stringify({ alg: 'HS256', typ: 'JWT', ...header })
  const signed = `${part(head)}.${part(text)}`
  return `${signed}.${createHmac(hash, secret).update(signed).digest('base64url')}`
}
const part = (text: string): string => Buffer.from(text).toString('base64url')

const verify = (token: unknown, change: Partial<TokenOptions> = {}, now = NOW, by = keys) =>
  verifyToken(token, by, { ...options, ...change }, now * 1000)
const reason = (verdict: { ok: true } | Refusal): string => (verdict.ok ? 'ok' : verdict.reason)
const receive = (body: unknown, authorization?: unknown): ReturnType<typeof verifyCallback> =>
  verifyCallback(body, authorization, keys, options, NOW * 1000)

describe('the recorded callback', () => {
  interface Vector {
    secret: string
    validAt: number
    headers: { authorization: string }
    body: Record<string, unknown>
  }
  const path = new URL('wire/jwt-vector.json', import.meta.url)
  const vector = JSON.parse(readFileSync(path, 'utf8')) as Vector
  const at = (body: unknown, header: string | undefined, seconds = vector.validAt) =>
    verifyCallback(body, header, createKeys([vector.secret]), options, seconds * 1000)
  const { token, ...plain } = vector.body

  it('is taken from the body, the header beside it', () => {
    const verdict = at(vector.body, vector.headers.authorization)
    assert.deepEqual(verdict, { ok: true, from: 'body', body: plain })
  })
  it('is taken from the header alone, and is the same callback', () => {
    const verdict = at(plain, vector.headers.authorization)
    assert.deepEqual(verdict, { ok: true, from: 'header', body: plain })
  })
  it('is taken from the body alone, whatever the plain body says', () => {
    const verdict = at({ token, key: 'another', status: 2 }, undefined)
    assert.deepEqual(verdict, { ok: true, from: 'body', body: plain })
  })
  it('is refused under another secret, and after its time', () => {
    assert.equal(reason(receive(vector.body)), 'signature')
    assert.equal(reason(at(vector.body, undefined, vector.validAt + 3600)), 'expired')
  })
})

describe('signToken', () => {
  for (const algorithm of ['HS256', 'HS384', 'HS512'] as const) {
    it(`signs with ${algorithm} as a signature made by hand does`, () => {
      const token = signToken(
        { c: 'version' },
        keys,
        { ...options, algorithms: [algorithm] },
        NOW * 1000,
      )
      const claims = { c: 'version', ...times }
      assert.equal(token, forge(claims, { alg: algorithm }, SECRET, algorithm.replace('HS', 'sha')))
      assert.deepEqual(verify(token, { algorithms: [algorithm] }), { ok: true, claims })
    })
  }
  it('takes the time it is given, also at the beginning of time', () => {
    const token = signToken({}, keys, options, 999)
    assert.deepEqual(verify(token, {}, 0), { ok: true, claims: { iat: 0, exp: 300 } })
  })
  it('signs with the first secret and verifies with all of them', () => {
    const rotated = createKeys(['new', SECRET])
    const token = signToken({}, rotated, options, NOW * 1000)
    assert.equal(token, forge(times, {}, 'new'))
    assert.equal(reason(verify(token, {}, NOW, rotated)), 'ok')
    assert.equal(reason(verify(forge(times), {}, NOW, rotated)), 'ok')
    assert.equal(reason(verify(forge(times, {}, 'old'), {}, NOW, rotated)), 'signature')
  })
  it('takes no empty secret, and none at all neither', () => {
    for (const secrets of [[], [''], [SECRET, '']]) {
      assert.throws(
        () => createKeys(secrets),
        (error) => isDocsError(error, 'BAD_OPTION'),
      )
    }
  })
})

describe('verifyToken refuses', () => {
  const good = forge(times)
  const [head, body, signature] = good.split('.') as [string, string, string]
  const cases: [what: string, token: unknown, expected: Refusal['reason']][] = [
    ['no token', undefined, 'missing'],
    ['null', null, 'malformed'],
    ['an empty text', '', 'malformed'],
    ['an array', [good], 'malformed'],
    ['an object', { token: good }, 'malformed'],
    ['a number', 5, 'malformed'],
    ['1 MB of nothing', 'a'.repeat(1024 * 1024), 'malformed'],
    ['more than 12 MB', `${'a'.repeat(13 * 1024 * 1024)}.${body}.${signature}`, 'malformed'],
    ['two parts', `${head}.${body}`, 'malformed'],
    ['five parts', `${good}.a.b`, 'malformed'],
    ['no signature', `${head}.${body}.`, 'malformed'],
    ['a newline at its end', `${good}\n`, 'malformed'],
    ['a space before it', ` ${good}`, 'malformed'],
    ['padding', `${good}=`, 'malformed'],
    ['a header that is no JSON', `${part('x')}.${body}.${signature}`, 'malformed'],
    ['a header that is null', `${part('null')}.${body}.${signature}`, 'malformed'],
    ['a header that is an array', `${part('[]')}.${body}.${signature}`, 'malformed'],
    ['claims that are no JSON', forge('{'), 'malformed'],
    ['alg none', forge(times, { alg: 'none' }), 'algorithm'],
    ['alg nOnE', forge(times, { alg: 'nOnE' }), 'algorithm'],
    ['alg hs256', forge(times, { alg: 'hs256' }), 'algorithm'],
    ['HS384 where HS256 is pinned', forge(times, { alg: 'HS384' }, SECRET, 'sha384'), 'algorithm'],
    ['HS512 where HS256 is pinned', forge(times, { alg: 'HS512' }, SECRET, 'sha512'), 'algorithm'],
    ['RS256 with the secret as its key', forge(times, { alg: 'RS256' }), 'algorithm'],
    ['alg in an array', forge(times, { alg: ['HS256'] }), 'algorithm'],
    ['no alg', forge(times, { alg: undefined }), 'algorithm'],
    ['crit', forge(times, { crit: ['exp'] }), 'critical-header'],
    ['b64', forge(times, { b64: false }), 'critical-header'],
    ['jku', forge(times, { jku: 'http://evil.example/keys' }), 'critical-header'],
    ['a kid with a path', forge(times, { kid: '../../dev/null' }), 'critical-header'],
    ['a kid that is an object', forge(times, { kid: {} }), 'critical-header'],
    ['another secret', forge(times, {}, 'another'), 'signature'],
    ['an empty secret', forge(times, {}, ''), 'signature'],
    ['a changed signature', `${head}.${body}.${signature.slice(0, -2)}AA`, 'signature'],
    ['changed claims', `${head}.${part('{"exp":1900000000}')}.${signature}`, 'signature'],
    ['claims null', forge('null'), 'claims'],
    ['claims that are a text', forge('"text"'), 'claims'],
    ['claims that are a number', forge('5'), 'claims'],
    ['claims that are an array', forge('[]'), 'claims'],
    ['claims null without typ', forge('null', { typ: undefined }), 'claims'],
    ['no exp', forge({ iat: NOW }), 'no-expiry'],
    ['exp of a prototype', forge(`{"__proto__":{"exp":${NOW + 9}}}`), 'no-expiry'],
    ['exp as a text', forge({ exp: String(NOW + 300) }), 'no-expiry'],
    ['exp null', forge({ exp: null }), 'no-expiry'],
    ['exp 1e400', forge('{"exp":1e400}'), 'no-expiry'],
    ['exp 61 s ago', forge({ exp: NOW - 61 }), 'expired'],
    ['iat in a year', forge({ ...times, iat: NOW + 31_536_000 }), 'issued-in-future'],
    ['iat in 61 s', forge({ ...times, iat: NOW + 61 }), 'issued-in-future'],
    ['iat of 15 minutes and 61 s ago', forge({ ...times, iat: NOW - 961 }), 'expired'],
    ['iat 0', forge({ ...times, iat: 0 }), 'expired'],
    ['iat -1e308', forge({ ...times, iat: -1e308 }), 'expired'],
    ['iat null', forge({ ...times, iat: null }), 'claims'],
    ['iat 1e400', forge(`{"exp":${NOW + 9},"iat":1e400}`), 'claims'],
    ['iat as a text', forge({ ...times, iat: String(NOW) }), 'claims'],
    ['nbf in a year', forge({ ...times, nbf: NOW + 31_536_000 }), 'issued-in-future'],
  ]
  for (const [what, token, expected] of cases) {
    it(`${what}: ${expected}`, () => assert.equal(reason(verify(token)), expected))
  }

  it('but takes what is within the tolerance', () => {
    assert.equal(reason(verify(forge({ exp: NOW - 59 }))), 'ok')
    assert.equal(reason(verify(forge({ ...times, iat: NOW + 59 }))), 'ok')
    assert.equal(reason(verify(forge({ ...times, iat: NOW - 959 }))), 'ok')
    assert.equal(reason(verify(forge({ exp: NOW + 300 }))), 'ok', 'iat is not asked for')
    assert.equal(reason(verify(forge(times, { kid: 'docs-1' }))), 'ok')
  })
  it('everything when the tolerance is not a number, and counts one in a text as that number', () => {
    const tolerance = (value: unknown) => ({ clockTolerance: value as number })
    assert.equal(reason(verify(good, tolerance(Number.NaN))), 'expired')
    assert.equal(reason(verify(forge({ exp: NOW - 61 }), tolerance('60'))), 'expired')
  })
  it('and says nothing of the token in its detail', () => {
    for (const [, token] of cases) {
      const verdict = verify(token)
      assert.ok(!verdict.ok && !/docs|evil|dev|another/.test(verdict.detail ?? ''))
    }
  })
})

describe('verifyCallback', () => {
  const inBody = { token: forge({ ...callback, ...times }) }
  const bearer = (payload: unknown): string => `Bearer ${forge({ payload, ...times })}`

  it('counts a header that is no text or has another prefix as missing', () => {
    for (const header of [
      undefined,
      '',
      [bearer(callback)],
      bearer(callback).replace('B', 'C'),
      bearer(callback).replace(' ', ''),
      forge(times),
    ]) {
      assert.equal(reason(receive({}, header)), 'missing')
    }
    assert.equal(reason(receive({}, `${bearer(callback)}, ${bearer(callback)}`)), 'malformed')
  })
  it('takes the scheme in any case, as HTTP has it', () => {
    for (const scheme of ['bearer', 'BEARER', 'bEaReR']) {
      assert.equal(reason(receive({}, bearer(callback).replace('Bearer', scheme))), 'ok')
    }
  })
  it('judges by the header alone when the body holds no token, whatever else it is', () => {
    for (const body of [
      undefined,
      null,
      [],
      'x',
      5,
      {},
      { token: undefined },
      { key: 'another' },
    ]) {
      assert.deepEqual(receive(body, bearer(callback)), {
        ok: true,
        from: 'header',
        body: callback,
      })
    }
  })
  it('refuses a bad token in the body beside a good one in the header', () => {
    for (const token of [null, '', 'x', [], forge(callback, {}, 'another'), forge(callback)]) {
      assert.equal(receive({ token }, bearer(callback)).ok, false)
    }
  })
  it('ignores a token that the body inherits', () => {
    assert.equal(reason(receive(Object.create(inBody))), 'missing')
  })
  it('refuses a header token without a payload, or with one that is none', () => {
    for (const payload of [undefined, null, 'x', [callback], { payload: callback }]) {
      assert.equal(reason(receive({}, bearer(payload))), 'claims')
    }
    assert.equal(reason(receive({}, `Bearer ${inBody.token}`)), 'claims')
  })
  it('refuses the tokens of editor configs, of commands and of headers', () => {
    const config = { document: { key: 'k1' }, documentType: 'word', editorConfig: {} }
    for (const claims of [config, { c: 'forcesave', key: 'k1' }, { payload: callback }]) {
      assert.equal(reason(receive({ token: forge({ ...claims, ...times }) })), 'claims')
      assert.equal(reason(receive({}, bearer(claims))), 'claims')
    }
  })
  it('refuses two tokens that differ in key, status or the place of url', () => {
    const differing = [
      { ...callback, key: 'k2' },
      { ...callback, status: 2 },
      { ...callback, url: 'http://docs.internal/cache/k1_9999/output.docx?md5=a' },
      { ...callback, url: 'http://evil.example/cache/k1_1234/output.docx?md5=a' },
      { ...callback, url: undefined },
      { key: 'k1' },
      'x',
    ]
    for (const payload of differing) {
      assert.equal(reason(receive(inBody, bearer(payload))), 'contradiction')
    }
    assert.equal(reason(receive(inBody, 'Bearer x')), 'contradiction')
  })
  it('takes a header token that lacks what a long callback leaves out, or is signed anew', () => {
    const long = {
      ...callback,
      history: { changes: [1] },
      changesurl: 'http://docs.internal/c.zip?md5=a',
    }
    const header = { ...callback, history: {}, url: callback.url.replace('md5=a', 'md5=b') }
    const verdict = receive({ token: forge({ ...long, ...times }) }, bearer(header))
    assert.deepEqual(verdict, { ok: true, from: 'body', body: long })
  })
  it('does not mind a header meant for somebody else', () => {
    assert.equal(reason(receive(inBody, 'Basic dTpw')), 'ok')
  })
})
