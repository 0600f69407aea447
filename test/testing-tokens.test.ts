/** The simulated Docs server's tokens: on callbacks, and what it makes of those on commands. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import jwt from 'jsonwebtoken'
import { startDocsServer, virtualClock } from '../src/testing/index.js'
import { command, LIMIT, SECRET, startApp, type Body, type Heard } from './support/over-http.js'

/** The claims of a callback's two tokens, verified with the clock at `now` (ms). */
function claimsOf({ headers, body }: Heard, now: number): { inBody: Body; inHeader: Body } {
  const verify = (token: string): Body =>
    jwt.verify(token, SECRET, {
      algorithms: ['HS256'],
      clockTimestamp: Math.floor(now / 1000),
    }) as Body
  const [scheme, header] = headers.authorization!.split(' ')
  assert.equal(scheme, 'Bearer')
  return { inBody: verify(body.token as string), inHeader: verify(header!) }
}

test('a callback is signed twice over, with the claims of the recorded one', LIMIT, async () => {
  const vector = JSON.parse(
    readFileSync(new URL('./wire/jwt-vector.json', import.meta.url), 'utf8'),
  ) as { headers: { authorization: string }; body: Body }
  const recorded = {
    inBody: jwt.decode(vector.body.token as string) as Body,
    inHeader: jwt.decode(vector.headers.authorization.split(' ')[1]!) as Body,
  }
  await using app = await startApp()
  await using server = await startDocsServer({ secret: SECRET })
  const editor = await server.open('k', { user: 'u1', callbackUrl: `${app.url}/callback?doc=1` })
  editor.type('hello')
  await server.command({ c: 'forcesave', key: 'k', userdata: 'first' })
  await server.idle()

  const heard = app.heard.at(-1)!
  const { inBody, inHeader } = claimsOf(heard, Date.now())
  assert.deepEqual(Object.keys(heard.body), Object.keys(vector.body))
  assert.deepEqual(Object.keys(inBody), Object.keys(recorded.inBody))
  assert.deepEqual(Object.keys(inHeader), Object.keys(recorded.inHeader))
  assert.deepEqual(
    Object.keys(inHeader.payload as Body),
    Object.keys(recorded.inHeader.payload as Body),
  )

  const { token: _token, ...plain } = heard.body
  const { iat, exp, ...claims } = inBody
  assert.deepEqual(claims, plain)
  assert.deepEqual(inHeader.payload, plain)
  assert.equal((exp as number) - (iat as number), 300)
  assert.throws(() => claimsOf(heard, Date.now() + 301_000), jwt.TokenExpiredError)
  assert.equal(heard.path, '/callback?doc=1')
  assert.equal(heard.headers['content-type'], 'application/json')
})

test(
  'with a large userdata only the body token still has history and changesurl',
  LIMIT,
  async () => {
    await using app = await startApp()
    await using server = await startDocsServer({ secret: SECRET })
    const editor = await server.open('k', { user: 'u1', callbackUrl: `${app.url}/callback?doc=1` })
    for (const [length, trimmed] of [
      [4000, false],
      [4800, true],
    ] as const) {
      editor.type('hello')
      await server.command({ c: 'forcesave', key: 'k', userdata: 'x'.repeat(length) })
      await server.idle()
      const heard = app.heard.at(-1)!
      const { inBody, inHeader } = claimsOf(heard, Date.now())
      for (const small of [heard.body, inHeader.payload as Body]) {
        assert.equal('changesurl' in small, !trimmed)
        assert.equal(Object.keys(small.history as Body).length > 0, !trimmed)
        assert.equal((small.userdata as string).length, length)
      }
      assert.equal('changesurl' in inBody, true)
      assert.equal((inBody.history as { changes: unknown[] }).changes.length, 1)
      assert.ok(
        heard.headers.authorization!.length - 'Bearer '.length <= 7168,
        'the header token is small',
      )
    }
  },
)

test(
  'with a huge userdata the callback fails with HTTP 431 and the save is not confirmed',
  LIMIT,
  async () => {
    await using app = await startApp()
    await using server = await startDocsServer({ secret: SECRET })
    const editor = await server.open('k', { user: 'u1', callbackUrl: `${app.url}/callback?doc=1` })
    editor.type('hello')
    await server.command({ c: 'forcesave', key: 'k', userdata: 'x'.repeat(20_000) })
    await server.idle()
    assert.deepEqual(
      app.heard.map(({ body }) => body.status),
      [1],
    )
    const reply = server.log.at(-1)!
    assert.deepEqual([reply.type, 'status' in reply && reply.status], ['reply', 431])
  },
)

test(
  'command tokens: in the body or the header, the body first, HS256 to HS512',
  LIMIT,
  async () => {
    await using server = await startDocsServer({ secret: SECRET })
    const claims = { c: 'version' }
    const version = { error: 0, version: '4.1.2.37' }
    for (const algorithm of ['HS256', 'HS384', 'HS512'] as const) {
      const token = jwt.sign(claims, SECRET, { algorithm })
      assert.deepEqual(await command(server, { ...claims, token }), version, algorithm)
      const header = jwt.sign({ payload: claims }, SECRET, { algorithm })
      const headers = { authorization: `Bearer ${header}` }
      assert.deepEqual(await command(server, claims, { headers }), version, algorithm)
    }
    const good = jwt.sign(claims, SECRET)
    const headers = { authorization: `Bearer ${jwt.sign({ payload: claims }, SECRET)}` }
    assert.deepEqual(
      await command(server, { c: 'nope', token: good }),
      version,
      'claims replace it',
    )
    assert.deepEqual(await command(server, { ...claims, token: 'bad' }, { headers }), { error: 6 })
    assert.deepEqual(
      await command(server, { token: good }, { headers: { authorization: 'x' } }),
      version,
    )
  },
)

test(
  'command tokens that are refused: 6, or 7 when expired, with 60 s of clock skew',
  LIMIT,
  async () => {
    const clock = virtualClock()
    await using server = await startDocsServer({ secret: SECRET, clock })
    const seconds = Math.floor(clock.now() / 1000)
    const sign = (age: number, secret = SECRET): Body => ({
      token: jwt.sign({ c: 'version', iat: seconds - 300, exp: seconds - age }, secret),
    })
    assert.equal((await command(server, sign(59))).error, 0)
    assert.deepEqual(await command(server, sign(61)), { error: 7 })
    assert.deepEqual(await command(server, sign(-60, 'another secret of 32 characters!')), {
      error: 6,
    })
    assert.deepEqual(await command(server, { token: jwt.sign('text', SECRET) }), { error: 6 })
    assert.deepEqual(await command(server, { token: 5 }), { error: 6 })
    assert.deepEqual(await command(server, { c: 'version' }), { error: 6 })
    assert.deepEqual(await command(server, 'no json'), { error: 6 })
    const unsigned = jwt.sign({ c: 'version' }, '', { algorithm: 'none' })
    assert.deepEqual(await command(server, { token: unsigned }), { error: 6 })
  },
)
