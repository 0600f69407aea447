/** Valid callbacks that somebody has captured and sends again, over both backends. */
import assert from 'node:assert/strict'
import { after, before, describe, it, type TestContext } from 'node:test'
import { systemClock } from '../src/clock.js'
import { virtualClock } from '../src/testing/index.js'
import {
  done,
  forbidden,
  kept,
  post,
  setStage,
  sign,
  type Reply,
  type Stage,
} from './support/callbacks.js'
import { startRedis, type TestRedis } from './support/redis.js'

/** Against hangs only. */
const LIMIT = { timeout: 300_000 }
const MINUTE = 60_000

interface Backend {
  name: string
  /** A stage, its time, and how that goes on. */
  start: (t: TestContext) => Promise<{ stage: Stage; now: () => number; pass: Pass }>
}
type Pass = (ms: number) => Promise<void>

let redis: TestRedis
let prefixes = 0
const backends: Backend[] = [
  {
    name: 'memory',
    async start(t) {
      const clock = virtualClock()
      const stage = await setStage(t, { clock })
      return { stage, now: () => clock.now(), pass: (ms) => clock.advance(ms) }
    },
  },
  {
    name: 'Redis',
    async start(t) {
      // The ledger goes by Redis's own time; only what this process calls now is put on.
      let ahead = 0
      const now = (): number => systemClock.now() + ahead
      const prefix = `p${(prefixes += 1)}`
      const stage = await setStage(t, { clock: { ...systemClock, now }, redis: redis.url, prefix })
      return { stage, now, pass: (ms) => Promise.resolve(void (ahead += ms)) }
    },
  },
]
before(async () => {
  redis = await startRedis()
})
after(() => redis.stop())

for (const { name, start } of backends) {
  describe(`over ${name}, a captured callback`, LIMIT, () => {
    async function capture(t: TestContext, status: number) {
      const { stage, now, pass } = await start(t)
      const token = sign(stage.callback({ status }), { now: now() })
      const send = (url = stage.url): Promise<Reply> => post(url, { token })
      return { ...stage, now, pass, send }
    }

    for (const status of [2, 6]) {
      for (const times of [1, 50]) {
        it(`bad input 16: ${status}, sent again ${times} times at once and 4 minutes later, has no second effect`, async (t) => {
          const { app, pass, send } = await capture(t, status)
          const settled: unknown[] = []
          app.docs.on('saved', (event) => settled.push(event))
          assert.deepEqual(await send(), done)
          const again = (): Promise<Reply[]> =>
            Promise.all(Array.from({ length: times }, () => send()))
          assert.deepEqual(await again(), Array(times).fill(done))
          await pass(4 * MINUTE)
          assert.deepEqual(await again(), Array(times).fill(done))
          assert.deepEqual([app.stored.length, settled.length], [1, 1])
        })
      }
    }

    it('bad input 16: 50 times at once before the first is stored: one onSave, equal answers', async (t) => {
      const { app, send } = await capture(t, 2)
      const replies = await Promise.all(Array.from({ length: 50 }, () => send()))
      assert.deepEqual(replies, Array(50).fill(done))
      assert.equal(app.stored.length, 1)
    })

    it('does not bring an older file back over a newer one', async (t) => {
      const { app, now, pass, callback, files, send } = await capture(t, 6)
      assert.deepEqual(await send(), done)
      const newer = callback({
        url: `${files.url.origin}/cache/files/data/k1_5678/output.docx/output.docx?md5=a`,
        lastsave: '2026-01-01T00:00:10.000Z',
      })
      const token = sign(newer, { now: now() })
      assert.deepEqual(await post(app.docs.callbackUrl('file-1'), { token }), done)
      await pass(4 * MINUTE)
      assert.deepEqual(await send(), done)
      assert.match(app.stored.at(-1)!.text, /k1_5678/)
      assert.equal(app.stored.length, 2)
    })

    it('of a failed conversion fails no call that comes after it', async (t) => {
      const { app, pass, send } = await capture(t, 7)
      assert.deepEqual(await send(), kept)
      await pass(4 * MINUTE)
      const heard: unknown[] = []
      app.docs.on('settled', (event) => heard.push(event))
      assert.deepEqual(await send(), kept)
      assert.deepEqual([heard, app.stored], [[], []])
    })

    it('is 403 once its token has run out, and for every ref that we have not signed', async (t) => {
      const { app, pass, files, url, send } = await capture(t, 2)
      const [own = '', mac = ''] = url.slice(url.lastIndexOf('/') + 1).split('.')
      const [other = '', otherMac = ''] = app.docs
        .callbackUrl('file-2')
        .split('/')
        .at(-1)!
        .split('.')
      const base = url.slice(0, url.lastIndexOf('/'))
      for (const ref of [
        `${other}.${mac}`,
        `${own}.${otherMac}`,
        other,
        `${other}.`,
        'file-2',
        '',
      ]) {
        assert.deepEqual(await send(`${base}/${ref}`), forbidden, ref)
      }
      await pass(6 * MINUTE + 1_000)
      assert.deepEqual(await send(), forbidden)
      assert.deepEqual([app.stored.length, files.requests.length], [0, 0])
    })
  })
}
