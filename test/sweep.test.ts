/** Work on many things: how much at once, how fast, and how it ends (`src/sessions/sweep.ts`). */
import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { describe, it } from 'node:test'
import { sweep, type SweepParts } from '../src/sessions/sweep.js'
import { gate, LIMIT } from './support/callbacks.js'
import { until } from './support/until.js'

type Result = { item: number }

const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index)
const tell = (item: number): Promise<Result> => Promise.resolve({ item })
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

function start(
  parts: Partial<SweepParts<number, Result>> = {},
): AsyncIterableIterator<Result, unknown> {
  return sweep({ items: numbers(10), concurrency: 3, ends: [], work: tell, ...parts })
}

async function all(results: AsyncIterable<Result>): Promise<number[]> {
  const items: number[] = []
  for await (const { item } of results) items.push(item)
  return items
}

/** Work that goes on until it is told to end, or nobody waits for it. */
function gated(): {
  work: SweepParts<number, Result>['work']
  begun: number[]
  aborted: number[]
  finish: (item: number) => void
} {
  const begun: number[] = []
  const aborted: number[] = []
  const gates = new Map<number, () => void>()
  return {
    begun,
    aborted,
    finish: (item) => gates.get(item)?.(),
    async work(item, signal) {
      begun.push(item)
      const { opened, open } = gate()
      gates.set(item, open)
      const gone = new Promise<never>((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          if (gates.delete(item)) aborted.push(item)
          reject(new Error('nobody waits any more'))
        })
      })
      await Promise.race([opened, gone])
      gates.delete(item)
      return { item }
    },
  }
}

describe('a sweep', LIMIT, () => {
  it('gives one result for each', async () => {
    assert.deepEqual(await all(start()), numbers(10))
    assert.deepEqual(await all(start({ items: [] })), [])
  })

  it('takes items from anything that iterates', async () => {
    async function* later(): AsyncGenerator<number> {
      for (const item of numbers(5)) {
        await turn()
        yield item
      }
    }
    assert.deepEqual(await all(start({ items: later() })), numbers(5))
    assert.deepEqual(await all(start({ items: new Set(numbers(5)) })), numbers(5))
  })

  it('leaves out what there is nothing to tell of', async () => {
    const work = (item: number) => Promise.resolve(item % 2 === 0 ? { item } : undefined)
    assert.deepEqual(await all(start({ work })), [0, 2, 4, 6, 8])
  })

  it('gives results as they come', async () => {
    const { work, begun, finish } = gated()
    const results = start({ work })
    const first = results.next()
    await until(() => begun.length === 3)
    finish(1)
    assert.deepEqual(await first, { done: false, value: { item: 1 } })
    finish(2)
    assert.deepEqual(await results.next(), { done: false, value: { item: 2 } })
    await results.return?.()
  })

  it('gives what is there while the next item takes its time', async () => {
    const { opened, open } = gate()
    async function* slow(): AsyncGenerator<number> {
      yield 0
      await opened
      yield 1
    }
    const results = start({ items: slow() })
    assert.deepEqual((await results.next()).value, { item: 0 })
    open()
    assert.deepEqual((await results.next()).value, { item: 1 })
  })

  it('does not begin before it is asked, and never more than `concurrency` ahead of who takes', async () => {
    let begun = 0
    let taken = 0
    let most = 0
    const results = start({
      items: numbers(1_000),
      concurrency: 8,
      async work(item) {
        begun += 1
        most = Math.max(most, begun - taken)
        await turn()
        return { item }
      },
    })
    await turn()
    assert.equal(begun, 0)
    while ((await results.next()).done !== true) {
      taken += 1
      // A slow one.
      if (taken % 100 === 0) for (let turns = 0; turns < 20; turns += 1) await turn()
    }
    assert.deepEqual([taken, begun], [1_000, 1_000])
    // The one that is being handed over has been taken.
    assert.equal(most <= 9, true, `${most} were ahead`)
  })

  it('ends at a break: what is under way is aborted and has ended, nothing more begins', async () => {
    const { work, begun, aborted, finish } = gated()
    let returned = false
    function* items(): Generator<number> {
      try {
        yield* numbers(10)
      } finally {
        returned = true
      }
    }
    const results = start({ items: items(), work })
    setImmediate(() => finish(1))
    for await (const { item } of results) {
      assert.equal(item, 1)
      break
    }
    await turn()
    assert.deepEqual([begun, aborted, returned], [[0, 1, 2, 3], [0, 2, 3], true])
    assert.deepEqual(await results.next(), { done: true, value: undefined })
  })

  it('ends at return() also while a result is waited for', async () => {
    const { work, begun, aborted } = gated()
    const results = start({ work })
    const waiting = results.next()
    await until(() => begun.length === 3)
    await results.return?.()
    assert.deepEqual(await waiting, { done: true, value: undefined })
    assert.deepEqual(aborted, [0, 1, 2])
  })

  it('ends at return() also while the next item takes for ever', async () => {
    async function* stuck(): AsyncGenerator<number> {
      await new Promise(() => {})
      yield 0
    }
    const results = start({ items: stuck() })
    const waiting = results.next()
    await turn()
    await results.return?.()
    assert.equal((await waiting).done, true)
  })

  it('that was never begun is ended by return()', async () => {
    const results = start({ work: () => assert.fail('it began') })
    await results.return?.()
    assert.equal((await results.next()).done, true)
  })

  for (const when of ['before it', 'while it waits', 'between two results']) {
    it(`ends with the reason of a signal that is aborted ${when}, and leaves nothing on it`, async () => {
      const controller = new AbortController()
      const { signal } = controller
      const { work, begun, aborted, finish } = gated()
      const results = start({ work, ends: [new AbortController().signal, signal] })
      const reason = new RangeError('enough')
      if (when === 'before it') controller.abort(reason)
      const first = results.next()
      if (when !== 'before it') await until(() => begun.length === 3)
      if (when === 'between two results') {
        finish(0)
        finish(1)
        await first
      }
      controller.abort(reason)
      const rejected = when === 'between two results' ? results.next() : first
      assert.equal(await rejected.catch((error: unknown) => error), reason)
      assert.equal((await results.next()).done, true)
      assert.equal(getEventListeners(signal, 'abort').length, 0)
      assert.equal(aborted.length, { 'before it': 0, 'while it waits': 3 }[when] ?? 2)
    })
  }

  it('ends with what the items throw, and with what the work throws', async () => {
    const mine = new TypeError('mine')
    function* broken(): Generator<number> {
      yield 0
      throw mine
    }
    for (const parts of [{ items: broken() }, { work: () => Promise.reject(mine) }]) {
      const error: unknown = await all(start(parts)).catch((reason: unknown) => reason)
      assert.equal(error, mine)
    }
  })
})
