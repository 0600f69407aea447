/** Where the current key of each file lives (`src/keys/store.ts`): the same contract for each place. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Redis } from 'ioredis'
import { createAppKeyStore, type KeysOption } from '../src/keys/app-store.js'
import { KEY_KEPT } from '../src/keys/record.js'
import { createRedisKeyStore } from '../src/keys/redis-store.js'
import { createMemoryKeyStore, type KeyStore } from '../src/keys/store.js'
import { sha256 } from '../src/protocol/sha256.js'
import { virtualClock } from '../src/testing/clock.js'
import { LIMIT } from './support/callbacks.js'
import { startRedis, type TestRedis } from './support/redis.js'

let server: TestRedis
let redis: Redis
before(async () => {
  server = await startRedis()
  redis = new Redis(server.url)
})
after(async () => {
  redis.disconnect()
  await server.stop()
})

const clock = virtualClock()
/** A table of the application, with an update that looks at what it replaces. */
function createTable(): KeysOption {
  const table = new Map<string, string>()
  return {
    get: (ref) => table.get(ref) ?? null,
    set(ref, text, before) {
      if (table.get(ref) !== before) return false
      table.set(ref, text)
      return true
    },
  }
}

const places: [name: string, create: () => KeyStore, exempt?: string][] = [
  ['in memory', () => createMemoryKeyStore(clock)],
  ['in Redis', () => createRedisKeyStore(redis, 'docs')],
  ["in the application's database", () => createAppKeyStore(createTable()), 'it knows no hashes'],
]

for (const [name, create, exempt] of places) {
  describe(`the keys of files, ${name}`, LIMIT, () => {
    it('begin with nothing', async () => {
      assert.equal(await create().get('nobody knows it'), undefined)
    })
    it('change only if what was read is still there', async () => {
      const store = create()
      assert.equal(await store.set('f', 'one', undefined), true)
      assert.equal(await store.set('f', 'two', undefined), false)
      assert.equal(await store.set('f', 'two', 'another'), false)
      assert.equal(await store.get('f'), 'one')
      assert.equal(await store.set('f', 'two', 'one'), true)
      assert.equal(await store.get('f'), 'two')
    })
    it('let one of many win', async () => {
      const store = create()
      const wins = await Promise.all(
        Array.from({ length: 50 }, (_, n) => store.set('race', String(n), undefined)),
      )
      assert.deepEqual(
        wins.filter((won) => won),
        [true],
      )
      assert.equal(await store.get('race'), String(wins.indexOf(true)))
    })
    it('are found by the hash of the ref', { skip: exempt ?? false }, async () => {
      const store = create()
      await store.set('ref: *{}\n', 'text', undefined)
      assert.equal(await store.byHash(sha256('ref: *{}\n')), 'text')
      assert.equal(await store.byHash(sha256('another')), undefined)
    })
  })
}

it('in memory they are let go when nobody has opened the file for 90 days', async () => {
  const store = createMemoryKeyStore(clock)
  await store.set('f', 'one', undefined)
  await clock.advance(KEY_KEPT)
  await store.set('another', 'one', undefined)
  assert.equal(await store.get('f'), undefined)
})

it('in Redis they expire', LIMIT, async () => {
  await createRedisKeyStore(redis, 'docs').set('expires', 'one', undefined)
  for (const key of await redis.keys('*')) assert.ok((await redis.pttl(key)) > 0, key)
})
