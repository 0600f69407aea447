/** Faults that last longer than the patience of those who wait for them: real processes, a real Redis. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { UnrecoverableError, Worker } from 'bullmq'
import { Redis } from 'ioredis'
import { violationsOf } from './processes/history.js'
import { storedEdits } from './processes/storage.js'
import { startTown, type Town } from './processes/town.js'
import { readHistory, recordOf } from './processes/traffic.js'
import { until } from './support/until.js'

/** Against hangs only. These tests wait more than they work, so they run side by side. */
const LIMIT = { timeout: 300_000, concurrency: true }
/** A worker's lock on a job, ms (`saves/bullmq-queue.ts`). */
const LOCK = 10_000

const typesOf = (town: Town, key: string): string[] =>
  readHistory(town.folder, key).map(({ type }) => type)

async function openAndType(town: Town, key: string): Promise<void> {
  const callbackUrl = town.callbackUrl(key)
  const editor = await town.server.open(key, { user: 'u', callbackUrl })
  editor.type('hello')
}

describe('what lasts longer than a lock', LIMIT, () => {
  for (const [when, storing, runs] of [
    ['ends meanwhile: it is not run again', 3_000, ['start', 'stored']],
    [
      'is at it still: it is told to end, and run again when it has',
      17_000,
      ['start', 'failed', 'start', 'stored'],
    ],
  ] as const) {
    it(`Redis is away for longer than a job's lock, and onSave ${when}`, async () => {
      await using town = await startTown()
      const web = await town.startWeb()
      await Promise.all([town.startWorker({ storing }), town.startWorker({ storing })])
      await openAndType(town, 'k')
      const call = web.forcesave('k', { timeout: 120_000 })
      await until(() => typesOf(town, 'k').length > 0)
      await town.redis.kill()
      await sleep(LOCK + 2_000)
      await town.redis.start()
      assert.equal((await call).outcome, 'saved')
      assert.deepEqual(typesOf(town, 'k'), runs)
      assert.deepEqual(storedEdits(town.folder, 'k'), [1])
      assert.deepEqual(violationsOf(await recordOf(town, [])), [])
    })
  }

  for (const [how, end] of [
    ['completed', () => Promise.resolve()],
    ['failed', () => Promise.reject(new UnrecoverableError('not told to the ledger'))],
  ] as const) {
    it(`a job that ${how} while its save still counts as running is run anew`, async () => {
      await using town = await startTown()
      const web = await town.startWeb()
      // Takes the job and ends it, and the ledger is not told.
      const connection = new Redis(town.redis.url, { maxRetriesPerRequest: null })
      let ended = 0
      const rogue = new Worker('saves', end, { connection, prefix: '{docs}' })
      for (const event of ['completed', 'failed'] as const) rogue.on(event, () => (ended += 1))
      await openAndType(town, 'k')
      const call = web.forcesave('k', { timeout: 120_000 })
      await until(() => ended === 1)
      await rogue.close()
      connection.disconnect()
      await town.startWorker()
      assert.equal((await call).outcome, 'saved')
      assert.deepEqual(typesOf(town, 'k'), ['start', 'stored'])
      assert.deepEqual(violationsOf(await recordOf(town, [])), [])
    })
  }

  it('SIGTERM while onSave takes no notice of its signal: close() ends all the same, and another one takes over', async (t) => {
    await using town = await startTown()
    const web = await town.startWeb()
    const worker = await town.startWorker({ storing: 300_000, deaf: true, exits: true })
    await openAndType(town, 'k')
    const call = web.forcesave('k', { timeout: 120_000 })
    await until(() => typesOf(town, 'k').length > 0)
    const begun = Date.now()
    const exit = worker.stop()
    await town.startWorker()
    assert.deepEqual(await exit, { code: 0, signal: null })
    t.diagnostic(`it ended after ${Date.now() - begun} ms`)
    assert.equal((await call).outcome, 'saved')
    assert.deepEqual(typesOf(town, 'k'), ['start', 'start', 'stored'])
    assert.deepEqual(violationsOf(await recordOf(town, [])), [])
  })

  it('a worker is killed in onSave: another one takes over, in about the time of a lock', async (t) => {
    await using town = await startTown({ settings: { deaths: { k: 'in' } } })
    const web = await town.startWeb()
    const worker = await town.startWorker()
    await openAndType(town, 'k')
    const call = web.forcesave('k', { timeout: 120_000 })
    await worker.gone
    const died = Date.now()
    await town.startWorker()
    await until(() => typesOf(town, 'k').length > 1, 'nobody takes over')
    t.diagnostic(`taken over after ${Date.now() - died} ms`)
    assert.equal((await call).outcome, 'saved')
  })
})
