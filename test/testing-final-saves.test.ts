/** The simulated Docs server in process: final saves, as far as they were not recorded. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { editsIn } from '../src/testing/index.js'
import { DOWN, later, OK, scene } from './support/scene.js'
import { linesIn } from './support/lines-in.js'

test('a final save is not sent again when somebody opened the document meanwhile', async () => {
  for (const when of ['while it is retried', 'while its callback is open']) {
    const { clock, core, replies, open, news, saved } = scene()
    const editor = await open('u1')
    editor.type('a')
    const { reply, give } = later()
    replies.push(reply)
    await editor.close()
    await clock.advance(100)
    if (when === 'while it is retried') give(DOWN)
    await clock.advance(500)
    const again = await open('u2')
    give(DOWN)
    await clock.advance(60_000)
    assert.deepEqual(news(), [1, 2, 1], when)
    assert.deepEqual(core.forgotten, [], when)
    await again.close()
    await clock.advance(60_000)
    assert.deepEqual(news(), [2], `${when}: the edits are still in the document`)
    assert.deepEqual(saved(), [1])
  }
})

test('a final save that is not sent yet is called off when somebody opens the document', async () => {
  const { clock, open, forcesave, news, saved } = scene()
  const editor = await open('u1')
  editor.type('a')
  assert.equal(await forcesave('overtaken'), 0)
  await editor.close()
  await clock.advance(30)
  const again = await open('u2')
  again.type('b')
  await clock.advance(60_000)
  assert.deepEqual(news(), [1, 1])
  assert.equal(await forcesave('x'), 0)
  await clock.advance(60_000)
  assert.deepEqual(news(), [6])
  assert.deepEqual(saved(), [1, 2])
})

test('while the final save is under way forcesave is answered 3, then 4', async () => {
  const { clock, replies, open, forcesave, news } = scene()
  const editor = await open('u1')
  editor.type('a')
  replies.push(DOWN)
  await editor.close()
  assert.equal(await forcesave(), 3, 'its conversion has not begun')
  await clock.advance(20)
  assert.equal(await forcesave(), 4)
  await clock.advance(100)
  assert.equal(await forcesave(), 4, 'it waits to be sent again')
  await clock.advance(60_000)
  assert.equal(await forcesave(), 4, 'it is stored')
  assert.deepEqual(news(), [1, 2, 2], 'no forced save comes')
})

test('a forgotten file has all edits, and its link stays good while it is there', async () => {
  const { clock, core, replies, open, news } = scene()
  const editor = await open('u1')
  editor.type('a')
  replies.push({ status: 204, body: '' })
  await editor.close()
  await clock.advance(60_000)
  assert.deepEqual(news(), [1, 2])
  const { url } = await core.command({ c: 'getForgotten', key: 'k' })
  assert.deepEqual(editsIn(core.file(url as string)!), [1])
  await core.command({ c: 'deleteForgotten', key: 'k' })
  assert.equal(core.file(url as string), undefined)
  assert.deepEqual(core.forgotten, [])
})

test('a final save that nobody answers: sent four times, then kept as a forgotten file', async () => {
  const { clock, core, replies, open, news } = scene()
  replies.push(OK, undefined, { status: 429, body: '' }, undefined, DOWN)
  const editor = await open('u1')
  editor.type('a')
  await editor.close()
  await clock.advance(60_000)
  assert.deepEqual(news(), [1, 2, 2, 2, 2])
  assert.deepEqual(core.forgotten, ['k'])
  assert.equal(clock.pending, 0)
})

test('edit numbers and content go on when a stored document is opened again', async () => {
  const { clock, core, sent, open, news, saved } = scene({ viewOnlyFor: 0 })
  const editor = await open('u1')
  editor.type('a')
  await editor.close()
  await clock.advance(1000)
  const again = await open('u1')
  await again.close()
  await clock.advance(1000)
  assert.deepEqual(news(), [1, 2, 1, 4], 'without new edits there is no second final save')
  const third = await open('u1')
  assert.equal(third.type('two\nlines'), 2)
  await third.close()
  await clock.advance(1000)
  assert.deepEqual(saved(), [1, 2])
  assert.equal(linesIn(core.file(sent.at(-1)?.body.url as string)!), '1 u1 a\n2 u1 two lines\n')
  assert.deepEqual(editsIn(core.file(sent.at(-1)?.body.changesurl as string)!), [2])
})

test('after an acknowledged status 3 the edits are gone', async () => {
  const { clock, core, open, news, saved } = scene({ viewOnlyFor: 0 })
  const editor = await open('u1')
  editor.type('a')
  core.conversion.fails = true
  await editor.close()
  await clock.advance(1000)
  core.conversion.fails = false
  const again = await open('u1')
  again.type('b')
  await again.close()
  await clock.advance(1000)
  assert.deepEqual(news(), [1, 3, 1, 2])
  assert.deepEqual(saved(), [2])
})

test('a status 3 is sent again like a 2, and its edits are kept if it never succeeds', async () => {
  for (const last of [OK, DOWN]) {
    const { clock, core, sent, replies, open, news } = scene()
    core.conversion.fails = true
    const editor = await open('u1')
    editor.type('a')
    replies.push(DOWN, undefined, { status: 429, body: '' }, last)
    await editor.close()
    await clock.advance(60_000)
    assert.deepEqual(news(), [1, 3, 3, 3, 3])
    const [first, ...others] = sent.slice(1).map(({ iat }) => iat)
    assert.deepEqual(
      others.map((iat) => iat - first!),
      [1, 3, 7],
      'each has a new iat',
    )
    assert.deepEqual(core.forgotten, [])
    const { users } = await core.command({ c: 'info', key: 'k' })
    assert.deepEqual([users, ...news()], [[], last === OK ? 4 : 1])
  }
})
