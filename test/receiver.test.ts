/** The replies to the Docs server (settlement.md, "Replies"), over real HTTP. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { RejectSave, type DocsEvents } from '../src/index.js'
import { virtualClock } from '../src/testing/index.js'
import {
  again,
  done,
  forbidden,
  gate,
  kept,
  LIMIT,
  passTime,
  post,
  postSigned,
  send,
  setStage,
  sign,
  type Fields,
} from './support/callbacks.js'

describe('a callback of status', LIMIT, () => {
  it('1 is answered {"error":0} and told as `editing`', async (t) => {
    const { app, url } = await setStage(t)
    const heard: DocsEvents['editing'][] = []
    app.docs.on('editing', (event) => heard.push(event))
    const actions = [{ type: 1, userid: 'u2' }]
    const body = { key: 'k1', status: 1, users: ['u1', 'u2'], actions }
    assert.deepEqual(await postSigned(url, body), done)
    assert.deepEqual(heard, [{ key: 'k1', ref: 'file-1', users: ['u1', 'u2'], actions }])
    assert.equal(app.stored.length, 0)
  })

  it('4 is answered {"error":0} and told as `closed`', async (t) => {
    const { app, url } = await setStage(t)
    const heard: DocsEvents['closed'][] = []
    app.docs.on('closed', (event) => heard.push(event))
    assert.deepEqual(await postSigned(url, { key: 'k1', status: 4, actions: left }), done)
    assert.deepEqual(heard, [{ key: 'k1', ref: 'file-1' }])
  })
  const left = [{ type: 0, userid: 'u1' }]

  it('4 without actions, the callback of an info, is answered alike and closes nothing', async (t) => {
    const { app, url } = await setStage(t)
    const heard: unknown[] = []
    app.docs.on('closed', (event) => heard.push(event))
    assert.deepEqual(await postSigned(url, { key: 'k1', status: 4 }), done)
    assert.deepEqual(heard, [])
  })

  it('1 and 4 are answered {"error":0} whatever the listeners do', async (t) => {
    const { app, url } = await setStage(t)
    app.docs.on('editing', () => {
      throw new Error('a listener of the application')
    })
    app.docs.on('closed', () => Promise.reject(new Error('a listener of the application')))
    assert.deepEqual(await postSigned(url, { key: 'k1', status: 1, users: ['u1'] }), done)
    assert.deepEqual(await postSigned(url, { key: 'k1', status: 4, actions: left }), done)
  })

  for (const status of [0, 5, 8]) {
    it(`bad input 18: ${status} is answered {"error":0}, told as \`rejected\`, and nothing else`, async (t) => {
      const { app, url, rejected, callback, files } = await setStage(t)
      assert.deepEqual(await postSigned(url, callback({ status })), done)
      assert.equal(rejected.length, 1)
      const expected = { ...about, code: 'unknown-status', reason: '', status: 200 }
      assert.deepEqual({ ...rejected[0], reason: '' }, expected)
      assert.deepEqual([app.stored.length, files.requests.length], [0, 0])
    })
  }
  const about = { key: 'k1', ref: 'file-1' }

  for (const status of [2, 6]) {
    it(`${status} is answered {"error":0} once its file is stored`, async (t) => {
      const stored = gate()
      const { url, callback } = await setStage(t, { onSave: () => stored.opened })
      let answered = false
      const reply = postSigned(url, callback({ status })).finally(() => (answered = true))
      // Another callback has gone there and back meanwhile.
      await postSigned(url, { key: 'k2', status: 4 })
      assert.equal(answered, false, 'answered before the file was stored')
      stored.open()
      assert.deepEqual(await reply, done)
    })

    it(`${status} gives onSave the file and what the callback says`, async (t) => {
      const { app, url, callback } = await setStage(t)
      const sent = callback({ status, forcesavetype: 1, userdata: { of: 'others' } })
      await postSigned(url, sent)
      const [{ text, save } = assert.fail('nothing was stored')] = app.stored
      assert.equal(text, 'the file at /cache/files/data/k1_1234/output.docx/output.docx')
      assert.equal(save.ref, 'file-1')
      assert.equal(save.key, 'k1')
      assert.equal(save.status, status)
      assert.equal(save.final, status === 2)
      assert.equal(save.trigger, status === 2 ? 'close' : 'button')
      assert.equal(save.attempt, 1)
      assert.equal(Number.isSafeInteger(save.sequence), true)
      assert.equal(save.filetype, 'docx')
      assert.deepEqual(save.users, ['u1'])
      assert.deepEqual(save.actions, [{ type: 0, userid: 'u1' }])
      assert.deepEqual(save.userdata, { of: 'others' })
      assert.deepEqual(save.history, sent['history'])
      assert.deepEqual(save.lastSave, new Date('2026-01-01T00:00:00.000Z'))
      assert.equal(save.notModified, false)
      assert.equal(save.url, sent['url'])
      assert.equal(save.changesUrl, sent['changesurl'])
      assert.deepEqual(save.body, sent, 'the token is left out, all else is there')
    })

    it(`${status} whose onSave fails is tried again, then answered 503`, async (t) => {
      const clock = virtualClock()
      const attempts: number[] = []
      const failed: DocsEvents['save-failed'][] = []
      const { app, url, callback } = await setStage(t, {
        clock,
        retries: 2,
        onSave({ attempt }) {
          attempts.push(attempt)
          throw new Error('the disk is full')
        },
      })
      app.docs.on('save-failed', (event) => failed.push(event))
      const reply = postSigned(url, callback({ status }), clock.now())
      assert.deepEqual(await passTime(clock, reply), again)
      assert.deepEqual(attempts, [1, 2, 3])
      const [event] = failed
      assert.equal(failed.length, 1)
      assert.equal(event?.permanent, false)
      assert.equal(event.error.code, 'STORAGE_FAILED')
      assert.equal((event.error.cause as Error).message, 'the disk is full')
    })

    it(`${status} that failed runs again when it is sent again`, async (t) => {
      let broken = true
      const ids: string[] = []
      const { url, callback } = await setStage(t, {
        retries: 0,
        onSave({ id }) {
          ids.push(id)
          if (broken) throw new Error('not now')
        },
      })
      assert.deepEqual(await postSigned(url, callback({ status })), again)
      broken = false
      assert.deepEqual(await postSigned(url, callback({ status })), done)
      assert.equal(ids.length, 2)
      assert.equal(ids[0], ids[1], 'one save, one name')
    })

    it(`${status} not stored by replyTimeout is answered 503, stored, and then known`, async (t) => {
      const clock = virtualClock()
      const stored = gate()
      let runs = 0
      const { app, url, callback } = await setStage(t, {
        clock,
        replyTimeout: 50_000,
        onSave() {
          runs += 1
          return stored.opened
        },
      })
      const saved = new Promise((resolve) => app.docs.on('saved', resolve))
      const before = clock.now()
      const reply = await passTime(clock, postSigned(url, callback({ status }), before))
      assert.deepEqual(reply, again)
      assert.equal(clock.now() - before, 50_000)
      stored.open()
      await saved
      assert.deepEqual(await postSigned(url, callback({ status }), clock.now()), done)
      assert.equal(runs, 1, 'onSave ran again for a stored save')
    })

    it(`${status} sent again while it is being stored joins`, async (t) => {
      const stored = gate()
      let runs = 0
      const { url, callback } = await setStage(t, {
        onSave() {
          runs += 1
          return stored.opened
        },
      })
      const replies = [postSigned(url, callback({ status })), postSigned(url, callback({ status }))]
      await postSigned(url, { key: 'k2', status: 4 })
      stored.open()
      assert.deepEqual(await Promise.all(replies), [done, done])
      assert.equal(runs, 1)
    })

    it(`${status} that onSave rejects for good is answered 200 {"error":1} after one attempt`, async (t) => {
      let runs = 0
      const failed: DocsEvents['save-failed'][] = []
      const { app, url, callback } = await setStage(t, {
        onSave() {
          runs += 1
          throw new RejectSave('the file was deleted')
        },
      })
      app.docs.on('save-failed', (event) => failed.push(event))
      assert.deepEqual(await postSigned(url, callback({ status })), kept)
      assert.equal(runs, 1)
      assert.deepEqual(
        failed.map(({ permanent, error }) => [permanent, error.retryable]),
        [[true, false]],
      )
    })

    it(`${status} after close() is answered 503`, async (t) => {
      const { app, url, callback } = await setStage(t)
      await app.docs.close()
      assert.deepEqual(await postSigned(url, callback({ status })), again)
      assert.equal(app.stored.length, 0)
    })
  }

  for (const [status, final] of [
    [3, true],
    [7, false],
  ] as const) {
    const failure = { key: 'k1', status, users: ['u1'], lastsave: '2026-01-01T00:00:00.000Z' }

    it(`${status} is answered 200 {"error":1}: the Docs server keeps the edits`, async (t) => {
      const { app, url } = await setStage(t)
      const heard: unknown[] = []
      app.docs.on('conversion-failed', (event) => heard.push(event))
      assert.deepEqual(await postSigned(url, failure), kept)
      assert.deepEqual(heard, [{ key: 'k1', ref: 'file-1', final }])
      assert.equal(app.stored.length, 0)
    })

    it(`${status} is answered {"error":0} where the application discards the edits`, async (t) => {
      const asked: unknown[] = []
      const { url } = await setStage(t, {
        onConversionFailed(about) {
          asked.push(about)
          return Promise.resolve('discard')
        },
      })
      assert.deepEqual(await postSigned(url, failure), done)
      assert.deepEqual(asked, [{ key: 'k1', ref: 'file-1', final, users: ['u1'] }])
    })

    it(`${status} is answered 200 {"error":1} when the application's decision fails`, async (t) => {
      const { url } = await setStage(t, {
        onConversionFailed() {
          throw new Error('no decision')
        },
      })
      assert.deepEqual(await postSigned(url, failure), kept)
    })

    it(`${status} is answered 200 {"error":1} when no decision comes by replyTimeout`, async (t) => {
      const clock = virtualClock()
      const { url } = await setStage(t, {
        clock,
        onConversionFailed: () => new Promise(() => {}),
      })
      const reply = postSigned(url, failure, clock.now())
      assert.deepEqual(await passTime(clock, reply), kept)
    })
  }
})

describe('a token', LIMIT, () => {
  const previous = 'the secret before, the secret before'

  it('bad input 13: in the body: its claims are the callback, the plain body beside it counts for nothing', async (t) => {
    const { app, url, callback } = await setStage(t)
    const token = sign(callback({ key: 'k1' }))
    const tampered = { ...callback({ key: 'other', status: 4, users: ['evil'] }), extra: 1, token }
    assert.deepEqual(await post(url, tampered), done)
    assert.deepEqual(app.stored[0]?.save.body, callback({ key: 'k1' }))
  })

  it('in the header alone: its payload is the callback', async (t) => {
    const { app, url, callback } = await setStage(t)
    const authorization = `Bearer ${sign({ payload: callback() })}`
    assert.deepEqual(await post(url, { status: 4, key: 'other' }, { authorization }), done)
    assert.deepEqual(app.stored[0]?.save.body, callback())
  })

  it('in the body goes before that in the header, which lacks fields of a long callback', async (t) => {
    const { app, url, callback } = await setStage(t)
    const token = sign(callback())
    const { changesurl: _left, ...short } = callback({ history: {} })
    const authorization = `Bearer ${sign({ payload: short })}`
    assert.deepEqual(await post(url, { ...short, token }, { authorization }), done)
    assert.deepEqual(app.stored[0]?.save.body, callback())
  })

  it('in the body that is bad is not helped by a good one in the header', async (t) => {
    const { app, url, callback } = await setStage(t)
    const authorization = `Bearer ${sign({ payload: callback() })}`
    const token = sign(callback(), { secret: previous })
    assert.deepEqual(await post(url, { ...callback(), token }, { authorization }), forbidden)
    assert.equal(app.stored.length, 0)
  })

  it('bad input 9: under the previous secret is good during rotation, and 403 after it', async (t) => {
    const rotating = await setStage(t, { secret: ['s'.repeat(32), previous] })
    const token = sign(rotating.callback(), { secret: previous })
    assert.deepEqual(await post(rotating.url, { token }), done)
    const rotated = await setStage(t, { secret: 's'.repeat(32) })
    assert.deepEqual(await post(rotated.url, { token }), forbidden)
    assert.equal(rotated.app.stored.length, 0)
  })

  it('under the previous secret of the ref, too: the editors of before may still be open', async (t) => {
    const before = await setStage(t, { secret: previous })
    const path = new URL(before.url).pathname
    const rotating = await setStage(t, { secret: ['s'.repeat(32), previous] })
    assert.deepEqual(await postSignedBy(rotating.app.url + path, previous), done)
    const rotated = await setStage(t, { secret: ['s'.repeat(32)] })
    assert.deepEqual(await postSignedBy(rotated.app.url + path, 's'.repeat(32)), forbidden)
  })
  const postSignedBy = (url: string, secret: string) => {
    const body = { key: 'k1', status: 4 }
    return post(url, { ...body, token: sign(body, { secret }) })
  }

  it('is looked for in the header that the options name, with their prefix', async (t) => {
    const { url, callback, app } = await setStage(t, {
      token: { header: 'X-Docs-Token', prefix: 'Token=' },
    })
    const token = sign({ payload: callback() })
    assert.deepEqual(await post(url, {}, { authorization: `Bearer ${token}` }), forbidden)
    assert.deepEqual(await post(url, {}, { 'x-docs-token': token }), forbidden)
    assert.deepEqual(await post(url, {}, { 'x-docs-token': `Token=${token}` }), done)
    assert.equal(app.stored.length, 1)
  })

  it('may have another algorithm where the options allow it, the first one or not', async (t) => {
    const { url } = await setStage(t, { token: { algorithms: ['HS256', 'HS512'] } })
    const body = { key: 'k1', status: 4 }
    const reply = (alg: string) => post(url, { token: sign(body, { header: { alg } }) })
    assert.deepEqual(await reply('HS256'), done)
    assert.deepEqual(await reply('HS512'), done)
    assert.deepEqual(await reply('HS384'), forbidden)
  })

  it('is not asked for where tokens are off, and not looked at', async (t) => {
    const { app, url, callback } = await setStage(t, { secret: null })
    assert.deepEqual(await post(url, callback()), done)
    const later = callback({ status: 6, lastsave: '2026-01-01T00:00:01.000Z' })
    assert.deepEqual(await post(url, { ...later, token: 'x' }), done)
    assert.deepEqual(
      app.stored.map(({ ref, save }) => [ref, 'token' in save.body]),
      [
        ['file-1', false],
        ['file-1', false],
      ],
    )
  })
})

describe('a ref', LIMIT, () => {
  const presence = { key: 'k1', status: 4, actions: [{ type: 0, userid: 'u1' }] }

  it('comes back as it was given, whatever it holds', async (t) => {
    const { app } = await setStage(t)
    for (const ref of ['a/b/../c d.docx', 'Größe 1:2 \u{1f600}', '..', '%2f%', 'x'.repeat(1024)]) {
      const closed = new Promise<DocsEvents['closed']>((resolve) => app.docs.on('closed', resolve))
      assert.deepEqual(await postSigned(app.docs.callbackUrl(ref), presence), done)
      assert.equal((await closed).ref, ref)
    }
  })

  for (const ref of ['a/b/../c d.docx', 'Größe 1:2 \u{1f600}', '%2f%', '..', '.']) {
    it(`comes back as it was given where tokens are off: ${ref}`, async (t) => {
      const { app } = await setStage(t, { secret: null })
      const heard: string[] = []
      app.docs.on('closed', (event) => heard.push(event.ref))
      assert.deepEqual(await post(app.docs.callbackUrl(ref), presence), done)
      assert.deepEqual(heard, [ref])
    })
  }

  it('bad input 26: that is changed, of another secret or prefix, cut, or given twice is 403', async (t) => {
    const { app, url, rejected } = await setStage(t)
    const other = await setStage(t, { prefix: 'other' })
    const strange = await setStage(t, { secret: 'z'.repeat(32) })
    const signed = new URL(url).pathname.split('/').at(-1)!
    const [name = '', mac = ''] = signed.split('.')
    const foreign = [other, strange].map((stage) => new URL(stage.url).pathname.split('/').at(-1)!)
    const segments = [
      ...foreign,
      `${Buffer.from('file-2').toString('base64url')}.${mac}`,
      `${name}.${mac.slice(0, -4)}`,
      `${name}.${mac.startsWith('A') ? 'B' : 'A'}${mac.slice(1)}`,
      `${name}.`,
      `.${mac}`,
      name,
      'file-1',
      `${signed}.${signed}`,
      '%00',
      '%ff',
      '%2e%2e%2f',
    ]
    for (const segment of segments) {
      const reply = await postSigned(`${app.url}/docs/callback/${segment}`, presence)
      assert.deepEqual(reply, forbidden, segment)
    }
    assert.equal(rejected.length, segments.length)
    assert.ok(rejected.every(({ code }) => code === 'ref-not-ours'))
    assert.ok(rejected.every(({ reason }) => reason === 'the ref in the URL is not ours'))
  })

  it('whose signature is written another way is 403, though it means the same bytes', async (t) => {
    const { app, url } = await setStage(t)
    const signed = new URL(url).pathname.split('/').at(-1)!
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    // Of the last character, two bits are of no byte.
    const sameBytes = alphabet[alphabet.indexOf(signed.at(-1)!) + 1]!
    const middle = signed.length - 20
    for (const segment of [
      signed.slice(0, -1) + sameBytes,
      ...[`${signed}=`, `${signed}%3D`, `${signed}%20`, `${signed}%0A`, `${signed}!`],
      ...['%20', '%0A', '='].map((more) => signed.slice(0, middle) + more + signed.slice(middle)),
    ]) {
      const reply = await postSigned(`${app.url}/docs/callback/${segment}`, presence)
      assert.deepEqual(reply, forbidden, segment)
    }
    assert.deepEqual(await postSigned(url, presence), done)
  })

  it('bad input 26: that is missing or more than one is 403, for receive() too', async (t) => {
    const { app } = await setStage(t)
    for (const path of ['/docs/callback', '/docs/callback/']) {
      assert.deepEqual(await postSigned(app.url + path, presence), forbidden, path)
    }
    const [signed] = new URL(app.docs.callbackUrl('a')).pathname.split('/').slice(-1)
    const deeper = await postSigned(`${app.docs.callbackUrl('a')}/${signed!}`, presence)
    assert.equal(deeper.status, 404, 'no route of ours')
    const body = { token: sign(presence) }
    assert.deepEqual(await app.docs.receive({ body, headers: {}, ref: undefined }), forbidden)
    assert.deepEqual(await app.docs.receive({ body, headers: {}, ref: '' }), forbidden)
  })

  it('of another file than the key`s is 403, whatever it brings; nothing is stored there (bad-inputs 26)', async (t) => {
    const { app, url, rejected, callback, files } = await setStage(t)
    const other = app.docs.callbackUrl('file-2')
    const forced = callback({
      status: 6,
      lastsave: '2026-01-01T00:00:01.000Z',
      url: link(files, 1),
    })
    const final = callback({ status: 2, lastsave: '2026-01-01T00:00:02.000Z', url: link(files, 2) })
    assert.deepEqual(await postSigned(url, forced), done)
    // What was stored, captured and sent elsewhere; and what comes there first.
    for (const sent of [forced, final, callback({ status: 6, url: link(files, 3) })]) {
      assert.deepEqual(await postSigned(other, sent), forbidden)
    }
    assert.deepEqual(await postSigned(url, final), done)
    assert.deepEqual(
      app.stored.map(({ ref, save }) => [ref, save.status]),
      [
        ['file-1', 6],
        ['file-1', 2],
      ],
    )
    assert.equal(files.requests.length, 2)
    assert.equal(rejected.length, 3)
    for (const { reason, ...about } of rejected) {
      assert.match(reason, /^it came to the callback URL of another ref/)
      assert.deepEqual(about, { ...elsewhere, status: 403 })
    }
  })
  const elsewhere = { code: 'ref-of-another-file', key: 'k1', ref: 'file-2' }
  const link = (files: { url: URL }, digits: number): string =>
    `${files.url.origin}/cache/files/data/k1_${digits}/output.docx/output.docx`

  it('of another file, sent 50 times at once while the save is being stored, is 403 each time', async (t) => {
    const stored = gate()
    const refs: string[] = []
    const { app, url, callback } = await setStage(t, {
      onSave: ({ ref }) => {
        refs.push(ref)
        return stored.opened
      },
    })
    const reply = postSigned(url, callback())
    while (refs.length === 0) await new Promise(setImmediate)
    const other = app.docs.callbackUrl('file-2')
    const replies = Array.from({ length: 50 }, () => postSigned(other, callback()))
    stored.open()
    assert.deepEqual(await reply, done)
    for (const one of await Promise.all(replies)) assert.deepEqual(one, forbidden)
    assert.deepEqual(refs, ['file-1'])
  })

  it('of another file, of somebody who comes: a warning beforehand, and editors see none', async (t) => {
    const { app, url, rejected } = await setStage(t)
    const came = (user: string): Fields => {
      return { key: 'k1', status: 1, users: [user], actions: [{ type: 1, userid: user }] }
    }
    assert.deepEqual(await postSigned(url, came('u1')), done)
    assert.deepEqual(await postSigned(app.docs.callbackUrl('file-2'), came('u2')), done)
    const [{ reason, ...about } = assert.fail('nobody was told')] = rejected
    assert.match(reason, /same callbackUrl/)
    assert.deepEqual(about, { ...elsewhere, status: 200 })
  })

  for (const status of [3, 7]) {
    it(`of another file, of a conversion that failed (${status}): the edits are kept, and nobody decides`, async (t) => {
      let asked = 0
      const { app, url, rejected } = await setStage(t, {
        onConversionFailed: () => {
          asked += 1
          return 'discard'
        },
      })
      assert.deepEqual(await postSigned(url, { key: 'k1', status: 1, users: ['u1'] }), done)
      const failed = { key: 'k1', status, users: ['u1'] }
      assert.deepEqual(await postSigned(app.docs.callbackUrl('file-2'), failed), kept)
      assert.equal(asked, 0)
      assert.deepEqual(rejected[0]?.ref, 'file-2')
      assert.deepEqual(await postSigned(url, { ...failed, key: 'k2' }), done)
      assert.equal(asked, 1)
    })
  }

  it('of another file binds the key anew once nothing of the last session is open', async (t) => {
    const { app, url, callback } = await setStage(t)
    const other = app.docs.callbackUrl('file-2')
    const came = { key: 'k1', status: 1, users: ['u1'], actions: [{ type: 1, userid: 'u1' }] }
    assert.deepEqual(await postSigned(url, came), done)
    assert.deepEqual(await postSigned(url, callback()), done)
    assert.deepEqual(await postSigned(other, came), done)
    assert.deepEqual(
      await postSigned(other, callback({ lastsave: '2026-11-22T13:00:00.000Z' })),
      done,
    )
    assert.deepEqual(
      app.stored.map(({ ref }) => ref),
      ['file-1', 'file-2'],
    )
  })

  it('is not the key`s any more when the retention time has passed', async (t) => {
    const clock = virtualClock()
    const { app, url, callback } = await setStage(t, { clock, retention: 900_000 })
    assert.deepEqual(await postSigned(url, callback(), clock.now()), done)
    const other = app.docs.callbackUrl('file-2')
    assert.deepEqual(await postSigned(other, callback(), clock.now()), forbidden)
    await clock.advance(900_001)
    assert.deepEqual(await postSigned(other, callback(), clock.now()), done)
  })
})

describe('receive()', LIMIT, () => {
  it('answers on plain node:http as the Koa middleware does', async (t) => {
    const { createServer } = await import('node:http')
    const { json } = await import('node:stream/consumers')
    const { app, callback } = await setStage(t)
    const server = createServer((incoming, outgoing) => {
      void (async () => {
        const body: unknown = await json(incoming).catch(() => undefined)
        const ref = decodeURIComponent(incoming.url!.slice('/track/'.length))
        const reply = await app.docs.receive({ body, headers: incoming.headers, ref })
        outgoing.writeHead(reply.status).end(JSON.stringify(reply.body))
      })()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.after(() => server.close())
    const { port } = server.address() as { port: number }
    const ref = new URL(app.docs.callbackUrl('plain')).pathname.split('/').at(-1)!
    const url = `http://127.0.0.1:${port}/track/${ref}`
    assert.deepEqual(await postSigned(url, callback()), done)
    assert.equal(app.stored[0]?.ref, 'plain')
    const authorization = `Bearer ${sign({ payload: callback({ key: 'k2', status: 4 }) })}`
    assert.deepEqual(await post(url, {}, { authorization }), done)
    const { status, body } = await send(url, { body: '{' })
    assert.deepEqual({ status, body }, forbidden)
  })

  it('takes the body parsed, as text or as bytes, and says where none was left', async (t) => {
    const { app, callback, rejected } = await setStage(t)
    const ref = new URL(app.docs.callbackUrl('plain')).pathname.split('/').at(-1)
    const reply = (body: unknown) => app.docs.receive({ body, headers: {}, ref })
    const json = (key: string): string => JSON.stringify({ token: sign(callback({ key })) })
    const bodies = [json('k1'), Buffer.from(json('k2')), JSON.parse(json('k3')) as unknown]
    for (const body of bodies) assert.deepEqual(await reply(body), done)
    assert.deepEqual(
      app.stored.map(({ key }) => key),
      ['k1', 'k2', 'k3'],
    )
    assert.deepEqual(rejected, [])
    const bad = [
      undefined,
      '',
      `\ufeff${json('k4')}`,
      Buffer.from([0xff]),
      new ArrayBuffer(8),
      null,
    ]
    for (const body of bad) assert.deepEqual(await reply(body), forbidden)
    assert.deepEqual(
      rejected.map(({ code }) => code),
      [
        ...['body-missing', 'body-not-json', 'body-not-json', 'body-not-json'],
        ...['token-missing', 'token-missing'],
      ],
    )
  })
})
