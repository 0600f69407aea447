/** The simulated Docs server in process: what a restart loses, and what the restarted server sends. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DOWN, later, OK, scene } from './support/scene.js'

test('the edits are kept, and not that they are to be saved: 4 over them until somebody types', async () => {
  const a = scene()
  const editor = await a.open('u1')
  editor.type('a')
  a.core.restart()
  assert.equal(editor.connected, false)
  assert.throws(() => editor.type('b'), /not connected/)
  const back = await a.open('u1')
  assert.equal(await a.forcesave(), 4)
  back.saveButton()
  a.core.timerSave('k')
  await a.clock.advance(200_000)
  assert.deepEqual(a.news(), [1, 1], 'who comes back has a status 1 though he never left')
  back.type('b')
  assert.equal(await a.forcesave(), 0)
  await a.clock.advance(1000)
  assert.deepEqual(a.news(), [6])
  assert.deepEqual(a.saved(), [1, 2])
})

test('nobody comes back: no final save, info says that edits are held; then somebody opens and leaves', async () => {
  const a = scene()
  const editor = await a.open('u1')
  editor.type('a')
  a.core.restart()
  await a.clock.advance(200_000)
  assert.deepEqual(a.news(), [1])
  assert.equal(await a.forcesave(), 4)
  assert.deepEqual((await a.core.command({ c: 'info', key: 'k' })).users, [])
  assert.deepEqual(a.sent.at(-1)?.body.status, 1)
  a.news()
  await (await a.open('u2')).close()
  await a.clock.advance(1234)
  assert.deepEqual(a.news(), [1, 2])
  assert.deepEqual(a.saved(), [1])
  assert.equal(a.sent.at(-1)?.body.notmodified, null)
  assert.doesNotMatch(a.sent.at(-1)?.body.lastsave as string, /\.000Z$/)
})

test('a final save that has not begun to convert is lost with a restart, one that converts is sent', async () => {
  for (const [before, news] of [
    [5, [1]],
    [30, [1, 2]],
  ] as const) {
    const a = scene()
    const editor = await a.open('u1')
    editor.type('a')
    await editor.close()
    await a.clock.advance(before)
    a.core.restart()
    await a.clock.advance(60_000)
    assert.deepEqual(a.news(), news)
    await a.core.idle()
  }
})

test('a final save that waits for its reply is sent again by the restarted server, in the same place', async () => {
  const a = scene()
  const editor = await a.open('u1')
  editor.type('a')
  const { reply, give } = later()
  a.replies.push(reply)
  await editor.close()
  await a.clock.advance(1000)
  a.core.restart()
  await a.clock.advance(1000)
  give(DOWN)
  await a.clock.advance(60_000)
  assert.deepEqual(a.news(), [1, 2, 2], 'the late reply counts for nothing')
  const [first, second] = a.sent.slice(1).map(({ body }) => new URL(body.url as string).pathname)
  assert.equal(first, second)
  assert.deepEqual(a.core.forgotten, [])
  assert.equal(a.clock.pending, 0)
})

test('a forced save that converts: sent, not sent, or sent twice by the restarted server', async () => {
  for (const [chances, news] of [
    [{}, [1, 6]],
    [{ sentAfterRestart: 0 }, [1]],
    [{ sentTwice: 1 }, [1, 6, 6]],
  ] as const) {
    const a = scene({ chances })
    const editor = await a.open('u1')
    editor.type('a')
    assert.equal(await a.forcesave('mine'), 0)
    a.core.restart()
    await a.core.command({ c: 'version' })
    await a.clock.advance(60_000)
    assert.deepEqual(a.news(), news)
    await a.core.idle()
    if (news.length < 3) continue
    const [first, again] = a.sent.slice(1)
    assert.equal(again!.iat - first!.iat, 8)
    assert.equal(again!.body.userdata, 'mine')
  }
})

test('a restart takes a while: it answers nothing, then it sends, and then it answers', async () => {
  const a = scene()
  const editor = await a.open('u1')
  editor.type('a')
  assert.equal(await a.forcesave('mine'), 0)
  a.news()
  a.core.restart({ down: 3000, deaf: 100 })
  await a.clock.advance(2999)
  assert.deepEqual(a.news(), [])
  await a.clock.advance(2)
  assert.deepEqual(a.news(), [6])
  assert.equal(a.core.away, true)
  await assert.rejects(a.forcesave(), /does not answer/)
  await assert.rejects(a.open('u2'), /does not answer/)
  await a.clock.advance(100)
  assert.equal(a.core.away, false)
  assert.equal(await a.forcesave(), 4)
})

test('a command under way when the server goes down has no response', async () => {
  const a = scene()
  await a.open('u1')
  const { reply, give } = later()
  a.replies.push(reply)
  const asked = a.core.command({ c: 'info', key: 'k' })
  a.core.restart()
  give(OK)
  await assert.rejects(asked, /does not answer/)
})
