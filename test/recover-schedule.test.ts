/** `recoverEvery`: sweeps by a timer in one process, by a job scheduler in several. */
import assert from 'node:assert/strict'
import { after, before, describe, it, type TestContext } from 'node:test'
import { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import { systemClock } from '../src/clock.js'
import type { DocsEvents } from '../src/index.js'
import { silentLogger } from '../src/events.js'
import { createBullmqSchedule } from '../src/recovery/bullmq-schedule.js'
import { createTimerSchedule, type Schedule, type Sweep } from '../src/recovery/schedule.js'
import { virtualClock } from '../src/testing/index.js'
import { startApp, type App, type AppOptions } from './support/app.js'
import { gate, passTime } from './support/callbacks.js'
import { leaveBehind } from './support/left-behind.js'
import { startInProcess } from './support/in-process.js'
import { startPair } from './support/pair.js'
import { startRedis, type TestRedis } from './support/redis.js'
import { until } from './support/until.js'

/** Against hangs only. */
const LIMIT = { timeout: 300_000 }

describe('the schedule of one process', LIMIT, () => {
  it('sweeps at once, and then so long after each sweep', async () => {
    const clock = virtualClock()
    const at: number[] = []
    const start = clock.now()
    const schedule = createTimerSchedule(clock, 60_000, async () => {
      at.push(clock.now() - start)
      await new Promise<void>((resolve) => clock.after(10_000, resolve))
    })
    await clock.advance(210_000)
    assert.deepEqual(at, [0, 70_000, 140_000, 210_000])
    const closed = schedule.close()
    await clock.advance(10_000)
    await closed
    assert.equal(clock.pending, 0)
  })

  it('never begins a sweep before the last one has ended', async () => {
    const clock = virtualClock()
    const slow = gate()
    let sweeps = 0
    const schedule = createTimerSchedule(clock, 60_000, () => {
      sweeps += 1
      return slow.opened
    })
    await clock.advance(600_000)
    assert.equal(sweeps, 1)
    slow.open()
    await clock.advance(60_000)
    assert.equal(sweeps, 2)
    await schedule.close()
  })

  it('close() before the first sweep, and without any, leaves nothing behind', async () => {
    const clock = virtualClock()
    const none = (): Promise<never> => assert.fail('nobody asked for a sweep')
    for (const every of [60_000, undefined]) await createTimerSchedule(clock, every, none).close()
    assert.equal(clock.pending, 0)
    await clock.advance(120_000)
  })
})

describe('recoverEvery in one process', LIMIT, () => {
  it('recovers what is forgotten, again and again, and tells how it went', async (t) => {
    const refs: string[] = []
    const events: DocsEvents['recovery'][] = []
    const { clock, core, docs, leave } = startInProcess(t, {
      ...{ recoverEvery: 60_000, refOf: (key) => `ref of ${key}` },
      onSave: ({ ref }) => refs.push(ref),
    })
    docs.on('recovery', (event) => events.push(event))
    await clock.advance(0)
    await leave('k1', 'k2')
    assert.deepEqual(core.forgotten, ['k1', 'k2'])
    await clock.advance(60_000)
    assert.deepEqual(refs, ['ref of k1', 'ref of k2'])
    assert.deepEqual(core.forgotten, [])
    await leave('k3')
    await clock.advance(60_000)
    assert.deepEqual(refs.slice(2), ['ref of k3'])
    const recovered = (number: number): object => ({
      ...{ recovered: number, left: 0, gone: 0, failed: 0 },
    })
    assert.deepEqual(events, [recovered(0), recovered(2), recovered(1)])
    await docs.close()
    await leave('k4')
    await clock.advance(600_000)
    assert.deepEqual([events.length, core.forgotten], [3, ['k4']], 'close() has ended it')
  })

  it('a sweep that fails is logged and told, never thrown, and the next one comes', async (t) => {
    const clock = virtualClock()
    const logged: unknown[] = []
    const logger = { ...silentLogger, error: (details: object) => void logged.push(details) }
    const app = await startApp({
      ...{ clock, logger, server: 'http://127.0.0.1:1', recoverEvery: 60_000 },
    })
    t.after(() => passTime(clock, app.close()))
    const events: DocsEvents['recovery'][] = []
    app.docs.on('recovery', (event) => events.push(event))
    await passTime(
      clock,
      until(() => events.length === 2),
    )
    for (const { error, recovered } of events) {
      assert.deepEqual([(error as { code: string }).code, recovered], ['UNREACHABLE', 0])
    }
    assert.equal(logged.length, 2)
  })

  it('close() ends a sweep that is under way, and nothing is told of it', async (t) => {
    const begun = gate()
    const never = new Promise<string>(() => {})
    const refOf = (): Promise<string> => {
      begun.open()
      return never
    }
    const pair = await startPair(t)
    const { leave } = await leaveBehind(t, pair.server)
    await leave('k1')
    const app = await startApp({ server: pair.server.url, refOf, recoverEvery: 60_000 })
    app.docs.on('recovery', () => assert.fail('it has not ended'))
    await begun.opened
    await app.close()
  })
})

describe('the schedule of several processes', LIMIT, () => {
  let redis: TestRedis
  let count = 0
  before(async () => {
    redis = await startRedis()
  })
  after(() => redis.stop())
  const newPrefix = (): string => `{s${(count += 1)}}`

  function open(
    t: TestContext,
    { prefix, every, sweep }: { prefix: string; every: number | undefined; sweep: Sweep },
  ): Schedule {
    const connection = new Redis(redis.url, { maxRetriesPerRequest: null })
    const schedule = createBullmqSchedule({
      ...{ prefix, every, sweep, connection, workerConnection: connection },
      ...{ clock: systemClock, logger: silentLogger },
    })
    t.after(async () => {
      await schedule.close()
      connection.disconnect()
    })
    return schedule
  }

  /** What a dashboard sees. */
  function look(t: TestContext, prefix: string): Queue {
    const connection = new Redis(redis.url, { maxRetriesPerRequest: null })
    const queue = new Queue('recovery', { connection, prefix })
    t.after(async () => {
      await queue.close()
      connection.disconnect()
    })
    return queue
  }

  it('three processes make one sweep per interval', async (t) => {
    const prefix = newPrefix()
    const began = Date.now()
    let sweeps = 0
    const sweep = (): Promise<void> => {
      sweeps += 1
      return Promise.resolve()
    }
    for (let process = 0; process < 3; process += 1) open(t, { prefix, every: 500, sweep })
    await until(() => sweeps >= 7)
    const intervals = (Date.now() - began) / 500
    assert.ok(sweeps <= intervals + 2, `${sweeps} sweeps in ${intervals} intervals`)
  })

  it('two sweeps never run at once, however long they take', async (t) => {
    const prefix = newPrefix()
    const slow = gate()
    let [running, most, sweeps] = [0, 0, 0]
    const sweep = async (): Promise<void> => {
      running += 1
      sweeps += 1
      most = Math.max(most, running)
      if (sweeps === 1) await slow.opened
      running -= 1
    }
    for (let process = 0; process < 3; process += 1) open(t, { prefix, every: 100, sweep })
    const queue = look(t, prefix)
    await until(() => sweeps === 1)
    // The next one is due.
    await until(async () => (await queue.getWaitingCount()) > 0)
    slow.open()
    await until(() => sweeps > 4)
    assert.equal(most, 1)
  })

  it('a process that joins or is started again brings no sweep of its own', async (t) => {
    const prefix = newPrefix()
    let sweeps = 0
    const sweep = (): Promise<void> => Promise.resolve(void (sweeps += 1))
    await open(t, { prefix, every: 3_600_000, sweep }).close()
    const first = open(t, { prefix, every: 3_600_000, sweep })
    const queue = look(t, prefix)
    await until(() => sweeps === 1)
    const next = async (): Promise<unknown> => (await queue.getJobScheduler('sweep'))?.next
    const due = await next()
    await first.close()
    for (let process = 0; process < 3; process += 1) {
      open(t, { prefix, every: 3_600_000, sweep })
    }
    await until(async () => (await queue.getWorkers()).length === 3)
    assert.equal(await next(), due)
    assert.equal(sweeps, 1)
  })

  it('a process that is started without it ends the schedule', async (t) => {
    const prefix = newPrefix()
    const sweep = (): Promise<void> => Promise.resolve()
    const with_ = open(t, { prefix, every: 3_600_000, sweep })
    const queue = look(t, prefix)
    await until(async () => (await queue.getJobSchedulersCount()) === 1)
    await with_.close()
    open(t, { prefix, every: undefined, sweep })
    await until(async () => (await queue.getJobSchedulersCount()) === 0)
    assert.equal(await queue.getDelayedCount(), 0)
  })

  it('without it nothing is left in Redis', async (t) => {
    const prefix = newPrefix()
    await open(t, { prefix, every: undefined, sweep: () => assert.fail('a sweep') }).close()
    const redisOfTest = new Redis(redis.url)
    t.after(() => redisOfTest.disconnect())
    assert.deepEqual(await redisOfTest.keys(`${prefix}*`), [])
  })

  it('sweeps go on when Redis was emptied', async (t) => {
    const prefix = newPrefix()
    let sweeps = 0
    open(t, { prefix, every: 200, sweep: () => Promise.resolve(void (sweeps += 1)) })
    await until(() => sweeps > 1)
    const redisOfTest = new Redis(redis.url)
    t.after(() => redisOfTest.disconnect())
    await redisOfTest.flushall()
    const before = sweeps
    await until(() => sweeps > before + 2)
  })

  it('recovers what is forgotten, once, in one of the processes', async (t) => {
    const { server } = await startPair(t)
    const { leave } = await leaveBehind(t, server)
    await leave('k1', 'k2', 'k3')
    const events: DocsEvents['recovery'][] = []
    const given: AppOptions = {
      ...{ server: server.url, redis: redis.url, prefix: 'every', recoverEvery: 60_000 },
      refOf: (key) => `ref of ${key}`,
    }
    const apps: App[] = []
    for (let process = 0; process < 3; process += 1) apps.push(await startApp(given))
    for (const { docs } of apps) docs.on('recovery', (event) => events.push(event))
    t.after(() => Promise.all(apps.map(({ close }) => close())))
    await until(() => events.length > 0)
    assert.deepEqual(events, [{ recovered: 3, left: 0, gone: 0, failed: 0 }])
    const refs = apps.flatMap(({ stored }) => stored.map(({ ref }) => ref))
    assert.deepEqual(refs.sort(), ['ref of k1', 'ref of k2', 'ref of k3'])
    assert.deepEqual(server.forgotten, [])
  })
})
