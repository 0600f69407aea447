/**
 * The random schedules again, with two processes over one real Redis: a command is sent by one, its
 * callback comes to either, and either waits; they die and are shut down meanwhile, and Redis is slow,
 * fails and loses wake-ups.
 *
 * Exempt, for they go by real time: BullMQ, whose place a queue on virtual time takes
 * (`schedules/queue.ts`), and the expiry of what is in Redis, of which it is only checked that it has
 * one. Both are tested with real processes in `processes.test.ts`.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Redis } from 'ioredis'
import { breakages, overwriting } from './schedules/broken.js'
import { findViolation, runMany } from './schedules/many.js'
import { openRedis, type SharedRedis } from './schedules/redis.js'
import { runSchedule } from './schedules/schedule.js'
import { startRedis, type TestRedis } from './support/redis.js'
import { firstSeed } from './support/seed.js'

/** `SEED=123 npm test` replays a run; `npm run schedules -- --redis --seed 123` shows one schedule. */
const first = firstSeed()
const COUNT = 150
/** How many schedules, from seed 1, what is broken may survive: the same ones in every run. */
const PATIENCE = 300

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

test(`${COUNT} random schedules over Redis keep the invariants I1 to I8 (SEED=${first})`, async (t) => {
  const { calls, ends, conflicts, deaths, failed } = await runMany(first, COUNT, {
    redis,
  })
  assert.deepEqual(
    failed,
    [],
    `replay with: npm run schedules -- --redis --seed ${failed[0]?.seed}`,
  )
  t.diagnostic(
    `${COUNT} schedules from seed ${first}, ${calls} calls, ${conflicts} conflicts, ${deaths} deaths: ${JSON.stringify(ends)}`,
  )
  // A world in which nothing ever succeeds, or nobody gets in another's way, would prove nothing.
  const saved = ends.saved ?? 0
  assert.equal(saved > calls / 10, true, `only ${saved} of ${calls} calls were saved`)
  assert.equal(conflicts > COUNT, true, `only ${conflicts} writes came too late`)
  assert.equal(deaths > 0, true, `only ${deaths} processes died`)

  const inspector = new Redis(server.url)
  assert.deepEqual(await inspector.keys('*'), [], 'they leave nothing behind in Redis')
  inspector.disconnect()
})

test('the same seed gives the same schedule, also while others run', async () => {
  const run = async (seed: number): Promise<string[]> => {
    const { trace } = await runSchedule(seed, { redis, traced: true })
    // Ids and the names of saves are made of real randomness.
    return trace.map((line) =>
      line.replace(/((?:command|callback) \S+ \S+|onSave \S+) [^:]{4,5}:/, '$1:'),
    )
  }
  const seeds = [1, 2, 3, 4, 5, 6]
  const alone: string[][] = []
  for (const seed of seeds) alone.push(await run(seed))
  assert.deepEqual(await Promise.all(seeds.map(run)), alone)
})

// In memory each of them is found; over Redis some show that the checker can fail here, too.
for (const { how, breaks, ...broken } of [breakages[0], breakages.at(-1)].flatMap(
  (one) => one ?? [],
)) {
  test(`over Redis the checker finds a broken state machine: ${how}`, async (t) => {
    const found = await findViolation(breaks, PATIENCE, { ...broken, redis })
    if (found === undefined) assert.fail(`${PATIENCE} schedules did not break ${breaks}`)
    t.diagnostic(found)
  })
}

test('the checker finds a write that does not look whether another process was faster', async (t) => {
  const troubles = ['slow onSave'] as const
  const found = await findViolation('I5', PATIENCE, { redis, store: overwriting, troubles })
  if (found === undefined) assert.fail(`${PATIENCE} schedules did not break I5`)
  t.diagnostic(found)
})
