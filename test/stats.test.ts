/** `docs.stats()`: what has happened, in numbers. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createHistogram } from '../src/histogram.js'
import { createDocs, RejectSave, type DocsStats } from '../src/index.js'
import { response, startServer } from './faulty-server.js'
import { SECRET } from './support/app.js'
import { LIMIT, post, postSigned, setStage } from './support/callbacks.js'
import { failure, startPair } from './support/pair.js'
import { until } from './support/until.js'

/** Every number in it that is not 0, by its path; durations by their count alone. */
function counted({ durations, ...stats }: DocsStats): Record<string, number> {
  const found: Record<string, number> = {}
  const walk = (value: object, path: string): void => {
    for (const [name, below] of Object.entries(value) as [string, object | number][]) {
      if (typeof below === 'object') walk(below, `${path}${name} `)
      else if (below !== 0) found[`${path}${name}`] = below
    }
  }
  walk(stats, '')
  for (const [name, { count }] of Object.entries(durations)) {
    if (count !== 0) found[`took ${name}`] = count
  }
  return found
}

/** The paths of all its numbers, for what must not grow. */
function paths(value: object, path = ''): string[] {
  return Object.entries(value).flatMap(([name, below]: [string, unknown]) =>
    typeof below === 'object' && below !== null
      ? paths(below, `${path}${name} `)
      : [`${path}${name}`],
  )
}

describe('stats()', LIMIT, () => {
  it('begins with nothing, and names everything there is to count', async (t) => {
    const { docs } = await startPair(t)
    const stats = docs.stats()
    assert.deepEqual(counted(stats), {})
    assert.equal(Object.keys(stats.commands).length, 9)
    assert.deepEqual(Object.keys(stats.settled), ['saved', 'unchanged', 'failed', 'info'])
    const statuses = ['1', '2', '3', '4', '6', '7', 'other', 'refused']
    assert.deepEqual(Object.keys(stats.callbacks), statuses)
  })

  it('counts a session from its first callback to its final save', async (t) => {
    const { docs, open, server } = await startPair(t)
    const editor = await open('k1')
    editor.type('x')
    await docs.forcesave('k1')
    await docs.forcesave('k1')
    await docs.info('k1')
    await editor.close()
    await server.idle()
    await until(() => docs.stats().pending.callbacks === 0)
    const { settled, ...stats } = docs.stats()
    assert.deepEqual(
      Object.entries(settled).map(([name, rules]) => [name, Object.values(rules)]),
      [
        ['saved', [1]],
        ['unchanged', [1]],
        ['failed', []],
        ['info', [1]],
      ],
    )
    assert.deepEqual(counted({ ...stats, settled: {} as never }), {
      'commands forcesave accepted': 1,
      'commands forcesave rejected': 1,
      // One of them our own, to learn who edits before it is said that there is nothing to save.
      'commands info accepted': 2,
      'callbacks 1 200': 3,
      'callbacks 2 200': 1,
      'callbacks 6 200': 1,
      'saves attempts': 2,
      'saves stored': 2,
      'took forcesave': 2,
      'took command': 4,
      'took onSave': 2,
      'took callback': 5,
    })
  })

  it('tells a command that was turned down from one that nobody has answered', async (t) => {
    const { docs, server } = await startPair(t)
    await docs.version()
    await failure(docs.info('nobodys'), 'COMMAND_REJECTED')
    await server.close()
    await failure(docs.version(), 'UNREACHABLE')
    const { version, info } = docs.stats().commands
    assert.deepEqual(version, { accepted: 1, rejected: 0, unanswered: 1 })
    assert.deepEqual(info, { accepted: 0, rejected: 1, unanswered: 0 })
    assert.equal(docs.stats().durations.command.count, 3)
  })

  it('counts an answer of no Docs server as none', async (t) => {
    const server = await startServer(t, (socket) => socket.write(response(200, 'hello')))
    const docs = createDocs({ server: server.url.href, secret: SECRET, onSave: () => {} })
    t.after(() => docs.close())
    await failure(docs.version(), 'BAD_RESPONSE')
    assert.equal(docs.stats().commands.version.unanswered, 1)
  })

  it('counts what was turned away by our reply, and under no status that is only claimed', async (t) => {
    const { app, url, callback } = await setStage(t, { maxBody: 2_000 })
    await post(url, { key: 'k1', status: 2 })
    await post(url, { padding: 'x'.repeat(3_000) }).catch(() => {})
    await postSigned(url, { key: 'k1' })
    await postSigned(url, { key: 'k1', status: 5 })
    await postSigned(url, { key: 'k1', status: 77 })
    await postSigned(url, callback({ key: 'k2', url: 'http://elsewhere.example/x' }))
    assert.deepEqual(counted(app.docs.stats()), {
      'callbacks other 200': 2,
      'callbacks 2 200 error 1': 1,
      'callbacks refused 400': 1,
      'callbacks refused 403': 1,
      'rejected 200': 3,
      'rejected 400': 1,
      'rejected 403': 1,
      'rejected 413': 1,
      'took callback': 5,
    })
  })

  it('counts each attempt of onSave, and a save that is given up once', async (t) => {
    const behaviour = [new Error('busy'), undefined, new RejectSave('gone')]
    const onSave = (): void => {
      const error = behaviour.shift()
      if (error !== undefined) throw error
    }
    const { app, url, callback } = await setStage(t, { retries: 1, onSave })
    await postSigned(url, callback({ key: 'k1' }))
    await postSigned(url, callback({ key: 'k2' }))
    assert.deepEqual(counted(app.docs.stats()), {
      'callbacks 2 200': 1,
      'callbacks 2 200 error 1': 1,
      'saves attempts': 3,
      'saves stored': 1,
      'saves failed': 1,
      'took onSave': 3,
      'took callback': 2,
    })
  })

  it('shows what is under way, and nothing of it afterwards', async (t) => {
    let release = (): void => {}
    const held = new Promise<void>((resolve) => (release = resolve))
    const { docs, open } = await startPair(t, { onSave: () => held })
    ;(await open('k1')).type('x')
    const saving = docs.forcesave('k1')
    await until(() => docs.stats().pending.saves === 1)
    assert.deepEqual(docs.stats().pending, { calls: 1, callbacks: 1, saves: 1 })
    assert.equal(docs.stats().durations.forcesave.count, 0)
    release()
    await saving
    await until(() => docs.stats().pending.callbacks === 0)
    assert.deepEqual(docs.stats().pending, { calls: 0, callbacks: 0, saves: 0 })
  })

  it('counts no time for a forcesave that its caller has given up', async (t) => {
    const { docs, open } = await startPair(t, { simulation: { conversion: { delay: 60_000 } } })
    ;(await open('k1')).type('x')
    const giveUp = new AbortController()
    const saving = docs.forcesave('k1', { signal: giveUp.signal })
    await until(() => docs.stats().commands.forcesave.accepted === 1)
    giveUp.abort(new Error('enough'))
    await assert.rejects(saving, /enough/)
    const { durations, pending } = docs.stats()
    assert.deepEqual([durations.forcesave.count, pending.calls], [0, 0])
  })

  it('stays as small as it is, whatever the number of documents', async (t) => {
    const { app, url, callback } = await setStage(t)
    await postSigned(url, callback({ key: 'k0' }))
    const before = paths(app.docs.stats())
    for (let count = 1; count < 30; count += 1) {
      await postSigned(url, callback({ key: `k${count}` }))
      await postSigned(url, { key: `k${count}`, status: 100 + count })
    }
    assert.deepEqual(paths(app.docs.stats()), before)
  })

  it('gives a copy as JSON, which nobody else changes', async (t) => {
    const { app, url, callback } = await setStage(t)
    const before = app.docs.stats()
    const text = JSON.stringify(before)
    await postSigned(url, callback())
    assert.equal(JSON.stringify(before), text)
    const after = app.docs.stats()
    assert.deepEqual(JSON.parse(JSON.stringify(after)), after)
  })

  it('can be asked for after close()', async (t) => {
    const { docs } = await startPair(t)
    await docs.version()
    await docs.close()
    assert.equal(docs.stats().commands.version.accepted, 1)
  })
})

describe('durations', () => {
  it('have cumulative buckets whose bounds belong to them, as Prometheus has it', () => {
    const { add, read } = createHistogram()
    for (const ms of [0, 5, 6, 120_000, 120_001]) add(ms)
    const { count, sum, min, max, buckets } = read()
    assert.deepEqual([count, sum, min, max], [5, 240_012, 0, 120_001])
    assert.deepEqual(
      buckets.map(({ count }) => count),
      [2, ...Array.from({ length: 12 }, () => 3), 4],
    )
    assert.deepEqual([buckets[0]?.le, buckets.at(-1)?.le], [5, 120_000])
  })

  it('have no least and no most before the first', () => {
    const { count, sum, min, max } = createHistogram().read()
    assert.deepEqual([count, sum, min, max], [0, 0, null, null])
  })

  it('never fall when the clock is set back', () => {
    const { add, read } = createHistogram()
    add(10)
    add(-3_600_000)
    assert.deepEqual([read().sum, read().min], [10, 0])
  })
})
