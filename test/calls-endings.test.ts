/** How calls end before their time: signals and close(). */
import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { describe, it } from 'node:test'
import { assembleDocs } from '../src/docs.js'
import type { Docs } from '../src/index.js'
import { virtualClock } from '../src/testing/index.js'
import { startServer } from './faulty-server.js'
import { SECRET } from './support/app.js'
import { gate, LIMIT, passTime } from './support/callbacks.js'
import { failure, startPair } from './support/pair.js'

const reason = new Error('the reason of the application')
const rejection = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => assert.fail('it resolved'),
    (error: unknown) => error,
  )

type Call = (docs: Docs, signal: AbortSignal) => Promise<unknown>
/** Every call that takes a signal and sends a command. */
const calls: Record<string, Call> = {
  forcesave: (docs, signal) => docs.forcesave('k1', { signal }),
  startForcesave: (docs, signal) => docs.startForcesave('k1', { signal }),
  info: (docs, signal) => docs.info('k1', { signal }),
  meta: (docs, signal) => docs.meta('k1', { title: 't' }, { signal }),
  drop: (docs, signal) => docs.drop('k1', [], { signal }),
  version: (docs, signal) => docs.version({ signal }),
  license: (docs, signal) => docs.license({ signal }),
  'forgotten.list': (docs, signal) => docs.forgotten.list({ signal }),
  'forgotten.url': (docs, signal) => docs.forgotten.url('k1', { signal }),
  'forgotten.delete': (docs, signal) => docs.forgotten.delete('k1', { signal }),
  'forgotten.recover': (docs, signal) => docs.forgotten.recover({ signal }),
}
/** The key that an error of this call tells. */
const keyOf = (name: string): string | undefined =>
  ['version', 'license', 'forgotten.list', 'forgotten.recover'].includes(name) ? undefined : 'k1'

describe('bad input 35: a signal', LIMIT, () => {
  for (const [name, call] of Object.entries(calls)) {
    it(`aborted before: ${name} rejects with its reason and sends nothing`, async (t) => {
      const { docs, commands } = await startPair(t)
      assert.equal(await rejection(call(docs, AbortSignal.abort(reason))), reason)
      assert.deepEqual(commands(), [])
    })

    it(`aborted in the same tick: ${name} rejects with its reason`, async (t) => {
      const { docs } = await startPair(t)
      const controller = new AbortController()
      const work = rejection(call(docs, controller.signal))
      controller.abort(reason)
      assert.equal(await work, reason)
      assert.equal(getEventListeners(controller.signal, 'abort').length, 0)
    })

    it(`aborted after: nothing is left of ${name} on it`, async (t) => {
      const { docs, open } = await startPair(t)
      await open('k1')
      const controller = new AbortController()
      await call(docs, controller.signal)
      assert.equal(getEventListeners(controller.signal, 'abort').length, 0)
      controller.abort(reason)
      assert.deepEqual(await docs.version(), { version: '4.1.2.37' })
    })
  }

  it('aborted without a reason: the call rejects with an AbortError', async (t) => {
    const { docs } = await startPair(t)
    const error = (await rejection(docs.version({ signal: AbortSignal.abort() }))) as Error
    assert.equal(error.name, 'AbortError')
    const undefinedReason = new AbortController()
    undefinedReason.abort(null)
    assert.equal(await rejection(docs.version({ signal: undefinedReason.signal })), null)
  })

  it('aborted while a save is under way ends the call; the save is stored nevertheless', async (t) => {
    const stored = gate()
    const { docs, open } = await startPair(t, { onSave: () => stored.opened })
    ;(await open('k1')).type('x')
    const saving = new Promise((resolve) => docs.on('saving', resolve))
    const saved = new Promise((resolve) => docs.on('saved', resolve))
    const controller = new AbortController()
    const work = rejection(docs.forcesave('k1', { signal: controller.signal }))
    await saving
    controller.abort(reason)
    assert.equal(await work, reason)
    stored.open()
    await saved
  })

  it('aborted ends one waiter of an outcome and no other', async (t) => {
    const stored = gate()
    const { docs, open } = await startPair(t, { onSave: () => stored.opened })
    ;(await open('k1')).type('x')
    const { id } = await docs.startForcesave('k1')
    const controller = new AbortController()
    const [ended, other] = [docs.outcome(id, controller), docs.outcome(id)]
    controller.abort(reason)
    assert.equal(await rejection(ended), reason)
    stored.open()
    assert.equal((await other).outcome, 'saved')
  })

  it('serves 10,000 calls at once without a leak and without a warning', async (t) => {
    const warnings: Error[] = []
    const warn = (warning: Error): void => void warnings.push(warning)
    process.on('warning', warn)
    t.after(() => process.off('warning', warn))
    const stored = gate()
    const { docs, open } = await startPair(t, { onSave: () => stored.opened })
    ;(await open('k1')).type('x')
    const { signal } = new AbortController()
    const { id } = await docs.startForcesave('k1')
    const waiting = Array.from({ length: 10_000 }, () => docs.outcome(id, { signal }))
    assert.ok(getEventListeners(signal, 'abort').length <= 10)
    const sent = Array.from({ length: 100 }, () => docs.version({ signal }))
    assert.ok(getEventListeners(signal, 'abort').length <= 10)
    stored.open()
    assert.ok((await Promise.all(waiting)).every(({ outcome }) => outcome === 'saved'))
    await Promise.all(sent)
    assert.equal(getEventListeners(signal, 'abort').length, 0)
    await new Promise((resolve) => setImmediate(resolve))
    assert.deepEqual(warnings, [])
  })

  it('ends 10,000 waits at once', async (t) => {
    const { docs, open, server } = await startPair(t)
    ;(await open('k1')).type('x')
    server.encrypted.add('k1')
    const { id } = await docs.startForcesave('k1')
    const controller = new AbortController()
    const { signal } = controller
    const ends = Array.from({ length: 10_000 }, () => rejection(docs.outcome(id, { signal })))
    controller.abort(reason)
    assert.ok((await Promise.all(ends)).every((error) => error === reason))
    assert.equal(getEventListeners(signal, 'abort').length, 0)
  })
})

describe('a deadline of a call', LIMIT, () => {
  const timed: Record<string, (docs: Docs, timeout: number) => Promise<unknown>> = {
    meta: (docs, timeout) => docs.meta('k1', { title: 't' }, { timeout }),
    drop: (docs, timeout) => docs.drop('k1', [], { timeout }),
    'forgotten.url': (docs, timeout) => docs.forgotten.url('k1', { timeout }),
    'forgotten.delete': (docs, timeout) => docs.forgotten.delete('k1', { timeout }),
    'forgotten.list': (docs, timeout) => docs.forgotten.list({ timeout }),
  }
  for (const [name, call] of Object.entries(timed)) {
    it(`${name}: TIMEOUT tells the key, where the call has one`, async (t) => {
      const clock = virtualClock()
      const silent = await startServer(t, () => {})
      const docs = assembleDocs(
        { server: silent.url.href, secret: SECRET, onSave: () => {} },
        { clock },
      )
      t.after(() => docs.close())
      const error = await passTime(clock, failure(call(docs, 100), 'TIMEOUT'))
      assert.equal(error.key, keyOf(name))
    })
  }
})

describe('bad input 36: close()', LIMIT, () => {
  for (const [name, call] of Object.entries(calls)) {
    it(`${name} after it is CLOSED, and nothing is sent`, async (t) => {
      const { docs, commands } = await startPair(t)
      await docs.close()
      const error = await failure(call(docs, new AbortController().signal), 'CLOSED')
      assert.match(error.message, /docs\.close\(\) was called/)
      assert.equal(error.key, keyOf(name))
      assert.deepEqual(commands(), [])
    })

    it(`${name} under way is CLOSED`, async (t) => {
      const { docs, open, server } = await startPair(t)
      ;(await open('k1')).type('x')
      server.encrypted.add('k1')
      const { signal } = new AbortController()
      const work = failure(call(docs, signal), 'CLOSED')
      const closed = docs.close()
      assert.equal((await work).key, keyOf(name))
      await closed
      assert.equal(getEventListeners(signal, 'abort').length, 0)
    })
  }

  it('a wait for an outcome is CLOSED, and so is one after it', async (t) => {
    const { docs, open, server } = await startPair(t)
    ;(await open('k1')).type('x')
    server.encrypted.add('k1')
    const { id } = await docs.startForcesave('k1')
    const waiting = failure(docs.outcome(id), 'CLOSED')
    await docs.close()
    assert.equal((await waiting).key, 'k1')
    assert.equal((await failure(docs.outcome(id), 'CLOSED')).key, 'k1')
  })

  it('twice, or by `await using`, is one promise', async (t) => {
    const { docs } = await startPair(t)
    const closed = docs.close()
    assert.equal(docs.close(), closed)
    assert.equal(docs[Symbol.asyncDispose](), closed)
    await closed
  })

  it('comes at the end of `await using`', async (t) => {
    const { docs } = await startPair(t)
    {
      await using scoped = docs
      await scoped.version()
    }
    await failure(docs.version(), 'CLOSED')
  })

  it('lets a running onSave finish: the save is stored and acknowledged', async (t) => {
    const stored = gate()
    const { docs, open, server } = await startPair(t, { onSave: () => stored.opened })
    const editor = await open('k1')
    editor.type('x')
    const saving = new Promise((resolve) => docs.on('saving', resolve))
    void editor.close()
    await saving
    let over = false
    const closed = docs.close().finally(() => (over = true))
    // A callback there and back: close() is not over meanwhile.
    await server.open('k2', { user: 'u1', callbackUrl: docs.callbackUrl('x') })
    assert.equal(over, false)
    stored.open()
    await closed
    await server.idle('k1')
    const reply = server.log.findLast(({ type }) => type === 'reply')
    assert.deepEqual((reply as { body?: unknown }).body, { error: 0 })
    assert.deepEqual(server.forgotten, [])
  })

  it('aborts save.signal after 10 s and waits no longer', async (t) => {
    const clock = virtualClock()
    let aborted: number | undefined
    const { docs, open } = await startPair(t, {
      clock,
      onSave(save) {
        save.signal.addEventListener('abort', () => (aborted = clock.now()))
        return new Promise(() => {})
      },
    })
    ;(await passTime(clock, open('k1'))).type('x')
    const saving = new Promise((resolve) => docs.on('saving', resolve))
    const work = failure(docs.forcesave('k1'), 'CLOSED')
    await passTime(clock, saving)
    const before = clock.now()
    await passTime(clock, docs.close())
    assert.equal(aborted, before + 10_000)
    assert.equal(clock.now(), before + 10_000)
    await work
  })

  it('leaves no timer of ours behind', async (t) => {
    const clock = virtualClock(Date.now())
    // The simulated server has a clock of its own, so that only our timers are counted.
    const { realClock } = await import('../src/testing/clock.js')
    const { docs, open, server } = await startPair(t, { clock, simulation: { clock: realClock } })
    ;(await open('k1')).type('x')
    server.encrypted.add('k1')
    const work = failure(docs.forcesave('k1'), 'CLOSED')
    await docs.version()
    assert.ok(clock.pending > 0)
    await docs.close()
    await work
    assert.equal(clock.pending, 0)
  })
})
