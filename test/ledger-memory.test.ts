/** The ledger of one process: the contract, and that its Map empties itself. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Clock } from '../src/clock.js'
import type { Ledger } from '../src/ledger/ledger.js'
import { createMemoryLedger } from '../src/ledger/memory.js'
import { virtualClock } from '../src/testing/clock.js'
import { testLedger } from './support/ledger-contract.js'
import { arrivalOf, RULES, runOf } from './support/story.js'

testLedger({ name: 'memory', create: createMemoryLedger, ioMs: 0, manyKeys: 5_000 })

test('when nothing is known any more, no timer runs', async () => {
  const clock = virtualClock()
  const ledger = createMemoryLedger({ clock, rules: RULES, perform: () => {} })
  for (let n = 0; n < 1_000; n += 1) {
    await ledger.apply(`k${n}`, { type: 'arrived', save: arrivalOf('A', clock.now()) })
    const run = runOf(await ledger.read(`k${n}`), 'A')
    await ledger.apply(`k${n}`, { type: 'stored', ...run, stored: null })
  }
  assert.ok(clock.pending > 0, 'something is to be forgotten')
  await clock.advance(2 * RULES.retention + 1)
  assert.equal(clock.pending, 0)
})

test('entries that have expired are let go', async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const clock = virtualClock()
  const ledger = createMemoryLedger({ clock, rules: RULES, perform: () => {} })
  const kept = await storeSomething(ledger, clock)
  collect()
  assert.notEqual(kept.deref(), undefined, 'within the retention time it is there')
  await clock.advance(2 * RULES.retention + 1)
  collect()
  assert.equal(kept.deref(), undefined)
  await ledger.close()
})

async function storeSomething(ledger: Ledger, clock: Clock): Promise<WeakRef<object>> {
  const stored = { text: 'what onSave returned' }
  await ledger.apply('k', { type: 'arrived', save: arrivalOf('A', clock.now()) })
  const run = runOf(await ledger.read('k'), 'A')
  await ledger.apply('k', { type: 'stored', ...run, stored })
  return new WeakRef(stored)
}
