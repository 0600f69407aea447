/** `forgotten.recover()` with 10,000 forgotten files: in order, paced, in flat memory. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { startInProcess } from './support/in-process.js'

const MANY = 10_000
const keys = Array.from({ length: MANY }, (_, index) => `key-${String(index).padStart(5, '0')}`)

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Of live objects, in MB. */
function heapUsed(): number {
  collect()
  return process.memoryUsage().heapUsed / 2 ** 20
}

it(
  '10,000 forgotten files are recovered in order, four at a time',
  { timeout: 300_000 },
  async (t) => {
    let [running, most] = [0, 0]
    const order: string[] = []
    const held: number[] = []
    const { clock, core, docs, commands, leave } = startInProcess(t, {
      // Less than the whole takes: what the ledger remembers is given up on the way.
      retention: 900_000,
      refOf: (key) => key,
      async onSave(save) {
        running += 1
        most = Math.max(most, running)
        await new Promise<void>((resolve) => clock.after(1_000, resolve))
        running -= 1
        order.push(save.key)
        if (order.length % (MANY / 4) === 0) held.push(heapUsed())
        if (order.length % 1_000 === 0) throw new Error('the disk is full')
      },
      retries: 0,
    })
    await leave(...keys.toReversed())
    assert.equal(core.forgotten.length, MANY)

    const results = { recovered: 0, failed: 0 }
    const call = docs.forgotten.recover({
      onResult: ({ outcome }) => (results[outcome as keyof typeof results] += 1),
    })
    while (results.recovered + results.failed < MANY) await clock.advance(100_000)

    assert.deepEqual(await call, { recovered: MANY - 10, left: 0, gone: 0, failed: 10 })
    assert.deepEqual(results, { recovered: MANY - 10, failed: 10 })
    assert.deepEqual(order, keys)
    assert.equal(most, 4)
    assert.deepEqual(Object.fromEntries(commands), {
      ...{
        getForgottenList: 1,
        info: MANY,
        getForgotten: 2 * MANY - 10,
        deleteForgotten: MANY - 10,
      },
    })
    assert.equal(core.forgotten.length, 10)
    const [, half = 0, , end = 0] = held
    t.diagnostic(`live heap, MB: ${held.map(Math.round).join(', ')}`)
    // The simulated server's own files go, so it shrinks; what is held per file would make it grow.
    assert.ok(end < half + 5, `the heap has grown from ${half} to ${end} MB`)
  },
)
