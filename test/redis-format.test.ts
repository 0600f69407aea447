/** What other versions of the package, or nobody, can read in Redis: it is left alone, and nothing is lost by it. */
import assert from 'node:assert/strict'
import { after, before, describe, it, type TestContext } from 'node:test'
import { Redis } from 'ioredis'
import type { Docs } from '../src/api.js'
import { isDocsError } from '../src/errors.js'
import { assembleDocs } from '../src/docs.js'
import { readRecord, readVerdict, writeRecord, writeVerdict } from '../src/ledger/redis-record.js'
import { emptyDocument } from '../src/settlement/state.js'
import { startRedis, type TestRedis } from './support/redis.js'

let server: TestRedis
let raw: Redis
before(async () => {
  server = await startRedis()
  raw = new Redis(server.url)
})
after(async () => {
  raw.disconnect()
  await server.stop()
})

let worlds = 0

interface World {
  docs: Docs
  prefix: string
  stored: string[]
  receive: (body: object) => Promise<{ status: number; body: { error: 0 | 1 } }>
  /** The Redis key of the one document. */
  document: () => Promise<string>
}

function start(t: TestContext): World {
  const prefix = `p${(worlds += 1)}`
  const stored: string[] = []
  const docs = assembleDocs(
    {
      ...{ server: 'http://d', publicUrl: 'http://app', secret: null, redis: server.url, prefix },
      ...{ grace: 50, timeout: 3_000, replyTimeout: 3_000 },
      onSave: (save) => void stored.push(save.url),
    },
    {
      http: {
        request({ body = '' }) {
          const { c } = JSON.parse(body) as { c: string }
          const text = JSON.stringify({ error: c === 'forcesave' ? 4 : 0 })
          return Promise.resolve({ status: 200, headers: {}, text })
        },
        open: () => Promise.reject(new Error('not used')),
        close: () => Promise.resolve(),
      },
    },
  )
  t.after(() => docs.close())
  const ref = new URL(docs.callbackUrl('file')).pathname.split('/').at(-1)
  return {
    ...{ docs, prefix, stored },
    receive: (body) => docs.receive({ body, headers: {}, ref }),
    async document() {
      const [key] = await raw.keys(`${prefix}:*:document`)
      return key ?? assert.fail('no document in Redis')
    },
  }
}

const opened = { key: 'k', status: 1, users: ['a'], actions: [{ type: 1, userid: 'a' }] }
const final = {
  ...{
    key: 'k',
    status: 2,
    url: 'http://d/cache/files/data/k_1/output.docx/output.docx?x=1',
    users: ['a'],
  },
  actions: [{ type: 0, userid: 'a' }],
}
const codeOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => 'it resolved',
    (error: unknown) => (isDocsError(error) ? error.code : error),
  )

const UNREADABLE: Record<string, string> = {
  'of a newer format': '{"format":3,"documents":{}}',
  'of this format, and of another shape': '{"format":2,"documents":{}}',
  'whose format is no number': '{"format":"two"}',
  'that is no JSON': '{"turn":1,',
  'that is a list': '[]',
  'without its lists': '{"turn":1,"sequence":0}',
}

describe('a record in Redis', () => {
  for (const [what, text] of Object.entries(UNREADABLE)) {
    it(`${what} gives BAD_RECORD, is not overwritten, and no final save is acknowledged`, async (t) => {
      const world = start(t)
      await world.receive(opened)
      const key = await world.document()
      await raw.hset(key, { s: text, v: 'other.1' })
      assert.equal(await codeOf(world.docs.forcesave('k')), 'BAD_RECORD')
      assert.deepEqual(await world.receive(final), { status: 503, body: { error: 1 } })
      assert.deepEqual(await world.receive(opened), { status: 200, body: { error: 0 } })
      assert.deepEqual(await raw.hmget(key, 's', 'v'), [text, 'other.1'])
      assert.deepEqual(world.stored, [])
    })
  }

  it('of version 0.1.0, which has no number, is read as it is and written in the new format', async (t) => {
    const world = start(t)
    await world.receive(opened)
    const key = await world.document()
    const { format, state } = JSON.parse((await raw.hget(key, 's'))!) as Record<string, unknown>
    assert.equal(format, 2)
    await raw.hset(key, { s: JSON.stringify(state), v: 'older.1' })
    assert.deepEqual(await world.receive(final), { status: 200, body: { error: 0 } })
    assert.deepEqual(world.stored, [final.url])
    assert.equal((JSON.parse((await raw.hget(key, 's'))!) as { format: unknown }).format, 2)
  })

  it('that an older version writes in between is read again, not written over', async (t) => {
    const world = start(t)
    await world.receive(opened)
    const key = await world.document()
    const { state } = JSON.parse((await raw.hget(key, 's'))!) as { state: { turn: number } }
    const older = JSON.stringify({ ...state, turn: 40 })
    // Nobody has published it: this process believes in what it has written itself.
    await raw.hset(key, { s: older, v: 'older.2' })
    await world.receive({ ...opened, users: ['a', 'b'], actions: [{ type: 1, userid: 'b' }] })
    const after = JSON.parse((await raw.hget(key, 's'))!) as { state: { turn: number } }
    assert.equal(after.state.turn, 41)
  })

  it('that becomes unreadable ends the calls that wait for it', async (t) => {
    const world = start(t)
    await world.receive(opened)
    const { id } = await world.docs.startForcesave('k')
    const key = await world.document()
    await raw.hset(key, { s: '{"format":9}', v: 'newer.1' })
    const [verdict] = await raw.keys(`${world.prefix}:*:verdict:*`)
    if (verdict !== undefined) await raw.del(verdict)
    assert.equal(await codeOf(world.docs.outcome(id, { timeout: 8_000 })), 'BAD_RECORD')
  })

  it('and a wake-up of another version harm nobody', async (t) => {
    const world = start(t)
    await world.receive(opened)
    const name = /\{(.*)\}/.exec(await world.document())![1]
    for (const message of ['', '{}', `${name}`, `${name} soon x y z`, `${name} NaN`]) {
      await raw.publish(`${world.prefix}:wake`, message)
    }
    assert.deepEqual(await world.receive(final), { status: 200, body: { error: 0 } })
  })
})

describe('the texts', () => {
  it('come back as they were, and name in an error where they are', () => {
    assert.deepEqual(readRecord(writeRecord(emptyDocument), 'x'), emptyDocument)
    const verdict = {
      ...({ outcome: 'unchanged', rule: '5.1', certain: true, reason: 'no-changes' } as const),
    }
    assert.deepEqual(readVerdict(writeVerdict(verdict), 'x'), verdict)
    const older = readVerdict(JSON.stringify({ ...verdict, rule: 6 }), 'x')
    assert.deepEqual(older, { ...verdict, rule: '6', certain: false, doubt: 'ledger-lost' })
    assert.throws(() => readVerdict('{"format":3}', 'docs:{x}:verdict:1'), /docs:\{x\}:verdict:1/)
    assert.throws(() => readVerdict('{"outcome":"lost","rule":1}', 'x'), /BAD_RECORD|no verdict/)
  })
})
