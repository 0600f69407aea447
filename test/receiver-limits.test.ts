/** The callback endpoint under bodies too long, too slow or too deep, and under repetition. */
import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { once } from 'node:events'
import { virtualClock } from '../src/testing/index.js'
import {
  done,
  forbidden,
  LIMIT,
  notACallback,
  passTime,
  post,
  postSigned,
  send,
  setStage,
  sign,
} from './support/callbacks.js'

/** A connection of our own to the endpoint, and all that comes back on it. */
async function open(t: TestContext, url: string): Promise<{ socket: Socket; text: () => string }> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  t.after(() => socket.destroy())
  let text = ''
  socket.on('data', (data) => (text += data.toString('latin1'))).on('error', () => {})
  await once(socket, 'connect')
  return { socket, text: () => text }
}

function head(url: string, lines: string[]): string {
  return [`POST ${new URL(url).pathname} HTTP/1.1`, 'Host: x', ...lines, '', ''].join('\r\n')
}

describe('bad input 2: a body that is slow, short or without end', LIMIT, () => {
  it('is cut off after 30 s, whatever trickles in; nothing happens, and no error reaches the app', async (t) => {
    const clock = virtualClock()
    const errors: unknown[] = []
    const stage = await setStage(t, {
      clock,
      before: [
        async (_ctx, next) => {
          await next().catch((error: unknown) => errors.push(error))
        },
      ],
    })
    const before = clock.now()
    const { socket, text } = await open(t, stage.url)
    const closed = once(socket, 'close')
    socket.write(head(stage.url, ['Content-Length: 1000']) + '{"key":')
    const drip = (): void => {
      if (socket.writable) socket.write(' ')
      clock.after(1_000, drip)
    }
    drip()
    await passTime(clock, closed)
    assert.equal(clock.now() - before, 30_000)
    assert.equal(text(), '')
    assert.deepEqual([stage.app.stored, errors], [[], []])
    assert.deepEqual(await postSigned(stage.url, stage.callback(), clock.now()), done)
  })

  it('nothing happens either when its header bears a good token', async (t) => {
    const clock = virtualClock()
    const stage = await setStage(t, { clock })
    const saving: unknown[] = []
    stage.app.docs.on('saving', (event) => saving.push(event))
    const { socket } = await open(t, stage.url)
    const closed = once(socket, 'close')
    const token = sign({ payload: stage.callback() }, { now: clock.now() })
    socket.write(head(stage.url, [`Authorization: Bearer ${token}`, 'Content-Length: 1000']) + '{')
    await passTime(clock, closed)
    // One more callback, there and back: whatever the first one set off has begun by now.
    await postSigned(stage.url, { key: 'k2', status: 4 }, clock.now())
    assert.deepEqual(saving, [])
  })

  it('nothing happens when the sender hangs up in the middle of it', async (t) => {
    const stage = await setStage(t)
    const heard: unknown[] = []
    stage.app.docs.on('saving', (event) => heard.push(event))
    const turnedAway = new Promise((resolve) => {
      stage.app.docs.on('rejected', resolve)
      stage.app.docs.on('saving', resolve)
    })
    const { socket } = await open(t, stage.url)
    const token = sign({ payload: stage.callback() })
    socket.write(head(stage.url, [`Authorization: Bearer ${token}`, 'Content-Length: 1000']) + '{')
    socket.end()
    await turnedAway
    assert.deepEqual(heard, [])
  })

  it('nor when the sender has gone before its body is looked at, whatever its header bears', async (t) => {
    const stage = await setStage(t, {
      before: [
        async ({ req }, next) => {
          if (!req.complete) await new Promise((resolve) => req.once('close', resolve))
          await next()
        },
      ],
    })
    const heard: unknown[] = []
    stage.app.docs.on('saving', (event) => heard.push(event))
    const turnedAway = new Promise((resolve) => {
      stage.app.docs.on('rejected', resolve)
      stage.app.docs.on('saving', resolve)
    })
    const { socket } = await open(t, stage.url)
    const token = sign({ payload: stage.callback() })
    socket.write(head(stage.url, [`Authorization: Bearer ${token}`, 'Content-Length: 1000']) + '{')
    socket.end()
    const reason = 'the body did not arrive'
    assert.deepEqual(await turnedAway, { code: 'body-cut-off', reason, status: 400 })
    assert.deepEqual(heard, [])
  })

  for (const [encoding, pack] of [
    ['gzip', gzipSync],
    ['br', brotliCompressSync],
  ] as const) {
    it(`${encoding}: nor is anything kept waiting by what cannot be unpacked any more`, async (t) => {
      const stage = await setStage(t)
      const turnedAway = new Promise((resolve) => stage.app.docs.on('rejected', resolve))
      const { socket } = await open(t, stage.url)
      const packed = pack(JSON.stringify(stage.callback())).subarray(0, 20)
      socket.write(
        head(stage.url, [`Content-Encoding: ${encoding}`, 'Content-Length: 1000']) +
          packed.toString('latin1'),
        'latin1',
      )
      socket.end()
      const reason = 'the body did not arrive'
      assert.deepEqual(await turnedAway, { code: 'body-cut-off', reason, status: 400 })
    })
  }
})

describe('bad input 3: a body over maxBody: 413', LIMIT, () => {
  const maxBody = 64 * 1024
  const tooLong = { status: 413, body: { error: 1 } }
  const long = JSON.stringify({ key: 'k1', status: 4, pad: 'x'.repeat(maxBody) })

  it('with a Content-Length: at once, before a byte of it has come', async (t) => {
    const { url, rejected } = await setStage(t, { maxBody })
    const { socket, text } = await open(t, url)
    const closed = once(socket, 'close')
    socket.write(head(url, [`Content-Length: ${maxBody + 1}`]))
    await closed
    assert.match(text(), /^HTTP\/1\.1 413 /)
    assert.match(text(), /\{"error":1\}$/)
    const reason = `a body over maxBody, ${maxBody} bytes`
    assert.deepEqual(rejected, [{ code: 'body-too-long', reason, status: 413 }])
  })

  it('exactly maxBody bytes are taken', async (t) => {
    const { url } = await setStage(t, { maxBody })
    const empty = JSON.stringify({
      key: 'k1',
      status: 4,
      token: sign({ key: 'k1', status: 4 }),
      p: '',
    })
    const body = empty.replace('"p":""', `"p":"${'x'.repeat(maxBody - empty.length)}"`)
    assert.equal(body.length, maxBody)
    assert.equal((await send(url, { body })).status, 200)
    assert.equal((await send(url, { body: `${body} ` })).status, 413)
  })

  it('also where a good token stands in the header', async (t) => {
    const { app, url, callback } = await setStage(t, { maxBody })
    const authorization = `Bearer ${sign({ payload: callback() })}`
    const { status, body } = await send(url, { headers: { authorization }, body: long })
    assert.deepEqual({ status, body }, tooLong)
    assert.equal(app.stored.length, 0)
  })

  it('chunked and without end: 413, and the connection is closed', async (t) => {
    const { url, rejected } = await setStage(t, { maxBody })
    const { socket, text } = await open(t, url)
    const chunk = `1000\r\n${'x'.repeat(4096)}\r\n`
    const closed = once(socket, 'close')
    socket.write(head(url, ['Transfer-Encoding: chunked']))
    let written = 0
    const more = (): void => {
      if (!socket.writable) return
      socket.write(chunk, () => setImmediate(more))
      written += 4096
    }
    more()
    await closed
    assert.match(text(), /^HTTP\/1\.1 413 /)
    assert.equal(rejected.length, 1)
    // What is on its way and in the buffers between is far less than this.
    assert.ok(written < 64 * 1024 * 1024, `${written} bytes were taken`)
  })

  for (const encoding of ['gzip', 'deflate', 'br'] as const) {
    it(`${encoding}: what unpacks to far more is 413, with flat memory`, async (t) => {
      const { url, rejected } = await setStage(t, { maxBody })
      const pack = { gzip: gzipSync, deflate: deflateSync, br: brotliCompressSync }[encoding]
      const plain = Buffer.alloc(128 * 1024 * 1024, '[')
      const bomb = pack(plain)
      const before = process.memoryUsage()
      for (let round = 0; round < 10; round += 1) {
        const { status } = await send(url, {
          headers: { 'content-encoding': encoding },
          body: bomb,
        })
        assert.equal(status, 413)
      }
      const after = process.memoryUsage()
      const grown = after.external + after.arrayBuffers - before.external - before.arrayBuffers
      assert.ok(grown < 64 * 1024 * 1024, `${grown} bytes more than before`)
      assert.equal(rejected.length, 10)
    })
  }

  it('compressed and short enough is taken, by its claims', async (t) => {
    const { app, url, callback } = await setStage(t, { maxBody })
    const body = gzipSync(JSON.stringify({ token: sign(callback()) }))
    assert.equal((await send(url, { headers: { 'content-encoding': 'gzip' }, body })).status, 200)
    assert.equal(app.stored.length, 1)
  })

  it('said to be compressed and not, or in a way nobody knows: 403', async (t) => {
    const { url } = await setStage(t)
    for (const encoding of ['gzip', 'nonsense', 'gzip, gzip']) {
      const sent = { headers: { 'content-encoding': encoding }, body: '{}' }
      const { status, body } = await send(url, sent)
      assert.deepEqual({ status, body }, forbidden)
    }
  })
})

describe('bad input 4: 200,000 nested arrays', LIMIT, () => {
  const nested = '['.repeat(200_000) + ']'.repeat(200_000)

  it('as the body: 403, and 400 with tokens off', async (t) => {
    const on = await setStage(t)
    const off = await setStage(t, { secret: null })
    const reply = async (url: string) => (await send(url, { body: nested })).status
    assert.deepEqual([await reply(on.url), await reply(off.url)], [403, 400])
  })

  for (const field of ['history', 'users', 'userdata', 'url', 'lastsave', 'later']) {
    for (const status of [4, 6, 2, 7]) {
      it(`as ${field} of a callback ${status}: answered, and never with a 500`, async (t) => {
        const { url, callback } = await setStage(t, { secret: null })
        const body = JSON.stringify(callback({ status, [field]: 'NESTED' })).replace(
          '"NESTED"',
          nested,
        )
        const reply = await send(url, { body })
        assert.ok([200, 400, 503].includes(reply.status), `answered ${reply.status}`)
      })
    }
  }

  it('as a claim of a token', async (t) => {
    const { url, callback } = await setStage(t)
    const jwt = await import('jsonwebtoken')
    const iat = Math.floor(Date.now() / 1000)
    const claims = JSON.stringify({ ...callback(), iat, exp: iat + 300, history: 'NESTED' })
    const { SECRET } = await import('./support/app.js')
    const token = jwt.default.sign(claims.replace('"NESTED"', nested), SECRET)
    const reply = await post(url, { token })
    assert.ok([200, 400, 403, 503].includes(reply.status), `answered ${reply.status}`)
  })
})

describe('bad input 16: the same valid callback', LIMIT, () => {
  for (const status of [2, 6]) {
    it(`${status}, 50 times at once and again 4 minutes later: one onSave, equal answers`, async (t) => {
      const clock = virtualClock()
      const { app, url, callback } = await setStage(t, { clock })
      const body = { token: sign(callback({ status }), { now: clock.now() }) }
      const replies = await Promise.all(Array.from({ length: 50 }, () => post(url, body)))
      assert.deepEqual(replies, Array(50).fill(done))
      await clock.advance(4 * 60_000)
      assert.deepEqual(await post(url, body), done)
      assert.equal(app.stored.length, 1)
    })
  }

  it('50 times at once where onSave fails: equal answers, and no two at once', async (t) => {
    let running = 0
    let most = 0
    const { url, callback } = await setStage(t, {
      retries: 0,
      async onSave() {
        most = Math.max(most, (running += 1))
        await new Promise((resolve) => setImmediate(resolve))
        running -= 1
        throw new Error('not today')
      },
    })
    const replies = Array.from({ length: 50 }, () => postSigned(url, callback()))
    const statuses = (await Promise.all(replies)).map(({ status }) => status)
    assert.deepEqual(statuses, Array(50).fill(503))
    assert.equal(most, 1)
  })

  it('is refused once its token has run out', async (t) => {
    const clock = virtualClock()
    const { url, callback } = await setStage(t, { clock })
    const body = { token: sign(callback(), { now: clock.now() }) }
    await clock.advance(361_000)
    assert.deepEqual(await post(url, body), forbidden)
  })

  it('of no known form, 1,000 times: nothing is kept', async (t) => {
    const { url } = await setStage(t, { secret: null })
    for (let round = 0; round < 10; round += 1) {
      const replies = Array.from({ length: 100 }, () => post(url, { key: '..', status: 2 }))
      assert.deepEqual(await Promise.all(replies), Array(100).fill(notACallback))
    }
  })
})
