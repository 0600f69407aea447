/** The simulated Docs server in process: what `info` and `forcesave` say once nobody edits. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ERROR, DOWN, later, scene, type Scene } from './support/scene.js'

/** `status` and `users` of the callback of an info, and of its response `error` and `users`. */
async function info({ core, sent }: Scene): Promise<unknown[]> {
  const before = sent.length
  const { error, users } = await core.command({ c: 'info', key: 'k', userdata: 'who' })
  const [callback] = sent.slice(before).map(({ body }) => body)
  return [callback?.status, callback?.users, error, users]
}

const EDITORS = [1, ['u1'], 0, ['u1']]
const HELD = [1, [], 0, []]
const NOBODY = [4, undefined, 0, []]
const UNKNOWN = [undefined, undefined, 1, undefined]

test('info has four forms: editors, edits held, all acknowledged, unknown', async () => {
  const a = scene()
  assert.deepEqual(await info(a), UNKNOWN)
  const editor = await a.open('u1')
  editor.type('a')
  assert.deepEqual(await info(a), EDITORS)
  await editor.close()
  assert.deepEqual(await info(a), HELD, 'the final save waits')
  const held = scene()
  await (await held.open('u1')).close()
  assert.deepEqual(await info(held), NOBODY, 'nothing was typed')
  await a.clock.advance(60_000)
  assert.deepEqual(await info(a), NOBODY)
})

test('info says that edits are held while the final save converts, is handled, and is to come again', async () => {
  const a = scene()
  const editor = await a.open('u1')
  editor.type('a')
  const { reply, give } = later()
  await editor.close()
  await a.clock.advance(30)
  assert.deepEqual(await info(a), HELD, 'it converts')
  a.replies.push(reply)
  await a.clock.advance(100)
  assert.deepEqual(await info(a), HELD, 'it is being handled')
  give(DOWN)
  await a.clock.advance(10)
  assert.deepEqual(await info(a), HELD, 'it is to come again')
  await a.clock.advance(60_000)
  assert.deepEqual(await info(a), NOBODY)
})

test('a final save that was given up: forcesave and info are answered 1 until somebody opens the key', async () => {
  for (const replies of [[ERROR], [{ status: 403, body: '' }], [DOWN, DOWN, DOWN, DOWN]]) {
    const a = scene()
    const editor = await a.open('u1')
    editor.type('a')
    a.replies.push(...replies)
    await editor.close()
    await a.clock.advance(60_000)
    assert.deepEqual(await info(a), UNKNOWN)
    assert.equal(await a.forcesave(), 1)
    assert.deepEqual(a.core.forgotten, ['k'])
    const again = await a.open('u1')
    assert.equal(again.viewOnly, false)
    assert.deepEqual(await info(a), EDITORS)
  }
})

test('a refused status 3: forcesaves are answered 3, or 0, with nobody there, and a status 6 follows', async () => {
  for (const [acceptedLate, answer] of [
    [0, 3],
    [1, 0],
  ] as const) {
    const a = scene({ chances: { acceptedLate } })
    a.core.conversion.fails = true
    const editor = await a.open('u1')
    editor.type('a')
    a.replies.push(ERROR)
    await editor.close()
    await a.clock.advance(1000)
    assert.deepEqual(await info(a), HELD)
    a.core.conversion.fails = false
    a.news()
    assert.equal(await a.forcesave('mine'), answer)
    assert.equal(await a.forcesave('other'), 4)
    await a.clock.advance(1000)
    assert.deepEqual(a.news(), [6])
    assert.equal(a.sent.at(-1)?.body.userdata, 'mine')
    assert.deepEqual(a.saved(), [1])
  }
})

test('answered 3 while the final save is on its way: its status 6 comes if somebody opens the document', async () => {
  const a = scene({ conversion: { delay: 3000 } })
  const editor = await a.open('u1')
  editor.type('a')
  await editor.close()
  await a.clock.advance(20)
  assert.equal(await a.forcesave('first'), 3)
  const again = await a.open('u2')
  assert.equal(await a.forcesave('second'), 4)
  await a.clock.advance(60_000)
  assert.deepEqual(a.news(), [1, 1, 6])
  assert.equal(a.sent.at(-1)?.body.userdata, 'first')
  await again.close()
  await a.clock.advance(60_000)
  assert.deepEqual(a.news(), [2])
})

test('forcesaves at the same moment: one is answered 0, the others 4, or 3 where they lose the race', async () => {
  for (const [lostRace, other] of [
    [0, 4],
    [1, 3],
  ] as const) {
    const a = scene({ chances: { lostRace }, conversion: { delay: 1000 } })
    const editor = await a.open('u1')
    editor.type('a')
    const answers = await Promise.all(['a', 'b', 'c'].map((id) => a.forcesave(id)))
    assert.deepEqual(answers, [0, other, other])
    await a.clock.advance(500)
    assert.equal(await a.forcesave('later'), 4, 'that is no race any more')
    await a.clock.advance(1000)
    assert.deepEqual(a.news(), [1, 6], 'one save holds it all')
  }
})

test('a chance is drawn from `random`, so that a seed repeats it', async () => {
  const draws = [0.9, 0.1]
  const a = scene({ chances: { lostRace: 0.5 }, random: () => draws.shift() ?? 0 })
  const editor = await a.open('u1')
  editor.type('a')
  const answers = [await a.forcesave(), await a.forcesave(), await a.forcesave()]
  assert.deepEqual(answers, [0, 4, 3])
})

test('ids of digits are numbers where the server sends them so, other ids are not', async () => {
  const a = scene({ numericIds: true })
  const editor = await a.open('17')
  await a.open('017')
  editor.type('a')
  assert.deepEqual(a.sent.at(-1)?.body.users, [17, '017'])
  assert.deepEqual(a.sent[0]?.body.actions, [{ type: 1, userid: 17 }])
  assert.deepEqual((await a.core.command({ c: 'info', key: 'k' })).users, [17, '017'])
  await a.forcesave()
  await a.clock.advance(1000)
  assert.deepEqual(a.sent.at(-1)?.body.users, [17])
})
