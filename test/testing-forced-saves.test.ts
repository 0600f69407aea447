/** The simulated Docs server in process: forced saves, as far as they were not recorded. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { editsIn } from '../src/testing/index.js'
import { DOWN, ERROR, later, OK, scene, type Body } from './support/scene.js'

test('button, timer and form save with their own forcesavetype and without userdata', async () => {
  const { clock, core, sent, open, news } = scene()
  const editor = await open('u1')
  const last = (): Body => sent.at(-1)!.body

  editor.saveButton()
  core.timerSave('k')
  core.timerSave('never opened')
  await clock.advance(1000)
  assert.deepEqual(news(), [1], 'without edits there is nothing to save')

  editor.type('a')
  editor.saveButton()
  await clock.advance(1000)
  assert.deepEqual(last().forcesavetype, 1)
  assert.deepEqual(last().actions, [{ type: 2, userid: 'u1' }])
  editor.type('b')
  core.timerSave('k')
  await clock.advance(1000)
  assert.deepEqual(last().forcesavetype, 2)
  assert.equal('actions' in last(), false)
  core.timerSave('k')
  await clock.advance(1000)
  assert.deepEqual(news(), [6, 6], 'the timer does not save twice')
  editor.submitForm()
  await clock.advance(1000)
  assert.deepEqual(last().forcesavetype, 3)
  const data = JSON.parse(
    Buffer.from(core.file(last().formsdataurl as string)!).toString(),
  ) as Body[]
  assert.deepEqual(
    data.map(({ value }) => value),
    ['a', 'b'],
  )
  assert.equal(
    sent.some(({ body }) => 'userdata' in body),
    false,
  )
})

test('a lost connection: 3 just after, the final save a moment later, and no status 6', async () => {
  const { clock, open, forcesave, news, saved } = scene()
  const editor = await open('u1')
  editor.type('a')
  editor.vanish()
  assert.equal(editor.connected, false)
  assert.throws(() => editor.type('b'), /not connected/)
  assert.equal(await forcesave('x'), 3)
  await clock.advance(499)
  assert.deepEqual(news(), [1])
  await clock.advance(10_000)
  assert.deepEqual(news(), [2])
  assert.deepEqual(saved(), [1])
  assert.equal(await forcesave('x'), 4)
})

test('encrypted, or shutting down: forcesave is answered 0, and silence', async () => {
  const { clock, core, open, forcesave, news } = scene()
  const editor = await open('u1')
  editor.type('a')
  core.encrypted.add('k')
  assert.equal(await forcesave('x'), 0)
  editor.saveButton()
  core.encrypted.delete('k')
  core.shuttingDown = true
  assert.equal(await forcesave('x'), 0)
  await clock.advance(60_000)
  assert.deepEqual(news(), [1])
  core.shuttingDown = false
  assert.equal(await forcesave('x'), 0)
  await clock.advance(60_000)
  assert.deepEqual(news(), [6])
})

test('conversions run side by side: the older content can come last', async () => {
  const { clock, core, sent, open, forcesave } = scene()
  core.conversion.delay = ({ upTo }) => (upTo === 1 ? 2000 : 100)
  const editor = await open('u1')
  editor.type('a')
  assert.equal(await forcesave('first'), 0)
  await clock.advance(1000)
  editor.type('b')
  assert.equal(await forcesave('second'), 0)
  await clock.advance(5000)
  const saves = sent
    .slice(1)
    .map(({ body }) => [
      body.userdata,
      editsIn(core.file(body.url as string)!),
      editsIn(core.file(body.changesurl as string)!),
    ])
  assert.deepEqual(saves, [
    ['second', [1, 2], [1, 2]],
    ['first', [1], [1]],
  ])
  const [second, first] = sent.slice(1).map(({ body }) => Date.parse(body.lastsave as string))
  assert.equal(second! - first!, 1000, 'lastsave is the time of the last edit in each')
})

test('a limited number of workers: the others queue', async () => {
  const { clock, core, open, forcesave, news } = scene()
  core.conversion.workers = 1
  const editor = await open('u1')
  editor.type('a')
  await forcesave()
  editor.type('b')
  await forcesave()
  news()
  await clock.advance(50)
  assert.deepEqual(news(), [6])
  await clock.advance(49)
  assert.deepEqual(news(), [])
  await clock.advance(1)
  assert.deepEqual(news(), [6])
})

test('answered 4 while the callback of a save of the same edits is open', async () => {
  const { clock, replies, open, forcesave, news } = scene()
  const editor = await open('u1')
  editor.type('a')
  const { reply, give } = later()
  replies.push(reply)
  assert.equal(await forcesave('x'), 0)
  await clock.advance(1000)
  assert.equal(await forcesave('y'), 4)
  editor.type('b')
  assert.equal(await forcesave('z'), 0, 'new edits are saved at once, whatever is open')
  await clock.advance(1000)
  assert.deepEqual(news(), [1, 6, 6])
  give(DOWN)
  await clock.advance(0)
  assert.equal(await forcesave('again'), 4, 'a newer save holds what the refused one held')
  assert.deepEqual(news(), [])
})

test('a replay that is not acknowledged either is answered 0 and replayed again', async () => {
  const { clock, sent, replies, open, forcesave, news } = scene()
  const editor = await open('u1')
  editor.type('a')
  replies.push(DOWN, ERROR, undefined)
  assert.equal(await forcesave('first'), 0)
  await clock.advance(60_000)
  assert.deepEqual(news(), [1, 6], 'not sent again by itself')
  assert.equal(await forcesave('second'), 0)
  assert.equal(await forcesave('third'), 0)
  assert.equal(await forcesave('fourth'), 0)
  assert.equal(await forcesave('fifth'), 4)
  assert.deepEqual(news(), [6, 6, 6])
  assert.deepEqual(
    sent.slice(1).map(({ body }) => [body.userdata, body.encrypted]),
    [
      ['first', undefined],
      ['first', false],
      ['first', false],
      ['first', false],
    ],
  )
  await clock.advance(0)
  assert.equal(clock.pending, 0)
})

test('the response to a forcesave that replays waits for the reply; a second one is answered 4', async () => {
  const { clock, replies, open, forcesave } = scene()
  const editor = await open('u1')
  editor.type('a')
  const { reply, give } = later()
  replies.push(ERROR, reply)
  await forcesave('first')
  await clock.advance(1000)
  let answered = false
  const second = forcesave('second').then((error) => {
    answered = true
    return error
  })
  await clock.advance(1000)
  assert.equal(answered, false)
  assert.equal(await forcesave('third'), 4)
  give(OK)
  assert.equal(await second, 0)
})
