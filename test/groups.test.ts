/** Rule 16: calls of one key and one process share a forcesave that leaves after they were made. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { virtualClock } from '../src/testing/index.js'
import { passTime } from './support/callbacks.js'
import { failure, startPair } from './support/pair.js'

const LIMIT = { timeout: 300_000 }

const forcesaves = (commands: string[]): number =>
  commands.filter((name) => name === 'forcesave').length

describe('calls in groups', LIMIT, () => {
  it('256 calls of one key at once send two forcesaves, and each resolves', async (t) => {
    const { docs, open, commands } = await startPair(t)
    ;(await open('k1')).type('x')
    const results = await Promise.all(Array.from({ length: 256 }, () => docs.forcesave('k1')))
    assert.ok(results.every(({ certain }) => certain))
    assert.equal(forcesaves(commands()), 2)
  })

  it('a call that comes while one is unanswered is covered by the next, not by that one', async (t) => {
    const { docs, open, app } = await startPair(t)
    const editor = await open('k1')
    editor.type('x')
    const first = docs.forcesave('k1')
    editor.type('y')
    const second = await docs.forcesave('k1')
    assert.equal(second.outcome, 'saved')
    assert.match(app.stored.at(-1)?.text ?? '', /y/)
    await first
  })

  it('calls of different keys share nothing', async (t) => {
    const { docs, open, commands } = await startPair(t)
    for (const key of ['k1', 'k2']) (await open(key)).type('x')
    await Promise.all(['k1', 'k2'].map((key) => docs.forcesave(key)))
    assert.equal(forcesaves(commands()), 2)
  })

  it('a call with userdata sends its own forcesave, and gets its userdata back', async (t) => {
    const { docs, open, commands } = await startPair(t)
    ;(await open('k1')).type('x')
    const results = await Promise.all(
      ['a', 'b', 'c'].map((userdata) => docs.forcesave('k1', { userdata })),
    )
    assert.ok(forcesaves(commands()) >= 3)
    const told = results.map((result) => (result.outcome === 'saved' ? result.userdata : '-'))
    assert.ok(told.every((userdata, index) => userdata === '-' || userdata === 'abc'[index]))
  })

  it('each call keeps its own deadline', async (t) => {
    const clock = virtualClock()
    const { docs, open, server } = await startPair(t, { clock })
    ;(await passTime(clock, open('k1'))).type('x')
    server.encrypted.add('k1')
    const begun = clock.now()
    const ends = [4_000, 9_000, 2_000].map(async (timeout) => {
      await failure(docs.forcesave('k1', { timeout }), 'TIMEOUT')
      return clock.now() - begun
    })
    assert.deepEqual(await passTime(clock, Promise.all(ends)), [4_000, 9_000, 2_000])
  })

  it('a call that was aborted leaves the others of its group alone', async (t) => {
    const { docs, open } = await startPair(t)
    ;(await open('k1')).type('x')
    const first = docs.forcesave('k1')
    const controller = new AbortController()
    const second = docs.forcesave('k1', { signal: controller.signal })
    const third = docs.forcesave('k1')
    controller.abort(new Error('no longer wanted'))
    await assert.rejects(second, /no longer wanted/)
    assert.deepEqual([(await first).certain, (await third).certain], [true, true])
  })

  it('close() ends the calls that wait for their group to leave', async (t) => {
    const { docs, open } = await startPair(t)
    ;(await open('k1')).type('x')
    const calls = [docs.forcesave('k1'), docs.forcesave('k1'), docs.forcesave('k1')]
    const ends = Promise.allSettled(calls)
    await docs.close()
    for (const end of await ends)
      assert.equal(end.status === 'fulfilled' || /close/.test(String(end.reason)), true)
  })
})
