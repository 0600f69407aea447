/** `sessions()` and `forcesaveAll()` against the simulated Docs server, over both backends. */
import assert from 'node:assert/strict'
import { after, before, describe, it, type TestContext } from 'node:test'
import { Redis } from 'ioredis'
import { createDocs, isDocsError, type ForcesaveAllItem, type Session } from '../src/index.js'
import { readRecord, writeRecord } from '../src/ledger/redis-record.js'
import { virtualClock } from '../src/testing/index.js'
import { response, startServer } from './faulty-server.js'
import { SECRET, startApp, type AppOptions } from './support/app.js'
import { passTime, post } from './support/callbacks.js'
import { failure, startPair, type Pair } from './support/pair.js'
import { startRedis, type TestRedis } from './support/redis.js'
import { until } from './support/until.js'

const LIMIT = { timeout: 300_000 }
/** A close within the grace time of somebody's coming leaves doubt. */
const ALWAYS_DOUBT = { grace: 60_000 }

let redis: TestRedis
let admin: Redis
let prefixes = 0
before(async () => {
  redis = await startRedis()
  admin = new Redis(redis.url)
})
after(async () => {
  admin.disconnect()
  await redis.stop()
})

async function listed(sessions: AsyncIterable<Session>): Promise<string[]> {
  const lines: string[] = []
  for await (const { key, users, certain } of sessions) {
    lines.push(`${key}: ${users.join(' and ')}${certain ? '' : '?'}`)
  }
  return lines.sort()
}

async function ends(items: AsyncIterable<ForcesaveAllItem>): Promise<string[]> {
  const lines: string[] = []
  for await (const { key, result, error } of items) {
    lines.push(`${key}: ${error === undefined ? result.outcome : error.code}`)
  }
  return lines.sort()
}

for (const backend of ['memory', 'redis'] as const) {
  const options = (): Pick<AppOptions, 'redis' | 'prefix'> =>
    backend === 'memory' ? {} : { redis: redis.url, prefix: `p${(prefixes += 1)}` }
  const start = (t: TestContext, more: Parameters<typeof startPair>[1] = {}): Promise<Pair> =>
    startPair(t, { ...options(), ...more })

  describe(`sessions(), ${backend}`, LIMIT, () => {
    it('gives the documents that are open now, each with its users and its ref', async (t) => {
      const { docs, open, server } = await start(t)
      assert.deepEqual(await listed(docs.sessions()), [])
      const begun = Date.now()
      const ann = await open('k1', 'ann')
      await open('k1', 'ben')
      const cleo = await open('k2', 'cleo')
      assert.deepEqual(await listed(docs.sessions()), ['k1: ann and ben', 'k2: cleo'])
      for await (const session of docs.sessions()) {
        const { key, ref, since, ...rest } = session
        assert.deepEqual(Object.keys(rest), ['users', 'certain'])
        assert.equal(ref, `file of ${key}`)
        assert.equal(Math.abs(since.getTime() - begun) < 60_000, true, 'since about now')
      }
      await ann.close()
      cleo.type('x')
      cleo.vanish()
      await server.idle()
      assert.deepEqual(await listed(docs.sessions()), ['k1: ben'])
      server.expire('k2') // or dan could only view it, and no callback would tell of him
      await open('k2', 'dan')
      assert.deepEqual(await listed(docs.sessions()), ['k1: ben', 'k2: dan'])
    })

    it('asks the Docs server about what is in doubt, and leaves out what has closed', async (t) => {
      const { docs, open, server, commands } = await start(t, ALWAYS_DOUBT)
      const editors = await Promise.all(['k1', 'k2', 'k3'].map((key) => open(key)))
      assert.equal((await listed(docs.sessions())).length, 3)
      assert.deepEqual(commands(), [], 'of what is certain nothing is asked')
      for (const editor of editors.slice(0, 2)) await editor.close()
      await server.idle()
      server.expire('k2')
      // An info finds nobody in k1, and the Docs server does not even know k2.
      assert.deepEqual(await listed(docs.sessions()), ['k3: u1'])
      assert.deepEqual(commands(), ['info', 'info'])
      // The doubt about k1 goes on for a minute; k2 has ended.
      assert.deepEqual(await listed(docs.sessions()), ['k3: u1'])
      assert.deepEqual(commands(), ['info', 'info', 'info'])
    })

    it('says what is not certain where the Docs server gives no answer, and asks in vain 15 times at the most', async (t) => {
      const { docs, open, server, commands } = await start(t, ALWAYS_DOUBT)
      const keys = Array.from({ length: 30 }, (_, index) => `k${10 + index}`)
      for (const key of keys) await (await open(key)).close()
      await server.idle()
      const sent: string[] = []
      docs.on('command', ({ name, error }) => sent.push(`${name} ${error}`))
      assert.deepEqual(commands(), [])
      await server.close()
      const found = await listed(docs.sessions({ timeout: 5_000 }))
      assert.deepEqual(
        found,
        keys.map((key) => `${key}: u1?`),
      )
      assert.equal(new Set(sent).size, 1)
      assert.equal(sent.length <= 15, true, `${sent.length} were sent`)
    })

    it('ends with CLOSED, and with the reason of its signal', async (t) => {
      const { docs, open } = await start(t)
      for (const key of ['k1', 'k2', 'k3']) await open(key)
      const reason = new Error('mine')
      const signal = AbortSignal.abort(reason)
      assert.equal(await listed(docs.sessions({ signal })).catch((error: unknown) => error), reason)
      const sessions = docs.sessions()
      assert.equal((await sessions.next()).done, false)
      await docs.close()
      await failure(listed(sessions), 'CLOSED')
      await failure(listed(docs.sessions()), 'CLOSED')
      await failure(ends(docs.forcesaveAll()), 'CLOSED')
    })
  })

  describe(`forcesaveAll(), ${backend}`, LIMIT, () => {
    it('saves everything that is open, and tells how far it is', async (t) => {
      const { docs, app, open } = await start(t)
      const keys = Array.from({ length: 20 }, (_, index) => `k${10 + index}`)
      for (const key of keys) (await open(key)).type(`words of ${key}`)
      const items: ForcesaveAllItem[] = []
      for await (const item of docs.forcesaveAll()) items.push(item)
      assert.deepEqual(items.map(({ key }) => key).sort(), keys)
      assert.deepEqual(
        items.map(({ done, total }) => `${done} of ${total}`),
        keys.map((_key, index) => `${index + 1} of 20`),
      )
      for (const { key, result } of items) {
        assert.equal(result?.outcome, 'saved', key)
        assert.deepEqual(
          app.stored.map((file) => file.key).filter((other) => other === key),
          [key],
        )
      }
    })

    it('one that fails stops no other: a conversion, an onSave, a wrong key', async (t) => {
      const { docs, open, server } = await start(t, {
        retries: 0,
        onSave({ key }) {
          if (key === 'k2') throw new Error('the disk is full')
        },
      })
      for (const key of ['k1', 'k2', 'k3', 'k4']) (await open(key)).type('x')
      server.conversion.fails = ({ key }) => key === 'k3'
      const expected = ['k1: saved', 'k2: STORAGE_FAILED', 'k3: CONVERSION_FAILED', 'k4: saved']
      assert.deepEqual(await ends(docs.forcesaveAll()), expected)
      const keys = ['k1', 'not a key', 'nobodys']
      assert.deepEqual(await ends(docs.forcesaveAll({ keys })), [
        'k1: unchanged',
        'nobodys: unchanged',
        'not a key: BAD_OPTION',
      ])
    })

    it('waits for the final save of what closes meanwhile', async (t) => {
      const { docs, app, open, server } = await start(t, { grace: 1_000 })
      const editor = await open('k1')
      editor.type('last words')
      server.conversion.delay = 100
      await editor.close()
      for await (const { result } of docs.forcesaveAll()) {
        assert.ok(result?.outcome === 'saved', 'it was not saved')
        assert.equal(result.final, true)
      }
      assert.equal(app.stored.length, 1)
      await until(async () => (await ends(docs.forcesaveAll())).length === 0)
    })

    it('a break gives up what is under way, and everything goes on', async (t) => {
      const { docs, open, server, commands } = await start(t)
      const keys = Array.from({ length: 10 }, (_, index) => `k${10 + index}`)
      for (const key of keys) (await open(key)).type('x')
      server.conversion.delay = ({ key }) => (key === 'k10' ? 0 : 1_000)
      for await (const { key } of docs.forcesaveAll({ concurrency: 3 })) {
        assert.equal(key, 'k10')
        break
      }
      assert.equal(commands().filter((name) => name === 'forcesave').length <= 4, true)
      server.conversion.delay = 0
      assert.deepEqual(
        new Set((await ends(docs.forcesaveAll())).map((end) => end.slice(5))).has('TIMEOUT'),
        false,
      )
    })
  })
}

describe('sessions() without a word of a close', LIMIT, () => {
  it('is healed by an info once nothing was heard for 10 minutes', async (t) => {
    const clock = virtualClock()
    // No deadline of it passes while real sockets are slow.
    const patient = { clock, commandTimeout: 600_000 }
    const { docs, open, server, commands } = await startPair(t, patient)
    const opening = Promise.all(['k1', 'k2', 'k3'].map((key) => open(key, 'ann')))
    const [, , editor] = await passTime(clock, opening)
    // Its editors are gone, and no callback tells so.
    server.restart()
    await passTime(clock, open('k2', 'ben'))
    assert.equal(editor?.connected, false)
    const told = ['k1: ann', 'k2: ben', 'k3: ann']
    assert.deepEqual(await passTime(clock, listed(docs.sessions())), told)
    assert.deepEqual(commands(), [])
    await clock.advance(600_000)
    assert.deepEqual(await passTime(clock, listed(docs.sessions())), ['k2: ben'])
    assert.equal(commands().length, 3)
    await clock.advance(60_000)
    assert.deepEqual(await passTime(clock, listed(docs.sessions())), ['k2: ben'])
    assert.equal(commands().length, 5, 'of k2 there was word')
    await clock.advance(60_000)
    assert.deepEqual(await passTime(clock, listed(docs.sessions())), ['k2: ben'])
    assert.equal(commands().length, 5, 'the others have ended')
  })

  it('is healed in Redis as well', async (t) => {
    const prefix = `p${(prefixes += 1)}`
    const { docs, open, server } = await startPair(t, { redis: redis.url, prefix })
    await open('k1')
    await open('k2')
    server.restart()
    server.expire('k1')
    await open('k2', 'ben')
    // As if 10 minutes had gone by.
    for (const document of await admin.keys(`${prefix}:{*:document`)) {
      const state = readRecord((await admin.hget(document, 's')) ?? '', document)
      assert.ok(state.session !== undefined)
      const session = { ...state.session, heard: state.session.heard - 600_000 }
      const s = writeRecord({ ...state, session })
      await admin.hset(document, { s, v: 'changed by the test' })
    }
    assert.deepEqual(await listed(docs.sessions()), ['k2: ben'])
    const lists = await admin.keys(`${prefix}:open:*`)
    await until(
      async () => (await Promise.all(lists.map((list) => admin.zcard(list)))).join() === '1',
    )
  })
})

describe('a restart of the application', LIMIT, () => {
  it('with Redis forgets no open document', async (t) => {
    const shared = { redis: redis.url, prefix: `p${(prefixes += 1)}` }
    const { docs, open, server } = await startPair(t, shared)
    const editor = await open('k1', 'ann')
    await open('k2', 'ben')
    editor.type('x')
    await docs.close()
    const again = await startApp({ server: server.url, ...shared, grace: 50 })
    t.after(again.close)
    assert.deepEqual(await listed(again.docs.sessions()), ['k1: ann', 'k2: ben'])
  })

  it('without Redis forgets them all, until their callbacks tell', async (t) => {
    const { docs, open, server } = await startPair(t)
    await open('k1', 'ann')
    await docs.close()
    const again = await startApp({ server: server.url, grace: 50 })
    t.after(again.close)
    assert.deepEqual(await listed(again.docs.sessions()), [])
    await server.open('k1', { user: 'ben', callbackUrl: again.docs.callbackUrl('file-1') })
    assert.deepEqual(await listed(again.docs.sessions()), ['k1: ann and ben'])
  })
})

describe('forcesaveAll() of 10,000', LIMIT, () => {
  it('has no more under way than `concurrency`, and no more done than was taken', async (t) => {
    const rejected = response(200, '{"error":6}')
    let taken = 0
    let asked = 0
    const ahead: number[] = []
    const server = await startServer(t, (socket) => {
      asked += 1
      ahead.push(asked - taken)
      socket.write(rejected)
    })
    const docs = createDocs({ server: server.url.href, secret: SECRET, onSave: () => {} })
    t.after(() => docs.close())
    function* keys(): Generator<string> {
      for (let n = 0; n < 10_000; n += 1) yield `k${n}`
    }
    for await (const { error, done, total } of docs.forcesaveAll({
      keys: keys(),
      concurrency: 16,
    })) {
      taken += 1
      assert.equal(error?.code, 'COMMAND_REJECTED')
      assert.deepEqual([done, total], [taken, undefined])
    }
    assert.deepEqual([taken, asked], [10_000, 10_000])
    const most = ahead.reduce((max, count) => Math.max(max, count), 0)
    assert.equal(most <= 17, true, `${most} were ahead`)
  })
})

describe('arguments', LIMIT, () => {
  it('that are wrong are refused at once, by name', async (t) => {
    const { docs } = await startPair(t)
    const wrong: [object, RegExp][] = [
      [{ keys: 'k1' }, /^keys: /],
      [{ keys: 7 }, /^keys: /],
      [{ concurrency: 0 }, /^concurrency: /],
      [{ concurrency: Infinity }, /^concurrency: /],
      [{ timeout: -1 }, /^timeout: /],
      [{ signal: 'stop' }, /^signal: /],
    ]
    for (const [options, message] of wrong) {
      assert.throws(
        () => docs.forcesaveAll(options),
        (error) => isDocsError(error, 'BAD_OPTION') && message.test(error.message),
      )
    }
    assert.throws(
      () => docs.sessions({ timeout: 0 }),
      (error) => isDocsError(error, 'BAD_OPTION'),
    )
  })

  it('`keys` may come one by one, and what they throw ends the loop', async (t) => {
    const { docs, open } = await startPair(t)
    ;(await open('k1')).type('x')
    const mine = new RangeError('no more keys')
    async function* keys(): AsyncGenerator<string> {
      yield await Promise.resolve('k1')
      throw mine
    }
    const error: unknown = await ends(docs.forcesaveAll({ keys: keys() })).catch((e: unknown) => e)
    assert.equal(error, mine)
  })
})

describe('repeated callbacks', LIMIT, () => {
  it('list a document once, and a close told twice leaves it closed', async (t) => {
    const { docs, app } = await startPair(t, { secret: null, grace: 0 })
    const url = app.docs.callbackUrl('file-1')
    const came = { key: 'k1', status: 1, users: ['ann'], actions: [{ type: 1, userid: 'ann' }] }
    const left = { key: 'k1', status: 4, actions: [{ type: 0, userid: 'ann' }] }
    await post(url, came)
    await post(url, left)
    await post(url, left)
    assert.deepEqual(await listed(docs.sessions()), [])
    for (let times = 0; times < 3; times += 1) await post(url, came)
    assert.deepEqual(await listed(docs.sessions()), ['k1: ann'])
  })

  it('name a user by text and by number, who is one all the same', async (t) => {
    const { docs, app } = await startPair(t, { secret: null, grace: 0 })
    const url = app.docs.callbackUrl('file-1')
    const came = (users: unknown[]): object => ({
      key: 'k1',
      status: 1,
      users,
      actions: [{ type: 1, userid: 1319 }],
    })
    for (const users of [['1319'], [1319]]) {
      await post(url, came(users))
      assert.deepEqual(await listed(docs.sessions()), ['k1: 1319'])
      await post(url, { key: 'k1', status: 4, actions: [{ type: 0, userid: 1319 }] })
      assert.deepEqual(await listed(docs.sessions()), [])
    }
  })
})
