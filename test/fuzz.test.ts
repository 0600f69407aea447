/** The callback endpoint under a flood of inputs that nobody has signed, and some that somebody has. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { closingLine, fuzz } from './fuzz/fuzz.js'
import { firstSeed } from './support/seed.js'

/** `SEED=123 npm test` replays a run; `npm run fuzz -- 1 --seed 123` one input. */
const first = firstSeed()
const COUNT = 20_000

test(
  `${COUNT} inputs: nobody gets in, nothing breaks, what is signed is stored (SEED=${first})`,
  { timeout: 600_000 },
  async (t) => {
    const report = await fuzz(first, COUNT)
    t.diagnostic(closingLine(first, report))
    assert.deepEqual(report.violations.slice(0, 20), [])
    // A fuzzer that never gets anything through would prove nothing.
    assert.ok(report.stored > COUNT / 100, `only ${report.stored} saves were stored`)
    assert.ok((report.answers['403'] ?? 0) > COUNT / 2, 'most inputs are to reach the token check')
  },
)
