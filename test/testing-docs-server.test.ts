/** The simulated Docs server over HTTP: paths, links, the log, and what only a connection can show. */
import assert from 'node:assert/strict'
import { createServer as createTcpServer } from 'node:net'
import { test } from 'node:test'
import jwt from 'jsonwebtoken'
import { editsIn, startDocsServer, virtualClock } from '../src/testing/index.js'
import { command, LIMIT, listen, SECRET, startApp, stop } from './support/over-http.js'
import { until } from './support/until.js'

test('paths: the older command path, shardkey, healthcheck, and nothing else', LIMIT, async () => {
  await using server = await startDocsServer()
  const legacy = '/coauthoring/CommandService.ashx'
  const body = { c: 'info', key: 'k' }
  const unknown = { key: 'k', error: 1 }
  assert.deepEqual(await command(server, body, { path: '/command?shardkey=k' }), unknown)
  assert.deepEqual(await command(server, body, { path: `${legacy}?shardkey=k` }), unknown)
  assert.equal(await (await fetch(`${server.url}/healthcheck`)).text(), 'true')
  assert.equal((await fetch(`${server.url}/command`)).status, 404)
  assert.equal((await fetch(`${server.url}/`, { method: 'POST' })).status, 404)

  await using old = await startDocsServer({ legacyOnly: true })
  assert.equal((await fetch(`${old.url}/command`, { method: 'POST', body: '{}' })).status, 404)
  assert.deepEqual(await command(old, body, { path: legacy }), unknown)
})

test('links are served to whoever has them, until they expire', LIMIT, async () => {
  const clock = virtualClock()
  await using app = await startApp()
  await using server = await startDocsServer({ clock })
  const editor = await server.open('k', { user: 'u1', callbackUrl: app.url })
  editor.type('hello')
  await server.command({ c: 'forcesave', key: 'k' })
  assert.equal(await clock.runUntil(() => app.heard.length === 2, 1000, 50), true)
  const url = app.heard[1]!.body.url as string
  assert.equal(url.startsWith(`${server.url}/cache/files/data/k_`), true)
  const response = await fetch(url)
  assert.equal(response.status, 200)
  const bytes = new Uint8Array(await response.arrayBuffer())
  assert.deepEqual(editsIn(bytes), [1])
  assert.deepEqual(bytes, new Uint8Array(server.file(url)!))
  assert.equal((await fetch(url.replace(/md5=./, 'md5=_-'))).status, 403)
  assert.equal((await fetch(url.replaceAll('output', 'other'))).status, 404)
  await clock.advance(16 * 60_000)
  assert.equal((await fetch(url)).status, 403)
})

test('waits ten minutes for a reply, by its own clock', LIMIT, async () => {
  const clock = virtualClock()
  const silent = createTcpServer((socket) => void socket.on('error', () => {}).resume())
  const callbackUrl = await listen(silent)
  try {
    await using server = await startDocsServer({ clock })
    const opening = server.open('k', { user: 'u1', callbackUrl })
    const gaveUp = (): boolean => server.log.at(-1)?.type === 'reply'
    await clock.advance(599_999)
    assert.equal(gaveUp(), false)
    assert.equal(await clock.runUntil(gaveUp, 1), true)
    assert.deepEqual(server.log.at(-1), {
      t: 600_000,
      type: 'reply',
      id: 1,
      connection: 'destroyed',
    })
    assert.equal((await opening).warnings, 1)
  } finally {
    await stop(silent)
  }
})

test('sends 50 callbacks at once without a warning of Node', LIMIT, async (t) => {
  const warnings: Error[] = []
  const warn = (warning: Error): void => void warnings.push(warning)
  process.on('warning', warn)
  t.after(() => process.off('warning', warn))
  let answerAll = (): void => {}
  const asked = new Promise<void>((resolve) => (answerAll = resolve))
  await using app = await startApp(undefined, asked)
  await using server = await startDocsServer()
  const keys = Array.from({ length: 50 }, (_, index) => `k${index}`)
  const opening = keys.map((key) => server.open(key, { user: 'u1', callbackUrl: app.url }))
  await until(() => app.heard.length === keys.length)
  answerAll()
  await Promise.all(opening)
  assert.deepEqual(warnings, [])
})

test('nobody listens at the callback URL, or it is none: no answer', LIMIT, async () => {
  await using server = await startDocsServer()
  for (const callbackUrl of ['http://127.0.0.1:1/callback', 'ftp://127.0.0.1/', 'no url']) {
    assert.equal(
      (await server.open(`k${callbackUrl.length}`, { user: 'u1', callbackUrl })).warnings,
      1,
    )
  }
})

test('the log has every action and message in order, and no token', LIMIT, async () => {
  await using app = await startApp()
  await using server = await startDocsServer({ secret: SECRET })
  const editor = await server.open('k', { user: 'u1', callbackUrl: app.url })
  editor.type('hello')
  editor.saveButton()
  await server.idle()
  const headers = { authorization: `Bearer ${jwt.sign({ payload: { c: 'version' } }, SECRET)}` }
  await command(server, { c: 'version' }, { headers })
  await command(server, { token: jwt.sign({ c: 'version' }, SECRET) })
  assert.deepEqual(
    server.log.map((entry) => [entry.type, 'id' in entry ? entry.id : entry.action]),
    [
      ['editor', 'open'],
      ['callback', 1],
      ['reply', 1],
      ['editor', 'edit'],
      ['editor', 'save-button'],
      ['callback', 2],
      ['reply', 2],
      ['command', 1],
      ['response', 1],
      ['command', 2],
      ['response', 2],
    ],
  )
  const logged = JSON.stringify(server.log)
  assert.ok(!logged.includes('eyJ'), 'tokens are elided')
  assert.equal(logged.match(/<signed body>/g)?.length, 3)
  assert.equal(logged.match(/Bearer <signed \{payload: body\}>/g)?.length, 3)
})

test(
  'close ends what is under way and leaves nothing; closing again is the same close',
  LIMIT,
  async () => {
    const clock = virtualClock()
    await using app = await startApp(() => ({ status: 503, body: '' }))
    const silent = createTcpServer((socket) => void socket.on('error', () => {}).resume())
    const silentUrl = await listen(silent)
    const server = await startDocsServer({ clock })
    try {
      const editor = await server.open('retried', { user: 'u1', callbackUrl: app.url })
      editor.type('hello')
      await editor.close()
      assert.equal(await clock.runUntil(() => app.heard.length === 2, 1000, 50), true)
      void server.open('unanswered', { user: 'u1', callbackUrl: silentUrl })
      assert.notEqual(clock.pending, 0)
    } finally {
      const closing = server.close()
      assert.equal(server.close(), closing)
      await closing
      await stop(silent)
    }
    assert.equal(clock.pending, 0)
    await assert.rejects(fetch(`${server.url}/healthcheck`))
    await server.idle()
  },
)

test('a port that is taken: starting it fails', LIMIT, async () => {
  await using server = await startDocsServer()
  const port = Number(new URL(server.url).port)
  await assert.rejects(startDocsServer({ port }), { code: 'EADDRINUSE' })
})
