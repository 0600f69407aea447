/** The queue of several processes: the same contract, over BullMQ and a real Redis, and what is only there. */
import assert from 'node:assert/strict'
import { after, before, describe, it, type TestContext } from 'node:test'
import { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import { systemClock } from '../src/clock.js'
import { DocsError } from '../src/errors.js'
import { silentLogger } from '../src/events.js'
import { createBullmqQueue, type BullmqQueueParts } from '../src/saves/bullmq-queue.js'
import type { RunnableSave } from '../src/settlement/event.js'
import type { SaveQueue } from '../src/saves/queue.js'
import { RejectSave } from '../src/saves/reject-save.js'
import { virtualClock } from '../src/testing/clock.js'
import { aSave, testQueue } from './support/queue-contract.js'
import { startRedis, type TestRedis } from './support/redis.js'
import { until } from './support/until.js'

let server: TestRedis
let count = 0
before(async () => {
  server = await startRedis()
})
after(() => server.stop())

/** In the place of the ledger: what was handed over, by any queue of this test. */
const ledger = new Map<string, RunnableSave>()
const entryOf = (key: string, name: string, sequence: number): string =>
  JSON.stringify([key, name, sequence])
const handedOver: BullmqQueueParts['wanted'] = (key, name, sequence) =>
  Promise.resolve(ledger.get(entryOf(key, name, sequence)))

const newPrefix = (): string => `{q${(count += 1)}}`
const connect = (): Redis => new Redis(server.url, { maxRetriesPerRequest: null })

type Given = Omit<BullmqQueueParts, 'prefix' | 'connection' | 'workerConnection' | 'wanted'>

function createQueue(
  given: Given & Pick<Partial<BullmqQueueParts>, 'wanted'>,
  prefix = newPrefix(),
): SaveQueue {
  const connection = connect()
  const workerConnection = connect()
  const queue = createBullmqQueue({
    wanted: handedOver,
    ...given,
    ...{ prefix, connection },
    ...(given.concurrency === 0 ? {} : { workerConnection }),
  })
  return {
    add(key, save) {
      ledger.set(entryOf(key, save.name, save.sequence), save)
      queue.add(key, save)
    },
    async close() {
      await queue.close()
      connection.disconnect()
      workerConnection.disconnect()
    },
  }
}

const elsewhere = 'the job stays in Redis for another process: see "close() hands back"'
testQueue({
  name: 'bullmq',
  create: (parts) => createQueue(parts),
  ioMs: 20,
  limitMs: 60_000,
  exempt: {
    'the same name under another key is another save':
      'names are hashes that include the key (settlement.md 2); they are the job ids',
    'tries a failed save again, after pauses that grow, and counts the attempts':
      "BullMQ's pauses are real time, this clock is virtual; see the test of the same promise below",
    'a save whose pause was cut short is reported with what went wrong, and its attempts':
      elsewhere,
  },
})

describe('the queue in BullMQ', () => {
  interface Opened {
    queue: SaveQueue
    runs: { name: string; attempt: number; at: number; signal: AbortSignal }[]
    reports: { name: string; result?: unknown; error?: unknown; attempts?: number }[]
    errors: unknown[]
  }

  function open(t: TestContext, given: Partial<BullmqQueueParts> = {}): Opened {
    const { run = () => Promise.resolve('stored'), prefix, ...others } = given
    const [runs, reports, errors]: [Opened['runs'], Opened['reports'], unknown[]] = [[], [], []]
    const told = (report: Opened['reports'][number]): Promise<void> => {
      reports.push(report)
      return Promise.resolve()
    }
    const parts: Given = {
      clock: systemClock,
      concurrency: 4,
      retries: 2,
      logger: {
        ...silentLogger,
        error: (details) => void errors.push((details as { err?: unknown }).err),
      },
      report: {
        stored: (_key, { name }, result) => told({ name, result }),
        failed: (_key, { name }, error, attempts) => told({ name, error, attempts }),
      },
      run(key, save, attempt, signal) {
        runs.push({ name: save.name, attempt, at: Date.now(), signal })
        return run(key, save, attempt, signal)
      },
    }
    const queue = createQueue({ ...parts, ...others }, prefix)
    t.after(() => queue.close())
    return { queue, runs, reports, errors }
  }

  /** What a dashboard sees. */
  function look(t: TestContext, prefix: string): Queue {
    const connection = connect()
    const queue = new Queue('saves', { connection, prefix })
    t.after(async () => {
      await queue.close()
      connection.disconnect()
    })
    return queue
  }

  it('tries a failed save again, after pauses that grow, and counts the attempts', async (t) => {
    const cause = new Error('disk full')
    const { queue, runs, reports } = open(t, { run: () => Promise.reject(cause) })
    queue.add('k', aSave('A'))
    await until(() => reports.length === 1)
    assert.deepEqual(reports, [{ name: 'A', error: cause, attempts: 3 }])
    assert.deepEqual(
      runs.map(({ attempt }) => attempt),
      [1, 2, 3],
    )
    const [first, second] = runs.slice(1).map(({ at }, index) => at - runs[index]!.at)
    // Timers of Redis and of Node may each be a few ms early.
    assert.ok(first! >= 240 && second! >= 990, `pauses of ${first} and ${second} ms`)
  })

  it('a save that is no longer wanted is not run: one that another process has stored', async (t) => {
    const asked: string[] = []
    const { queue, runs, reports } = open(t, {
      concurrency: 1,
      wanted(key, name, sequence) {
        asked.push(`${key} ${name} ${sequence}`)
        return name === 'A' ? Promise.resolve(undefined) : handedOver(key, name, sequence, true)
      },
    })
    queue.add('k', aSave('A', 7))
    queue.add('k', aSave('B', 8))
    await until(() => reports.length === 1)
    assert.deepEqual(asked, ['k A 7', 'k B 8'])
    assert.deepEqual(
      [...runs, ...reports].map(({ name }) => name),
      ['B', 'B'],
    )
  })

  it('a save is not lost while it cannot be found out whether it is wanted', async (t) => {
    let away = 2
    const { queue, runs, reports } = open(t, {
      retries: 0,
      wanted: (...save) =>
        away-- > 0
          ? Promise.reject(new DocsError('UNREACHABLE', 'Redis is away'))
          : handedOver(...save),
    })
    queue.add('k', aSave('A'))
    await until(() => reports.length === 1)
    assert.deepEqual(reports, [{ name: 'A', result: 'stored' }])
    assert.deepEqual(
      runs.map(({ attempt }) => attempt),
      [1],
      'it is no attempt of onSave',
    )
  })

  it('a report that Redis does not take is made again, without running onSave again', async (t) => {
    const told: string[] = []
    let away = 2
    const { queue, runs, errors } = open(t, {
      report: {
        stored(_key, { name }) {
          if (away-- > 0) return Promise.reject(new DocsError('UNREACHABLE', 'Redis is away'))
          told.push(name)
          return Promise.resolve()
        },
        failed: () => Promise.resolve(),
      },
    })
    queue.add('k', aSave('A'))
    await until(() => told.length === 1)
    assert.equal(runs.length, 1)
    assert.deepEqual(errors, [])
  })

  it('job data is readable, and holds nothing of the callback, whose links open the file', async (t) => {
    const prefix = newPrefix()
    const { queue, reports } = open(t, { prefix })
    const lastSave = Date.UTC(2026, 0, 2)
    const body = { key: 'key-1', status: 6, url: 'http://docs/file?md5=secret' }
    const payload = { ref: 'file-1', userdata: 'private', body }
    queue.add('key-1', { ...aSave('A', 7), lastSave, payload })
    await until(() => reports.length === 1)
    const seen = look(t, prefix)
    await until(async () => (await seen.getCompletedCount()) === 1)
    const [job] = await seen.getCompleted()
    assert.deepEqual(job?.data, {
      ...{ key: 'key-1', ref: 'file-1', status: 6, trigger: 'command' },
      ...{ lastSave: '2026-01-02T00:00:00.000Z', save: 'A', sequence: 7 },
    })
    assert.equal(job.id, 'A-7')
  })

  it('completed and failed jobs are bounded, in number and in age', async (t) => {
    const prefix = newPrefix()
    const { queue, reports } = open(t, {
      prefix,
      run: (_key, { name }) =>
        name === 'A' ? Promise.reject(new RejectSave('no')) : Promise.resolve('stored'),
    })
    for (const name of ['A', 'B']) queue.add('k', aSave(name))
    await until(() => reports.length === 2)
    const seen = look(t, prefix)
    await until(async () => (await seen.getJobCountByTypes('completed', 'failed')) === 2)
    for (const job of [...(await seen.getCompleted()), ...(await seen.getFailed())]) {
      for (const kept of [job.opts.removeOnComplete, job.opts.removeOnFail]) {
        assert.ok(typeof kept === 'object' && 'age' in kept, 'by age')
        assert.ok(kept.age <= 3600 && kept.count! <= 1000)
      }
    }
  })

  it('without a worker, saves are added and not run; another process runs them', async (t) => {
    const prefix = newPrefix()
    const web = open(t, { prefix, concurrency: 0 })
    web.queue.add('k', aSave('A'))
    const seen = look(t, prefix)
    await until(async () => (await seen.getWaitingCount()) === 1)
    const worker = open(t, { prefix })
    await until(() => worker.reports.length === 1)
    assert.deepEqual([web.runs, web.reports], [[], []])
  })

  it('close() hands back: what waits and what is to be tried again runs in another process', async (t) => {
    const prefix = newPrefix()
    const first = open(t, { prefix, concurrency: 1, run: () => Promise.reject(new Error('no')) })
    first.queue.add('k', aSave('A'))
    const seen = look(t, prefix)
    await until(async () => (await seen.getDelayedCount()) === 1)
    await first.queue.close()
    assert.deepEqual(first.reports, [], 'it has not failed yet')
    const second = open(t, { prefix })
    await until(() => second.reports.length === 1)
    assert.deepEqual(second.reports, [{ name: 'A', result: 'stored' }])
    assert.equal(second.runs[0]?.attempt, 2)
  })

  it('close() hands back what it aborts: the next process runs it, and it was no attempt', async (t) => {
    const prefix = newPrefix()
    const clock = virtualClock()
    const first = open(t, {
      ...{ prefix, clock },
      run: (_key, _save, _attempt, signal) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(new Error('told to end')))
        }),
    })
    first.queue.add('k', aSave('A'))
    await until(() => first.runs.length === 1)
    const closing = first.queue.close()
    await clock.advance(10_000)
    await closing
    assert.equal(first.runs[0]?.signal.aborted, true)
    const second = open(t, { prefix })
    await until(() => second.reports.length === 1)
    assert.deepEqual([...first.reports, ...second.reports], [{ name: 'A', result: 'stored' }])
    assert.equal(second.runs[0]?.attempt, 1)
  })

  it('an error of onSave that speaks of something stalled is one like any other', async (t) => {
    const error = new Error('the upload stalled')
    const { queue, runs, reports } = open(t, { retries: 1, run: () => Promise.reject(error) })
    queue.add('k', aSave('A'))
    await until(() => reports.length > 0)
    assert.deepEqual(reports, [{ name: 'A', error, attempts: 2 }])
    assert.equal(runs.length, 2)
  })

  it('an error without a message, or that is none, is tried again like any other', async (t) => {
    for (const thrown of [new Error(''), '', null, { message: 7 }]) {
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- applications do
      const run = (): Promise<never> => Promise.reject(thrown)
      const { queue, runs, reports } = open(t, { retries: 1, run })
      queue.add('k', aSave('A'))
      await until(() => reports.length === 1)
      assert.equal(runs.length, 2)
      assert.equal(reports[0]?.error, thrown)
    }
  })
})
