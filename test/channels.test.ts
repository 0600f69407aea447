/** The tracing channels of `node:diagnostics_channel`: each operation, and what ties them together. */
import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { describe, it } from 'node:test'
import { inspect } from 'node:util'
import type { CallbackTrace, CommandTrace, SaveTrace } from '../src/index.js'
import { SECRET } from './support/app.js'
import { LIMIT, post, postSigned, setStage } from './support/callbacks.js'
import { failure, startPair } from './support/pair.js'
import { listen, type Told } from './support/traces.js'

const stepsOf = (told: Told[], context: unknown): string[] =>
  told.filter((one) => one.context === context).map(({ step }) => step)

/** The contexts of a channel, one per operation, in the order in which they began. */
function contexts(told: Told[], channel: 'command'): CommandTrace[]
function contexts(told: Told[], channel: 'callback'): CallbackTrace[]
function contexts(told: Told[], channel: 'save'): SaveTrace[]
function contexts(told: Told[], channel: Told['channel']): unknown[] {
  return told
    .filter((one) => one.channel === channel && one.step === 'start')
    .map(({ context }) => context)
}

/** What it says, without what it leaves open. */
const plain = (context: unknown): unknown => JSON.parse(JSON.stringify(context))

const all = ['command', 'callback', 'save'] as const
const WELL = ['start', 'end', 'asyncStart', 'asyncEnd']
const BADLY = ['start', 'end', 'error', 'asyncStart', 'asyncEnd']

describe('the tracing channels', LIMIT, () => {
  it('tell one id in a waiting call, the callback that it waits for, and the run of onSave', async (t) => {
    const { docs, open } = await startPair(t)
    ;(await open('k1')).type('x')
    const told = listen(t, [...all])
    const settled: string[] = []
    docs.on('settled', ({ id }) => settled.push(id))
    await docs.forcesave('k1')
    const [command] = contexts(told, 'command')
    const [callback] = contexts(told, 'callback')
    const [save] = contexts(told, 'save')
    const { id } = command!
    assert.deepEqual(settled, [id])
    assert.deepEqual(plain(command), { name: 'forcesave', key: 'k1', id, outcome: 'saved' })
    const about = { key: 'k1', ref: 'file of k1', id, save: save!.save }
    assert.deepEqual(plain(save), { ...about, trigger: 'command', attempt: 1 })
    const reply = { status: 200, body: { error: 0 } }
    assert.deepEqual(plain(callback), { ...about, status: 6, reply })
  })

  it('tell the id at the start of a call, and of a callback before its call can end', async (t) => {
    const { docs, open } = await startPair(t)
    ;(await open('k1')).type('x')
    const told = listen(t, ['command', 'callback'])
    await docs.forcesave('k1')
    const [begun, , heard, verdict] = told.filter(
      ({ channel, step }) =>
        (channel === 'command' && step !== 'asyncStart') ||
        (channel === 'callback' && step === 'end'),
    )
    assert.deepEqual([begun!.channel, begun!.step], ['command', 'start'])
    assert.deepEqual([heard!.channel, heard!.step], ['callback', 'end'])
    assert.deepEqual([verdict!.channel, verdict!.step], ['command', 'asyncEnd'])
    assert.equal(typeof begun!.seen.id, 'string')
    assert.equal(heard!.seen.id, begun!.seen.id)
  })

  it('publish start, end, asyncStart and asyncEnd of each operation', async (t) => {
    const { docs, open, server } = await startPair(t)
    const told = listen(t, [...all])
    const editor = await open('k1')
    editor.type('x')
    await docs.forcesave('k1')
    await editor.close()
    await server.idle()
    await docs.close()
    const operations = new Set(told.map(({ context }) => context))
    assert.equal(operations.size, 1 + 3 + 2)
    for (const context of operations) assert.deepEqual(stepsOf(told, context), WELL)
  })

  it('tie the save of a button to its callback, which no command has caused', async (t) => {
    const { open, server } = await startPair(t)
    const editor = await open('k1')
    editor.type('x')
    const told = listen(t, [...all])
    editor.saveButton()
    await server.idle()
    const [callback] = contexts(told, 'callback')
    const [save] = contexts(told, 'save')
    assert.equal(typeof save!.save, 'string')
    assert.equal(callback!.save, save!.save)
    assert.deepEqual([callback!.id, save!.id, save!.trigger], [undefined, undefined, 'button'])
    assert.deepEqual(callback!.reply, { status: 200, body: { error: 0 } })
  })

  it('tell each attempt of onSave, and what it has thrown', async (t) => {
    const busy = new Error('busy')
    const failures = [busy]
    const onSave = (): void => {
      const error = failures.shift()
      if (error !== undefined) throw error
    }
    const { url, callback } = await setStage(t, { retries: 1, onSave })
    const told = listen(t, ['save'])
    await postSigned(url, callback())
    const [first, second] = contexts(told, 'save')
    assert.deepEqual([first!.attempt, first!.error], [1, busy])
    assert.deepEqual([second!.attempt, second!.error], [2, undefined])
    assert.deepEqual(stepsOf(told, first), BADLY)
    assert.deepEqual(stepsOf(told, second), WELL)
  })

  it('tell each call by its command, and why it has failed', async (t) => {
    const { docs, open } = await startPair(t)
    ;(await open('k1')).type('x')
    const told = listen(t, ['command'])
    const { id } = await docs.startForcesave('k1')
    await docs.outcome(id)
    await docs.info('k1')
    await docs.meta('k1', { title: 'T' })
    await docs.drop('k1', ['nobody'])
    await docs.version()
    await docs.license()
    await docs.forgotten.list()
    await docs.forgotten.url('k1')
    await docs.forgotten.delete('k1')
    await docs.forgotten.recover()
    const error = await failure(docs.info('k2'), 'COMMAND_REJECTED')
    const calls = contexts(told, 'command')
    assert.deepEqual(
      calls.map(({ name, key }) => [name, key]),
      [
        ['startForcesave', 'k1'],
        ['outcome', 'k1'],
        ['info', 'k1'],
        ['meta', 'k1'],
        ['drop', 'k1'],
        ['version', undefined],
        ['license', undefined],
        ['getForgottenList', undefined],
        ['getForgotten', 'k1'],
        ['deleteForgotten', 'k1'],
        ['recover', undefined],
        ['info', 'k2'],
      ],
    )
    assert.deepEqual([calls[0]!.id, calls[1]!.id, calls[1]!.outcome], [id, id, 'saved'])
    assert.equal(calls.at(-1)!.error, error)
    assert.deepEqual(stepsOf(told, calls.at(-1)), BADLY)
  })

  it('tell nothing of a callback that is not believed, but our reply', async (t) => {
    const { url } = await setStage(t)
    const told = listen(t, ['callback'])
    await post(url, { key: 'k1', status: 2, userdata: 'docs:x:y' })
    const reply = { status: 403, body: { error: 1 } }
    assert.deepEqual(contexts(told, 'callback').map(plain), [{ reply }])
  })

  it('show no secret, token, link or userdata, and not what onSave has returned', async (t) => {
    const { docs, open } = await startPair(t, {
      onSave: () => ({ hidden: 'RETURNED' }),
    })
    const told = listen(t, [...all])
    ;(await open('k1')).type('x')
    await docs.forcesave('k1', { userdata: 'USERDATA' })
    const text = inspect(told, { depth: 20 })
    assert.equal(contexts(told, 'save').length, 1)
    assert.equal(text.includes('k1'), true)
    for (const secret of [SECRET, 'USERDATA', 'RETURNED', 'eyJ', 'http', 'md5=']) {
      assert.equal(text.includes(secret), false, secret)
    }
  })

  it('publish nothing after their last subscriber has gone, and calls go on as before', async (t) => {
    const { docs, open } = await startPair(t)
    ;(await open('k1')).type('x')
    const heard: string[] = []
    const hear = (context: unknown): void => void heard.push((context as CommandTrace).name)
    subscribe('tracing:koa-docs-callback:command:start', hear)
    await docs.version()
    unsubscribe('tracing:koa-docs-callback:command:start', hear)
    const result = await docs.forcesave('k1')
    assert.deepEqual(heard, ['version'])
    assert.equal(result.outcome, 'saved')
  })

  it('give a traced call the same result as any other', async (t) => {
    const { docs, open } = await startPair(t)
    ;(await open('k1')).type('x')
    listen(t, [...all])
    const result = await docs.forcesave('k1', { userdata: 'mine' })
    assert.deepEqual(result.outcome === 'saved' && [result.stored, result.userdata, result.users], [
      { version: 1 },
      'mine',
      ['u1'],
    ])
  })
})
