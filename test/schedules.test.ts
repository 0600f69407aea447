/** Random schedules of a whole world on virtual time (`test/schedules/`). */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { breakages } from './schedules/broken.js'
import { findViolation, runMany } from './schedules/many.js'
import { tableOf } from './schedules/summary.js'
import { firstSeed } from './support/seed.js'

/** `SEED=123 npm test` replays a run; `npm run schedules -- --seed 123` shows one schedule. */
const first = firstSeed()
const COUNT = 500
/** How many schedules, from seed 1, something broken may survive: the same ones in every run. */
const PATIENCE = 1000

test(`${COUNT} random schedules in bad worlds confirm nothing wrongly, lose nothing, and end (SEED=${first})`, async (t) => {
  const summary = await runMany(first, COUNT)
  const { calls, ends, failed } = summary
  assert.deepEqual(failed, [], `replay with: npm run schedules -- --seed ${failed[0]?.seed}`)
  t.diagnostic(`\n${tableOf(summary)}`)
  // A world in which nothing ever succeeds would prove nothing.
  const certain = (ends.saved ?? 0) + (ends.unchanged ?? 0)
  assert.equal(certain > calls / 10, true, `only ${certain} of ${calls} calls ended certainly`)
})

for (const { how, breaks, ...broken } of breakages) {
  test(`the checker finds a broken state machine: ${how}`, async (t) => {
    const found = await findViolation(breaks, PATIENCE, broken)
    if (found === undefined) assert.fail(`${PATIENCE} schedules did not break ${breaks}`)
    t.diagnostic(found)
  })
}
