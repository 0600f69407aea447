/** Several processes act as one: real processes, a real Redis, and nothing shared but that and storage. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CallFailed, ProcessGone, type Process } from './processes/fleet.js'
import { violationsOf, type CallRecord } from './processes/history.js'
import type { DeathAt } from './processes/settings.js'
import { storedEdits } from './processes/storage.js'
import { tamperings } from './processes/tamper.js'
import { startTown, type Town } from './processes/town.js'
import { createTraffic, readHistory, recordOf } from './processes/traffic.js'
import { until } from './support/until.js'

/** Against hangs only. */
const LIMIT = { timeout: 300_000 }
/** Of a call, longer than anything takes on a busy machine, ms. */
const PATIENT = 60_000
const byItself = { code: 0, signal: null }

const isStored = (town: Town, key: string): boolean => storedEdits(town.folder, key).length > 0
const runsOf = (town: Town, key: string): string[] =>
  readHistory(town.folder, key).map(({ type }) => type)
/** How often a forced save of the key was sent. An info of our own causes callbacks, too: not those. */
const forcedSavesOf = (town: Town, key: string): number =>
  town.server.log.filter((entry) => {
    if (entry.type !== 'callback') return false
    const body = entry.body as { key?: string; status?: number }
    return body.key === key && body.status === 6
  }).length

describe('any process may send, receive, store and wait', LIMIT, () => {
  it('command in A, callback in B, onSave in C, and A and D are told', async () => {
    await using town = await startTown({ conversion: 500 })
    const [a, b, d] = await Promise.all([town.startWeb(), town.startWeb(), town.startWeb()])
    await town.startWorker()
    const editor = await town.server.open('k', { user: 'u', callbackUrl: await b.callbackUrl('f') })
    editor.type('hello')
    const { id } = await a.startForcesave('k', { userdata: 'mine' })
    // Before the verdict, in two processes; and after it, in one that has not heard of it.
    const [before, own] = await Promise.all([d.outcome(id), a.outcome(id)])
    assert.equal(before.outcome, 'saved')
    assert.deepEqual(storedEdits(town.folder, 'k'), [1])
    assert.deepEqual([own, await b.outcome(id)], [before, before])

    editor.type('more')
    const second = await a.startForcesave('k')
    await a.kill()
    const { outcome } = await d.outcome(second.id)
    assert.equal(outcome, 'saved', 'it survives the death of the process that called')
    assert.deepEqual(storedEdits(town.folder, 'k'), [1, 2])
  })

  it('3 web processes and 2 workers keep every promise under 500 forcesaves and a rolling restart', async () => {
    // A callback that went down with its process is missed soon.
    await using town = await startTown({
      settings: { options: { otherSaves: false, nudgeAfter: 2_000 } },
    })
    const webs = await Promise.all([town.startWeb(), town.startWeb(), town.startWeb()])
    const workers = await Promise.all([town.startWorker(), town.startWorker()])
    const traffic = createTraffic({ town, webs: () => webs, timeout: PATIENT, pause: 600 })
    const sessions = Array.from({ length: 50 }, (_, index) => traffic.session(`key-${index}`, 9))
    const exits: Awaited<ReturnType<Process['stop']>>[] = []
    for (const [index, web] of webs.entries()) {
      exits.push(await web.stop())
      webs[index] = await town.startWeb({ port: Number(new URL(web.url).port) })
    }
    for (const worker of workers) {
      exits.push(await worker.stop())
      await town.startWorker()
    }
    await Promise.all(sessions)
    for (let more = 0; traffic.calls.length < 500; more += 1) {
      await traffic.session(`more-${more}`, 9)
    }

    assert.deepEqual(exits, Array(5).fill(byItself), 'no handle was left open')
    const run = await recordOf(town, traffic.calls)
    assert.deepEqual(violationsOf(run), [])
    // What waits in a process that is told to end is told so; nothing else goes wrong.
    const ends = new Set(traffic.calls.map(({ end }: CallRecord) => end))
    // `gone`: asked of a process that had ended just then.
    for (const end of ['saved', 'unchanged', 'CLOSED', 'gone']) ends.delete(end)
    assert.deepEqual([...ends], [])
    assert.equal(run.finals.length, run.histories.size, 'every final save was acknowledged')
    for (const [invariant, spoil] of Object.entries(tamperings)) {
      const found = violationsOf(spoil(run)).map((violation) => violation.invariant)
      assert.ok(found.includes(invariant as (typeof found)[number]), `${invariant} can fail`)
    }
  })
})

describe('people who press buttons, come late, vanish and come back', LIMIT, () => {
  it('are promised the same while conversions and onSave fail, Redis restarts and processes die', async () => {
    await using town = await startTown({
      failing: 0.05,
      settings: { trouble: { failing: 0.1, slow: 0.05 }, options: { otherSaves: true } },
    })
    town.server.conversion.delay = () => (Math.random() < 0.1 ? 1_000 : 5)
    const [web, other] = await Promise.all([town.startWeb(), town.startWeb()])
    const [worker] = await Promise.all([town.startWorker(), town.startWorker()])
    const webs = [web, other]
    const traffic = createTraffic({ town, webs: () => webs, timeout: PATIENT, pause: 300 })
    const sessions = Array.from({ length: 12 }, (_, index) =>
      traffic.livelySession(`key-${index}`, 6, true),
    )
    await until(() => traffic.calls.length > 40)
    await Promise.all([web.kill(), worker.kill(), town.redis.kill()])
    await town.redis.start()
    webs.push(await town.startWeb({ port: Number(new URL(web.url).port) }))
    await Promise.all(sessions)

    const run = await recordOf(town, traffic.calls)
    assert.deepEqual(violationsOf(run), [])
    const saved = traffic.calls.filter(({ end }) => end === 'saved').length
    assert.ok(saved > traffic.calls.length / 4, `only ${saved} of ${traffic.calls.length} saved`)
    assert.ok(traffic.elsewhere.asked > 0, 'an outcome was asked for in another process')
  })
})

describe('SIGKILL', LIMIT, () => {
  it('of a worker before, in and after onSave, and after its report: another one takes over', async () => {
    const places: DeathAt[] = ['before', 'in', 'after', 'reported']
    const deaths = Object.fromEntries(places.map((place) => [place, place]))
    await using town = await startTown({ settings: { deaths } })
    const web = await town.startWeb()
    const calls: Promise<unknown>[] = []
    for (const place of places) {
      const worker = await town.startWorker()
      const editor = await town.server.open(place, {
        user: 'u',
        callbackUrl: town.callbackUrl(place),
      })
      editor.type('hello')
      calls.push(web.forcesave(place, { timeout: 240_000 }).then(({ outcome }) => outcome))
      assert.deepEqual(await worker.gone, { code: null, signal: 'SIGKILL' })
    }
    await town.startWorker()
    assert.deepEqual(
      await Promise.all(calls),
      places.map(() => 'saved'),
    )
    assert.deepEqual(Object.fromEntries(places.map((place) => [place, runsOf(town, place)])), {
      before: ['start', 'stored'],
      in: ['start', 'start', 'stored'],
      // It was stored, and nobody could know.
      after: ['start', 'stored', 'start', 'stored'],
      reported: ['start', 'stored'],
    })
    assert.deepEqual(violationsOf(await recordOf(town, [])), [])
  })

  it('of a web process while it waits: a final save is sent again, a forced one replayed', async () => {
    await using town = await startTown({ settings: { storing: 1_500 } })
    const [a, b] = await Promise.all([town.startWeb(), town.startWeb()])
    await town.startWorker()
    town.balancer.targets = [b.url]
    const callbackUrl = town.callbackUrl('f')
    const open = async (key: string): ReturnType<Town['server']['open']> => {
      const editor = await town.server.open(key, { user: 'u', callbackUrl })
      editor.type('hello')
      return editor
    }
    const [closing] = await Promise.all([open('final'), open('forced')])
    await closing.close()
    const [call, lost] = [a.forcesave('forced'), b.forcesave('forced')]
    const gone = assert.rejects(lost, ProcessGone)
    await until(() => runsOf(town, 'final').length > 0 && runsOf(town, 'forced').length > 0)
    await b.kill()
    town.balancer.targets = [a.url]
    await gone

    assert.equal((await call).outcome, 'saved')
    await town.server.idle('final')
    assert.deepEqual(town.server.forgotten, [])
    const before = forcedSavesOf(town, 'forced')
    const again = await a.forcesave('forced')
    assert.equal(again.outcome, 'unchanged', 'it was stored before this call')
    const after = forcedSavesOf(town, 'forced')
    assert.equal(after, before + 1, 'the Docs server had to send it again')
    const once = ['start', 'stored']
    assert.deepEqual([runsOf(town, 'final'), runsOf(town, 'forced')], [once, once])
    const { finals, ...run } = await recordOf(town, [])
    assert.equal(finals.length, 1)
    assert.deepEqual(violationsOf({ finals, ...run }), [])
  })
})

describe('SIGTERM, that is docs.close()', LIMIT, () => {
  it('lets a worker finish what it stores, and hands on what it has not begun', async () => {
    await using town = await startTown({ settings: { storing: 700 } })
    const web = await town.startWeb()
    const worker = await town.startWorker({ worker: { concurrency: 1 } })
    const keys = ['first', 'second']
    const calls = keys.map(async (key) => {
      const editor = await town.server.open(key, { user: 'u', callbackUrl: town.callbackUrl(key) })
      editor.type('hello')
      return (await web.forcesave(key)).outcome
    })
    await until(() => keys.some((key) => runsOf(town, key).length > 0))
    const exit = worker.stop()
    await town.startWorker()
    assert.deepEqual(await exit, byItself)
    assert.deepEqual(await Promise.all(calls), ['saved', 'saved'])
    const pids = keys.flatMap((key) => readHistory(town.folder, key).map(({ pid }) => pid))
    assert.equal(pids.length, 4, 'each was stored once')
    assert.equal(
      pids.filter((pid) => pid === worker.pid).length,
      2,
      'one of them by the worker that was told to end',
    )
  })

  it('rejects waits with CLOSED, answers open callbacks 503, and the process ends by itself', async () => {
    await using town = await startTown({ settings: { storing: 3_000 } })
    const [a, b] = await Promise.all([town.startWeb(), town.startWeb()])
    await town.startWorker()
    const callbackUrl = await b.callbackUrl('f')
    for (const key of ['silent', 'slow']) {
      const editor = await town.server.open(key, { user: 'u', callbackUrl })
      editor.type('hello')
      if (key === 'slow') await editor.close()
    }
    town.server.encrypted.add('silent')
    const { id } = await a.startForcesave('silent')
    const waits = [a.forcesave('silent'), b.outcome(id)].map((wait) =>
      assert.rejects(wait, (error) => error instanceof CallFailed && error.code === 'CLOSED'),
    )
    await until(() => runsOf(town, 'slow').length > 0)
    const stops = [a.stop(), b.stop()]
    await Promise.all(waits)
    assert.deepEqual(await Promise.all(stops), [byItself, byItself])
    assert.deepEqual(
      town.server.log.flatMap((entry) =>
        entry.type === 'reply' && 'status' in entry && entry.status !== 200 ? [entry.status] : [],
      ),
      [503],
    )
    await town.startWeb({ port: Number(new URL(b.url).port) })
    await town.server.idle('slow')
    assert.ok(isStored(town, 'slow'))
    assert.deepEqual(town.server.forgotten, [])
  })
})
