/** What createDocs() makes besides the calls: URLs, configs, events, logs, and two of it side by side. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { inspect } from 'node:util'
import jwt from 'jsonwebtoken'
import type { DocsEvents, Logger } from '../src/index.js'
import { createDocs, isDocsError } from '../src/index.js'
import { response, startServer } from './faulty-server.js'
import { SECRET, startApp } from './support/app.js'
import { LIMIT, post, postSigned, setStage } from './support/callbacks.js'
import { failure, startPair } from './support/pair.js'

describe('tokens of commands', LIMIT, () => {
  const accepted = response(200, '{"error":0,"version":"9.0.0"}')

  it('go into the header with token.in: "header"', async (t) => {
    const { docs, open, server } = await startPair(t, { token: { in: 'header' } })
    ;(await open('k1')).type('x')
    assert.equal((await docs.forcesave('k1')).outcome, 'saved')
    const sent = server.log.find(({ type }) => type === 'command') as {
      headers: Record<string, string>
      body: object
    }
    assert.match(sent.headers['authorization']!, /^Bearer /)
    assert.ok(!('token' in sent.body))
  })
  it('go into the header that the options name, behind their prefix', async (t) => {
    const server = await startServer(t, (socket) => socket.write(accepted))
    const token = { in: 'header', header: 'X-Docs-Token', prefix: 'Token ' } as const
    const docs = createDocs({ server: server.url.href, secret: SECRET, onSave: () => {}, token })
    t.after(() => docs.close())
    await docs.version()
    const { headers, body } = server.requests[0]!
    assert.equal(headers['authorization'], undefined)
    const [prefix, signed = ''] = headers['x-docs-token']!.split(' ')
    assert.equal(prefix, 'Token')
    const { payload } = jwt.verify(signed, SECRET, { algorithms: ['HS256'] }) as jwt.JwtPayload
    assert.deepEqual(payload, { c: 'version' })
    assert.deepEqual(JSON.parse(body), { c: 'version' })
  })
  it('are nowhere with secret: null', async (t) => {
    const { docs } = await startPair(t, { secret: null })
    const off = await startServer(t, (socket) => socket.write(accepted))
    const plain = createDocs({ server: off.url.href, secret: null, onSave: () => {} })
    t.after(() => plain.close())
    await plain.version()
    assert.doesNotMatch(off.requests[0]!.body, /token/)
    assert.equal(off.requests[0]!.headers['authorization'], undefined)
    // A Docs server with tokens on says so.
    assert.equal((await failure(docs.version(), 'COMMAND_REJECTED')).error, 6)
  })
})

describe('an older Docs server', LIMIT, () => {
  it('is asked at its own address', async (t) => {
    const { docs, open } = await startPair(t, { simulation: { legacyOnly: true } })
    ;(await open('k1')).type('x')
    assert.equal((await docs.forcesave('k1')).outcome, 'saved')
    assert.deepEqual((await docs.info('k1')).users, ['u1'])
    assert.deepEqual(await docs.version(), { version: '4.1.2.37' })
  })
})

describe('a Docs server before 4.2', LIMIT, () => {
  for (const place of ['body', 'header'] as const) {
    it(`takes commands by GET, their token as for the ${place}`, async (t) => {
      const { docs, open, server } = await startPair(t, {
        simulation: { legacyOnly: true },
        commandMethod: 'GET',
        token: { in: place },
      })
      ;(await open('k1')).type('x')
      const result = await docs.forcesave('k1', { userdata: 'ü & 1' })
      assert.ok(result.outcome === 'saved' && result.userdata === 'ü & 1')
      await docs.drop('k1', ['u1'])
      const paths = server.log.flatMap((entry) => (entry.type === 'command' ? [entry.path] : []))
      assert.ok(paths.length > 0)
      for (const path of paths) assert.match(path, /^\/coauthoring\/CommandService\.ashx\?c=/)
    })
  }
})

const joined = { key: 'k1', status: 1, actions: [{ type: 1, userid: 'u1' }] }

describe('on()', LIMIT, () => {
  it('tells a session from its beginning to its end', async (t) => {
    const { docs, open, server } = await startPair(t)
    const heard: string[] = []
    const names = ['editing', 'closed', 'saving', 'saved', 'settled'] as const
    for (const name of names) docs.on(name, () => heard.push(name))
    const editor = await open('k1')
    editor.type('x')
    await docs.forcesave('k1')
    await editor.close()
    await server.idle()
    assert.deepEqual(heard, ['editing', 'saving', 'settled', 'saved', 'saving', 'saved'])
  })

  it('tells every command, with its answer', async (t) => {
    const { docs } = await startPair(t)
    const heard: DocsEvents['command'][] = []
    docs.on('command', (event) => heard.push(event))
    await docs.version()
    await failure(docs.info('nobodys'), 'COMMAND_REJECTED')
    assert.deepEqual(heard, [
      { name: 'version', key: undefined, error: 0 },
      { name: 'info', key: 'nobodys', error: 1 },
    ])
  })

  it('returns what ends it; the other listeners go on', async (t) => {
    const { app, url } = await setStage(t)
    const heard: string[] = []
    const end = app.docs.on('editing', () => heard.push('first'))
    app.docs.on('editing', () => heard.push('second'))
    await postSigned(url, joined)
    end()
    await postSigned(url, joined)
    assert.deepEqual(heard, ['first', 'second', 'second'])
  })

  it('ending one registration twice does not end another of the same listener', async (t) => {
    const { app, url } = await setStage(t)
    let heard = 0
    const listener = (): void => void (heard += 1)
    const end = app.docs.on('editing', listener)
    app.docs.on('editing', listener)
    end()
    end()
    await postSigned(url, joined)
    assert.equal(heard, 1)
  })

  it('a listener may end itself and add others meanwhile', async (t) => {
    const { app, url } = await setStage(t)
    const heard: string[] = []
    const end = app.docs.on('editing', () => {
      end()
      heard.push('once')
      app.docs.on('editing', () => heard.push('later'))
    })
    await postSigned(url, joined)
    await postSigned(url, joined)
    assert.deepEqual(heard, ['once', 'later'])
  })

  it('on() refuses a name that is no event, and what is no function', async (t) => {
    const { app } = await setStage(t)
    const on = (name: unknown, listener: unknown): unknown =>
      app.docs.on(name as 'saved', listener as () => void)
    for (const name of ['save', 'reject', 'toString', '', undefined]) {
      assert.throws(
        () => on(name, () => {}),
        (error) =>
          isDocsError(error, 'BAD_OPTION') && /^event: got .*saved.*rejected/.test(error.message),
      )
    }
    assert.throws(
      () => on('saved', 'not a function'),
      (error) => isDocsError(error, 'BAD_OPTION') && /^listener: got "not/.test(error.message),
    )
  })

  it('a listener that throws or rejects harms nobody, and is logged', async (t) => {
    const errors: unknown[] = []
    const logger = { ...silent(), error: (details: { err?: unknown }) => errors.push(details.err) }
    const { app, url, callback } = await setStage(t, { logger })
    const [thrown, rejected] = [new Error('thrown'), new Error('rejected')]
    const heard: string[] = []
    for (const name of ['saving', 'saved'] as const) {
      app.docs.on(name, () => {
        throw thrown
      })
      app.docs.on(name, () => Promise.reject(rejected))
      app.docs.on(name, () => heard.push(name))
    }
    assert.equal((await postSigned(url, callback())).status, 200)
    assert.equal(app.stored.length, 1)
    assert.deepEqual(heard, ['saving', 'saved'])
    assert.deepEqual(new Set(errors), new Set([thrown, rejected]))
  })

  it('100 listeners are no leak and no warning', async (t) => {
    const warnings: Error[] = []
    const warn = (warning: Error): void => void warnings.push(warning)
    process.on('warning', warn)
    t.after(() => process.off('warning', warn))
    const { docs } = await startPair(t)
    for (let count = 0; count < 100; count += 1) docs.on('saved', () => {})
    await new Promise((resolve) => setImmediate(resolve))
    assert.deepEqual(warnings, [])
  })
})

function silent(): Logger {
  return { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
}

describe('secrets, tokens and query strings', LIMIT, () => {
  it('are in no log line, no event and no error, whatever goes wrong', async (t) => {
    const seen: unknown[] = []
    const log = (details: object, message: string): void => void seen.push([details, message])
    const logger = { debug: log, info: log, warn: log, error: log }
    const { app, url, callback, files } = await setStage(t, { logger, retries: 0, grace: 10 })
    const events = [
      'saving',
      'saved',
      'save-failed',
      'rejected',
      'conversion-failed',
      'settled',
      'editing',
    ] as const
    for (const name of events) app.docs.on(name, (event) => seen.push(event))
    await postSigned(url, callback())
    await postSigned(url, callback({ status: 3 }))
    await postSigned(url, callback({ key: 'k2', url: 'http://evil.example/x?md5=SECRETQUERY' }))
    await postSigned(
      url,
      callback({ key: 'k3', url: `${files.url.origin.replace(/\d+$/, '1')}/x?md5=a` }),
    )
    await post(url, { token: 'eyJhbGciOiJub25lIn0.eyJ4IjoxfQ.x' })
    await post(url, callback(), { authorization: 'Bearer eyJhbGciOiJub25lIn0.eyJ4IjoxfQ.x' })
    await postSigned(`${app.url}/docs/callback/eyJxIjoxfQ.SECRETQUERY`, callback())
    const errors = [
      () => app.docs.forcesave('k9', { timeout: 1000 }),
      () => app.docs.info('k9', { timeout: 1000 }),
      () => app.docs.version(),
      () => app.docs.outcome('SECRETQUERY'),
    ]
    for (const call of errors) seen.push(await call().catch((error: unknown) => error))
    assert.ok(seen.length > 12)
    const text = inspect(seen, { depth: 20, maxStringLength: null, maxArrayLength: null })
    assert.doesNotMatch(text, /s3cret|eyJ|md5=|shardkey/)
  })

  it('a download that fails is logged by its place alone', async (t) => {
    const lines: string[] = []
    const log = (details: object, message: string): void => {
      lines.push(inspect([details, message], { depth: 20 }))
    }
    const server = await startServer(t, (socket) => socket.write(response(404)))
    const app = await startApp({
      server: server.url.href,
      retries: 0,
      logger: { debug: log, info: log, warn: log, error: log },
    })
    t.after(app.close)
    const link = `${server.url.origin}/cache/files/x/output.docx?md5=SECRETQUERY&expires=1`
    await postSigned(app.docs.callbackUrl('r'), { key: 'k1', status: 2, url: link })
    assert.match(lines.join('\n'), /\/cache\/files\/x\/output\.docx was answered with HTTP 404/)
    assert.doesNotMatch(lines.join('\n'), /SECRETQUERY|md5=|eyJ/)
  })
})

describe('two createDocs() with different prefixes on one Docs server', LIMIT, () => {
  it('never meet: neither`s save settles the other`s command', async (t) => {
    const a = await startPair(t, { prefix: 'a' })
    const b = await startApp({ server: a.server.url, prefix: 'b', otherSaves: false, grace: 50 })
    t.after(b.close)
    const settled: string[] = []
    a.docs.on('settled', () => settled.push('a'))
    b.docs.on('settled', () => settled.push('b'))
    // The editor's callbacks go to `a`.
    ;(await a.open('k1')).type('x')
    const error = await failure(b.docs.forcesave('k1', { timeout: 300 }), 'TIMEOUT')
    assert.equal(error.key, 'k1')
    await a.server.idle()
    assert.deepEqual([a.app.stored.length, b.stored.length], [1, 0])
    assert.deepEqual(settled, ['b'])
    // What `a` has stored is stored for `a`.
    assert.equal((await a.docs.forcesave('k1')).outcome, 'unchanged')
  })

  it('each has its own on keys of its own', async (t) => {
    const a = await startPair(t, { prefix: 'a' })
    const b = await startApp({ server: a.server.url, prefix: 'b', otherSaves: false, grace: 50 })
    t.after(b.close)
    const callbackUrl = b.docs.callbackUrl('of b')
    ;(await a.open('ka')).type('for a')
    ;(await a.server.open('kb', { user: 'u1', callbackUrl })).type('for b')
    const results = await Promise.all([a.docs.forcesave('ka'), b.docs.forcesave('kb')])
    assert.deepEqual(
      results.map(({ outcome }) => outcome),
      ['saved', 'saved'],
    )
    assert.deepEqual([a.app.stored[0]?.ref, b.stored[0]?.ref], ['file of ka', 'of b'])
  })

  it('a callback URL of one is 403 at the other', async (t) => {
    const a = await setStage(t, { prefix: 'a' })
    const b = await setStage(t, { prefix: 'b' })
    const { pathname } = new URL(a.url)
    assert.equal((await postSigned(b.app.url + pathname, b.callback())).status, 403)
  })
})
