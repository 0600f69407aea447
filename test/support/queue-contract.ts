/** The contract of the port `SaveQueue` (`src/saves/queue.ts`), the same for every backend. */
import assert from 'node:assert/strict'
import { describe, type TestContext } from 'node:test'
import type { Clock } from '../../src/clock.js'
import { DocsError } from '../../src/errors.js'
import type { Logger } from '../../src/events.js'
import type { RunnableSave } from '../../src/settlement/event.js'
import { RejectSave } from '../../src/saves/reject-save.js'
import type { RunSave, SaveQueue, SaveReport } from '../../src/saves/queue.js'
import { virtualClock, type VirtualClock } from '../../src/testing/clock.js'
import { contractOf, type Exemptions } from './contract.js'

export interface QueueParts {
  run: RunSave
  report: SaveReport
  clock: Clock
  concurrency: number
  retries: number
  logger: Logger
}

export interface QueueBackend {
  name: string
  /** A queue with nothing in it. */
  create: (parts: QueueParts) => SaveQueue | Promise<SaveQueue>
  /** Real milliseconds that its input and output may take before time moves on; 0 without any. */
  ioMs: number
  /** Real milliseconds within which what is waited for happens at the latest, where time is real. */
  limitMs?: number
  exempt?: Exemptions
}

interface Report {
  key: string
  name: string
  result?: unknown
  error?: unknown
  attempts?: number
}

interface Bench {
  queue: SaveQueue
  clock: VirtualClock
  /** Every attempt, as it began. */
  runs: { key: string; name: string; attempt: number; at: number; signal: AbortSignal }[]
  reports: Report[]
  /** What was logged as an error. */
  errors: unknown[]
  until: (condition: () => boolean) => Promise<void>
}

interface BenchOptions {
  /** What `onSave` does. Default: stores. */
  run?: RunSave
  /** Sees each report before it is made. */
  onReport?: (report: Report, bench: Bench) => void
  concurrency?: number
  retries?: number
}

/** Each time the ledger hands a save over, it has a new `sequence`. */
export const aSave = (name: string, sequence = 1): RunnableSave => ({
  name,
  sequence,
  status: 6,
  trigger: 'command',
  order: 'newest',
  payload: { ref: 'file-1', userdata: undefined, body: { key: 'k', status: 6 } },
})

/** A promise and what settles it. */
function gate(): { opened: Promise<void>; open: () => void } {
  let open = (): void => {}
  const opened = new Promise<void>((resolve) => (open = resolve))
  return { opened, open: () => open() }
}

export function testQueue(backend: QueueBackend): void {
  async function open(t: TestContext, options: BenchOptions = {}): Promise<Bench> {
    const { run = () => Promise.resolve('stored'), onReport } = options
    const clock = virtualClock()
    const { runs, reports, errors }: Pick<Bench, 'runs' | 'reports' | 'errors'> = {
      runs: [],
      reports: [],
      errors: [],
    }
    const told = (report: Report): Promise<void> => {
      reports.push(report)
      onReport?.(report, bench)
      return Promise.resolve()
    }
    const quiet = (): void => {}
    const queue = await backend.create({
      clock,
      concurrency: options.concurrency ?? 16,
      retries: options.retries ?? 2,
      logger: {
        debug: quiet,
        info: quiet,
        warn: quiet,
        error: (details) => void errors.push((details as { err?: unknown }).err),
      },
      run(key, save, attempt, signal) {
        runs.push({ key, name: save.name, attempt, at: clock.now(), signal })
        return run(key, save, attempt, signal)
      },
      report: {
        stored: async (key, { name }, result) => told({ key, name, result }),
        failed: async (key, { name }, error, attempts) => told({ key, name, error, attempts }),
      },
    })
    const bench: Bench = {
      ...{ queue, clock, runs, reports, errors },
      async until(condition) {
        assert.ok(await happens(condition), 'it never happened')
      },
    }
    async function happens(condition: () => boolean): Promise<boolean> {
      const end = Date.now() + (backend.limitMs ?? 0)
      do {
        if (await clock.runUntil(condition, 600_000, backend.ioMs)) return true
      } while (Date.now() < end)
      return false
    }
    t.after(async () => {
      let closed = false
      void queue.close().then(() => (closed = true))
      assert.ok(await happens(() => closed), 'close() hangs')
      assert.equal(clock.pending, 0, 'a timer stayed behind')
    })
    return bench
  }

  /** Time passes, in which nothing more should happen. */
  const quietFor = ({ clock }: Bench): Promise<unknown> =>
    backend.ioMs === 0 ? clock.advance(600_000) : clock.runUntil(() => false, 600_000, backend.ioMs)

  describe(`queue contract: ${backend.name}`, () => {
    const { it, end } = contractOf(backend.exempt)

    it('runs each added save once, and reports what it returned', async (t) => {
      const bench = await open(t, { run: (key, { name }) => Promise.resolve({ key, name }) })
      bench.queue.add('k1', aSave('A'))
      bench.queue.add('k2', aSave('B'))
      await bench.until(() => bench.reports.length === 2)
      assert.deepEqual(
        bench.reports.toSorted((left, right) => left.key.localeCompare(right.key)),
        [
          { key: 'k1', name: 'A', result: { key: 'k1', name: 'A' } },
          { key: 'k2', name: 'B', result: { key: 'k2', name: 'B' } },
        ],
      )
      assert.deepEqual(
        bench.runs.map(({ attempt }) => attempt),
        [1, 1],
      )
    })

    it('adding a save that is there changes nothing', async (t) => {
      const { opened, open: finish } = gate()
      const bench = await open(t, { run: () => opened, concurrency: 1 })
      for (const name of ['A', 'A', 'B', 'B']) bench.queue.add('k', aSave(name))
      await bench.until(() => bench.runs.length === 1)
      for (const name of ['A', 'B']) bench.queue.add('k', aSave(name))
      finish()
      await bench.until(() => bench.reports.length === 2)
      assert.deepEqual(
        bench.runs.map(({ name }) => name),
        ['A', 'B'],
      )
    })

    it('the same name under another key is another save', async (t) => {
      const bench = await open(t)
      bench.queue.add('k1', aSave('A'))
      bench.queue.add('k2', aSave('A'))
      await bench.until(() => bench.reports.length === 2)
    })

    it('a save that was reported and is handed over again is run again', async (t) => {
      const bench = await open(t, { run: () => Promise.reject(new RejectSave()) })
      bench.queue.add('k', aSave('A'))
      await bench.until(() => bench.reports.length === 1)
      await new Promise(setImmediate)
      bench.queue.add('k', aSave('A', 2))
      await bench.until(() => bench.reports.length === 2)
    })

    it('also when that happens while it is being reported', async (t) => {
      const bench = await open(t, {
        run: (_key, _save, _attempt) =>
          bench.runs.length === 1 ? Promise.reject(new RejectSave()) : Promise.resolve('stored'),
        onReport: ({ key, name, error }, { queue }) => {
          if (error !== undefined) queue.add(key, aSave(name, 2))
        },
      })
      bench.queue.add('k', aSave('A'))
      await bench.until(() => bench.reports.length === 2)
      assert.equal(bench.reports[1]?.result, 'stored')
    })

    it('tries a failed save again, after pauses that grow, and counts the attempts', async (t) => {
      const cause = new Error('disk full')
      const bench = await open(t, { run: () => Promise.reject(cause), retries: 3 })
      bench.queue.add('k', aSave('A'))
      await bench.until(() => bench.reports.length === 1)
      assert.deepEqual(bench.reports, [{ key: 'k', name: 'A', error: cause, attempts: 4 }])
      assert.deepEqual(
        bench.runs.map(({ attempt }) => attempt),
        [1, 2, 3, 4],
      )
      const times = bench.runs.map(({ at }) => at)
      const pauses = times.slice(1).map((at, index) => at - times[index]!)
      for (const [index, pause] of pauses.entries()) assert.ok(pause > (pauses[index - 1] ?? 0))
    })

    it('a save that succeeds at a later attempt is reported stored, and only that', async (t) => {
      const bench = await open(t, {
        run: (_key, _save, attempt) =>
          attempt < 3 ? Promise.reject(new Error('not yet')) : Promise.resolve('stored'),
      })
      bench.queue.add('k', aSave('A'))
      await bench.until(() => bench.reports.length === 1)
      await quietFor(bench)
      assert.deepEqual(bench.reports, [{ key: 'k', name: 'A', result: 'stored' }])
    })

    for (const [what, error, attempts] of [
      ['a RejectSave is not tried again', new RejectSave('gone'), 1],
      [
        'an error that is not retryable is not tried again',
        new DocsError('BAD_RESPONSE', 'x', { retryable: false }),
        1,
      ],
      ['an error that is retryable is', new DocsError('UNREACHABLE', 'x'), 3],
      ['a thrown text is', 'just a text', 3],
      ['a thrown undefined is', undefined, 3],
    ] as const) {
      it(what, async (t) => {
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- applications do
        const bench = await open(t, { run: () => Promise.reject(error) })
        bench.queue.add('k', aSave('A'))
        await bench.until(() => bench.reports.length === 1)
        assert.equal(bench.runs.length, attempts)
        assert.equal(bench.reports[0]?.attempts, attempts)
        assert.equal(bench.reports[0].error, error)
      })
    }

    it('without retries there is one attempt', async (t) => {
      const bench = await open(t, { run: () => Promise.reject(new Error('no')), retries: 0 })
      bench.queue.add('k', aSave('A'))
      await bench.until(() => bench.reports.length === 1)
      assert.equal(bench.runs.length, 1)
    })

    it('runs as many at once as it may, and no more; all get their turn', async (t) => {
      let active = 0
      let most = 0
      const bench = await open(t, {
        concurrency: 3,
        async run() {
          active += 1
          most = Math.max(most, active)
          await new Promise((resolve) => setTimeout(resolve, 2))
          active -= 1
          return 'stored'
        },
      })
      for (let n = 0; n < 12; n += 1) bench.queue.add(`k${n}`, aSave(`A${n}`))
      await bench.until(() => bench.reports.length === 12)
      assert.equal(most, 3)
    })

    it('a save that waits for its next attempt keeps no other from running', async (t) => {
      const bench = await open(t, {
        concurrency: 1,
        run: (key) => (key === 'bad' ? Promise.reject(new Error('no')) : Promise.resolve('stored')),
      })
      bench.queue.add('bad', aSave('A'))
      bench.queue.add('good', aSave('B'))
      await bench.until(() => bench.reports.length === 1)
      assert.equal(bench.reports[0]?.key, 'good')
      await bench.until(() => bench.reports.length === 2)
    })

    for (const how of ['stored', 'failed'] as const) {
      it(`a failing report (${how}) is logged; it runs nothing again and harms no other`, async (t) => {
        const fault = new Error('the ledger is closed')
        const bench = await open(t, {
          run: () => (how === 'stored' ? Promise.resolve(1) : Promise.reject(new RejectSave())),
          onReport: ({ name }) => {
            if (name === 'A') throw fault
          },
        })
        bench.queue.add('k1', aSave('A'))
        await bench.until(() => bench.errors.length === 1)
        assert.deepEqual(bench.errors, [fault])
        bench.queue.add('k2', aSave('B'))
        await bench.until(() => bench.reports.length === 2)
        await quietFor(bench)
        assert.deepEqual(
          bench.runs.map(({ name }) => name),
          ['A', 'B'],
        )
      })
    }

    it('close() waits for what is running, and reports it', async (t) => {
      const { opened, open: finish } = gate()
      const bench = await open(t, { run: () => opened.then(() => 'stored') })
      bench.queue.add('k', aSave('A'))
      await bench.until(() => bench.runs.length === 1)
      let closed = false
      const closing = bench.queue.close().then(() => (closed = true))
      await new Promise((resolve) => setTimeout(resolve, 5 + backend.ioMs))
      assert.equal(closed, false)
      finish()
      await closing
      assert.equal(bench.runs[0]?.signal.aborted, false)
      assert.deepEqual(bench.reports, [{ key: 'k', name: 'A', result: 'stored' }])
    })

    it('close() starts nothing more: neither what waits nor what is added', async (t) => {
      const { opened, open: finish } = gate()
      const bench = await open(t, { run: () => opened, concurrency: 1 })
      bench.queue.add('k1', aSave('A'))
      bench.queue.add('k2', aSave('B'))
      await bench.until(() => bench.runs.length === 1)
      const closing = bench.queue.close()
      bench.queue.add('k3', aSave('C'))
      finish()
      await closing
      await quietFor(bench)
      assert.deepEqual(
        bench.runs.map(({ name }) => name),
        ['A'],
      )
    })

    it('close() cuts pauses short: no further attempt, and no waiting', async (t) => {
      const bench = await open(t, { run: () => Promise.reject(new Error('disk full')) })
      bench.queue.add('k', aSave('A'))
      await bench.until(() => bench.runs.length === 1)
      await new Promise(setImmediate)
      const before = bench.clock.now()
      await bench.queue.close()
      assert.equal(bench.clock.now(), before)
      assert.equal(bench.runs.length, 1)
    })

    it('a save whose pause was cut short is reported with what went wrong, and its attempts', async (t) => {
      const cause = new Error('disk full')
      const bench = await open(t, { run: () => Promise.reject(cause) })
      bench.queue.add('k', aSave('A'))
      await bench.until(() => bench.runs.length === 1)
      await new Promise(setImmediate)
      await bench.queue.close()
      assert.deepEqual(bench.reports, [{ key: 'k', name: 'A', error: cause, attempts: 1 }])
    })

    it('close() loses its patience: it aborts the signal of what is running, and resolves', async (t) => {
      const bench = await open(t, {
        run: (_key, _save, _attempt, signal) =>
          new Promise((_, reject) => {
            signal.addEventListener('abort', () => reject(signal.reason as Error))
          }),
      })
      bench.queue.add('k', aSave('A'))
      await bench.until(() => bench.runs.length === 1)
      let closed = false
      void bench.queue.close().then(() => (closed = true))
      await new Promise(setImmediate)
      assert.equal(bench.runs[0]?.signal.aborted, false)
      await bench.until(() => closed)
      assert.equal(bench.runs[0].signal.aborted, true)
      assert.equal(bench.runs.length, 1, 'it is not tried again')
    })

    it('close() resolves also when what is running takes no notice, each time it is called', async (t) => {
      const bench = await open(t, { run: () => new Promise(() => {}) })
      bench.queue.add('k', aSave('A'))
      await bench.until(() => bench.runs.length === 1)
      let closed = false
      void bench.queue.close().then(() => (closed = true))
      await bench.until(() => closed)
    })

    it('close() may be called twice, at once and later', async (t) => {
      const bench = await open(t)
      bench.queue.add('k', aSave('A'))
      await Promise.all([bench.queue.close(), bench.queue.close()])
      await bench.queue.close()
    })

    end()
  })
}
