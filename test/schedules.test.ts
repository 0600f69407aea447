/** The second proof: random schedules of a whole world on virtual time (`test/schedules/`). */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { brokenRules } from './schedules/broken.js'
import { findViolation, runMany } from './schedules/many.js'
import { firstSeed } from './support/seed.js'

/** `SEED=123 npm test` replays a run; `npm run schedules -- --seed 123` shows one schedule. */
const first = firstSeed()
const COUNT = 5000
/** How many schedules, from seed 1, a broken rule may survive: the same ones in every run. */
const PATIENCE = 3000

test(`${COUNT} random schedules keep the invariants I1 to I7 (SEED=${first})`, async (t) => {
  const { calls, ends, failed } = await runMany(first, COUNT)
  assert.deepEqual(
    failed.map(({ seed, violations }) => ({ seed, violations })),
    [],
    `replay with: npm run schedules -- --seed ${failed[0]?.seed}`,
  )
  t.diagnostic(`${COUNT} schedules from seed ${first}, ${calls} calls: ${JSON.stringify(ends)}`)
  // A world in which nothing ever succeeds would prove nothing.
  const saved = ends.saved ?? 0
  assert.equal(saved > calls / 10, true, `only ${saved} of ${calls} calls were saved`)
})

for (const { rule, how, breaks, ...broken } of brokenRules) {
  test(`the checker finds a broken rule ${rule}: ${how}`, async (t) => {
    const found = await findViolation(breaks, PATIENCE, broken)
    if (found === undefined) assert.fail(`${PATIENCE} schedules did not break ${breaks}`)
    t.diagnostic(found)
  })
}
