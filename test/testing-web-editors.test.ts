/** `DocsAPI.DocEditor` of the simulated server, below the browser: tokens, connections, and texts of several. */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { test } from 'node:test'
import fc from 'fast-check'
import jwt from 'jsonwebtoken'
import { startDocsServer, type DocsServer } from '../src/testing/index.js'
import { apply, merge } from '../src/testing/text.js'
import { SECRET } from './support/app.js'
import { LIMIT, listen, startApp, stop } from './support/over-http.js'
import { until } from './support/until.js'

async function post(server: DocsServer, action: string, body: object): Promise<Opened> {
  const url = `${server.url}/web-apps/apps/simulated/${action}`
  const response = await fetch(url, { method: 'POST', body: JSON.stringify(body) })
  return (await response.json()) as Opened
}

interface Opened {
  session: string
  revision: number
  text: string
  users: string[]
  error?: number
}

test('api.js and the editor are served as what they are', LIMIT, async () => {
  await using server = await startDocsServer()
  const types = new Map([
    ['api/documents/api.js', 'text/javascript'],
    ['simulated/editor.html', 'text/html; charset=utf-8'],
    ['simulated/editor.js', 'text/javascript'],
    ['simulated/editor.css', 'text/css'],
  ])
  for (const [name, type] of types) {
    const response = await fetch(`${server.url}/web-apps/apps/${name}`)
    assert.deepEqual([response.status, response.headers.get('content-type')], [200, type])
    await response.arrayBuffer()
  }
  const other = await fetch(`${server.url}/web-apps/apps/simulated/tsconfig.json`)
  assert.equal(other.status, 404)
})

test('a config without a good token, or without a file, opens nothing', LIMIT, async () => {
  await using app = await startApp()
  await using server = await startDocsServer({ secret: SECRET })
  const config = {
    document: { key: 'k', url: `${server.url}/nothing`, fileType: 'txt', permissions: {} },
    editorConfig: { callbackUrl: app.url, mode: 'edit', user: { id: 'u1', name: 'Ann' } },
  }
  const sign = (secret: string, expiresIn: number): string =>
    jwt.sign(config, secret, { expiresIn })
  const open = async (token?: string): Promise<number | undefined> =>
    (await post(server, 'open', { ...config, token })).error
  assert.equal(await open(), -20)
  assert.equal(await open(sign('another secret, 32 bytes or more', 60)), -20)
  assert.equal(await open(sign(SECRET, -61)), -21)
  assert.equal(await open(sign(SECRET, 60)), -4)
  assert.deepEqual(app.heard, [])
})

test(
  'a token without permissions, or without the mode that the page sends, opens nothing',
  LIMIT,
  async () => {
    await using server = await startDocsServer({ secret: SECRET })
    const document = { key: 'k', url: `${server.url}/nothing`, fileType: 'txt' }
    const open = async (signed: object, sent: object = signed): Promise<number | undefined> =>
      (await post(server, 'open', { ...sent, token: jwt.sign(signed, SECRET) })).error
    const permissions = {}
    const whole = { document: { ...document, permissions }, editorConfig: { mode: 'edit' } }
    const [INCOMPLETE, NO_FILE] = [-4006, -4]
    assert.equal(await open(whole), NO_FILE)
    assert.equal(await open({ ...whole, document }), INCOMPLETE)
    assert.equal(await open({ ...whole, document }, whole), INCOMPLETE, 'sent, and not signed')
    assert.equal(await open({ ...whole, editorConfig: {} }, whole), INCOMPLETE)
    assert.equal(await open({ ...whole, editorConfig: {} }), NO_FILE, 'the page sends no mode')
  },
)

test(
  'who closes has left, whose connection ends has vanished, and the text is saved',
  LIMIT,
  async () => {
    const source = createServer((_request, response) => response.end('One\r\n'))
    const url = await listen(source)
    await using app = await startApp()
    await using server = await startDocsServer({ saveDelay: 0, lostDelay: 0 })
    const config = (id: string): object => ({
      document: { key: 'k', url, fileType: 'txt' },
      editorConfig: { callbackUrl: app.url, user: { id, name: id } },
    })
    const ann = await post(server, 'open', config('ann'))
    const ben = await post(server, 'open', config('ben'))
    assert.deepEqual([ann.text, ben.users], ['One\n', ['ann', 'ben']])
    const leaving = new AbortController()
    const events = `${server.url}/web-apps/apps/simulated/events?session=${ann.session}`
    await fetch(events, { signal: leaving.signal })

    const insert = (text: string): object => ({ at: 4, remove: 0, insert: text })
    await post(server, 'sync', { ...ann, change: insert('Two\n') })
    const both = await post(server, 'sync', { ...ben, change: insert('Three\n') })
    assert.deepEqual([both.text, both.revision], ['One\nThree\nTwo\n', 2])

    await post(server, 'close', { session: ben.session })
    assert.equal((await post(server, 'sync', { ...ben })).error, -1)
    leaving.abort()
    await until(() => app.heard.at(-1)?.body.status === 2)
    const { url: link, filetype, history } = app.heard.at(-1)!.body
    const saved = await fetch(String(link))
    assert.equal(await saved.text(), 'One\nThree\nTwo\n')
    assert.equal(filetype, 'txt')
    const { changes } = history as { changes: { user: { name: string } }[] }
    assert.deepEqual(
      changes.map(({ user }) => user.name),
      ['ann', 'ben'],
    )
    await stop(source)
  },
)

test('of changes at once none takes away what another has typed, and all come to the same text', () => {
  const text = 'a text to work on'
  const change = (insert: string): fc.Arbitrary<[number, number, string]> =>
    fc.tuple(fc.nat(text.length), fc.nat(5), fc.constant(insert))
  fc.assert(
    fc.property(change('<mine>'), fc.array(change('<theirs>'), { maxLength: 3 }), (own, others) => {
      const of = (
        [at, remove, insert]: [number, number, string],
        within: number,
      ): Parameters<typeof apply>[1] => ({ at, remove: Math.min(remove, within - at), insert })
      let now = text
      const theirs = others.map((other) => {
        const [at, remove, insert] = other
        const made = of([Math.min(at, now.length), remove, insert], now.length)
        now = apply(now, made)
        return made
      })
      const merged = merge(of(own, text.length), theirs)
      assert.ok(merged.mine, 'mine is still there')
      const result = apply(now, merged.mine)
      assert.ok(result.includes('<mine>'), result)
      const count = (whole: string): number => whole.split('<theirs>').length
      // One of theirs may have removed an earlier one of theirs.
      assert.equal(count(result.replace('<mine>', '')), count(now))
      // Where less is removed than was meant, the server's text counts.
      if (own[1] > 0 || others.some(([, remove]) => remove > 0)) return
      assert.equal(merged.theirs.reduce(apply, apply(text, of(own, text.length))), result)
    }),
    { numRuns: 2000 },
  )
})
