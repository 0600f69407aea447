/** Random schedules in which people open one file by its ref (`test/openings/`). */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { KeyRecord } from '../src/keys/record.js'
import type { KeyStore } from '../src/keys/store.js'
import { runOpenings } from './openings/many.js'
import { runOpening } from './openings/schedule.js'
import { openRedis, type SharedRedis } from './schedules/redis.js'
import { startRedis, type TestRedis } from './support/redis.js'
import { firstSeed } from './support/seed.js'

/** `SEED=123 npm test` replays a run. */
const first = firstSeed()
const [COUNT, COUNT_REDIS] = [200, 60]
/** How many, from seed 1, something broken may survive: the same ones in every run. */
const PATIENCE = 1_500

test(`${COUNT} random openings never split a session, and lose no edit (SEED=${first})`, async (t) => {
  const { failed, opened, keys } = await runOpenings(first, COUNT)
  const replay = `npm run openings -- --seed ${failed[0]?.seed}`
  assert.deepEqual(failed, [], `replay with: ${replay}`)
  t.diagnostic(`opened ${opened} times under ${keys} keys`)
  // In a world in which no key ever changes nothing would be proven.
  assert.ok(keys > 1.1 * COUNT, `only ${keys} keys`)
})

describe('over Redis', () => {
  let server: TestRedis
  let redis: SharedRedis
  before(async () => {
    server = await startRedis('--appendonly', 'no')
    redis = await openRedis(server.url)
  })
  after(async () => {
    await redis.close()
    await server.stop()
  })
  test(`${COUNT_REDIS} random openings by two processes do so, too (SEED=${first})`, async () => {
    const { failed } = await runOpenings(first, COUNT_REDIS, { redis })
    const replay = `npm run openings -- --redis --seed ${failed[0]?.seed}`
    assert.deepEqual(failed, [], `replay with: ${replay}`)
  })
})

/** Keys that are kept otherwise than they were given. */
const changed =
  (change: (record: KeyRecord) => KeyRecord) =>
  (store: KeyStore): KeyStore => ({
    ...store,
    set: (ref, text, before) =>
      store.set(ref, JSON.stringify(change(JSON.parse(text) as KeyRecord)), before),
  })

const breakages: { how: string; breaks: string; keys: (store: KeyStore) => KeyStore }[] = [
  {
    how: 'a change does not look whether somebody else was faster',
    breaks: 'O1',
    keys: (store) => ({
      ...store,
      set: async (ref, text) => store.set(ref, text, await store.get(ref)),
    }),
  },
  {
    how: 'that a save has come is not kept',
    breaks: 'O3',
    keys: changed(({ changed: _lost, ...record }) => record),
  },
  {
    how: 'nobody is thought to have a config still',
    breaks: 'O1',
    keys: changed((record) => ({ ...record, signedAt: 0 })),
  },
]

for (const { how, breaks, keys } of breakages) {
  test(`the checker finds it when ${how}`, async (t) => {
    for (let seed = 1; seed <= PATIENCE; seed += 1) {
      const { violations } = await runOpening(seed, { keys })
      const found = violations.find((violation) => violation.startsWith(breaks))
      if (found === undefined) continue
      return t.diagnostic(`seed ${seed}: ${found}`)
    }
    assert.fail(`${PATIENCE} openings did not break ${breaks}`)
  })
}
