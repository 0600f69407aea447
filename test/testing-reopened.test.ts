/** The simulated Docs server in process: a key that is opened again around its final save. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { HistoryChange } from '../src/testing/history.js'
import { OK, scene, type Body, type Scene } from './support/scene.js'

const changesOf = (body: Body): HistoryChange[] => (body.history as { changes: [] }).changes
const finals = ({ sent }: Scene): Body[] =>
  sent.map(({ body }) => body).filter(({ status }) => status === 2)

test('for five minutes after an acknowledged final save it is view only: no callback, status 4, no edit', async () => {
  const a = scene()
  const editor = await a.open('u1')
  editor.type('a')
  await editor.close()
  await a.clock.advance(1000)
  assert.deepEqual(a.news(), [1, 2])
  const viewer = await a.open('u2')
  assert.equal(viewer.viewOnly, true)
  assert.equal(viewer.connected, true)
  assert.deepEqual((await a.core.command({ c: 'info', key: 'k' })).users, [])
  assert.deepEqual(a.news(), [4])
  assert.equal(await a.forcesave(), 4)
  assert.equal(viewer.type('b'), 0)
  assert.equal(viewer.connected, false)
  assert.throws(() => viewer.type('b'), /could only view/)
  assert.equal(a.core.edits('k'), 1)
  const other = await a.open('u3')
  await other.close()
  await a.clock.advance(299_100)
  assert.deepEqual(a.news(), [])
  const later = await a.open('u2')
  assert.equal(later.viewOnly, false)
  assert.equal(later.type('c'), 2)
  assert.deepEqual(a.news(), [1])
})

test('somebody is there when the final save is ready: it is not sent, and the next save holds its edits', async () => {
  const a = scene({ conversion: { delay: 5000 } })
  const first = await a.open('u1')
  first.type('a')
  await first.close()
  await a.clock.advance(2000)
  const second = await a.open('u2')
  await a.clock.advance(60_000)
  assert.deepEqual(a.news(), [1, 1])
  await second.close()
  await a.clock.advance(60_000)
  assert.deepEqual(a.news(), [2])
  assert.deepEqual(a.saved(), [1])
})

test('opened and left again without an edit while it converts: one final save comes, in the name of who left last', async () => {
  const a = scene({ conversion: { delay: 5000 } })
  const first = await a.open('u1')
  first.type('a')
  await first.close()
  await a.clock.advance(1000)
  await (await a.open('u2')).close()
  await a.clock.advance(60_000)
  assert.deepEqual(a.news(), [1, 1, 2])
  assert.deepEqual(a.sent.at(-1)?.body.actions, [{ type: 0, userid: 'u2' }])
})

/** Two sessions, of which the second's final save takes that long to convert. */
async function twoSessions(second: number, user = 'u2'): Promise<Scene> {
  const a = scene({ conversion: { delay: ({ upTo }) => (upTo === 1 ? 5000 : second) } })
  const first = await a.open('u1')
  first.type('a')
  await first.close()
  await a.clock.advance(1000)
  const other = await a.open(user)
  other.type('b')
  await other.close()
  await a.clock.advance(60_000)
  return a
}

test('the older final save comes after a newer, faster one, with the older content', async () => {
  const a = await twoSessions(0)
  const [newer, older, ...none] = finals(a)
  assert.ok(newer && older)
  assert.deepEqual(none, [])
  assert.deepEqual(a.saved(), [1])
  const [long, short] = [changesOf(newer), changesOf(older)]
  assert.ok(short.length < long.length, 'a strict prefix')
  assert.deepEqual(short, long.slice(0, short.length))
  assert.equal(older.notmodified, null)
  assert.equal(newer.notmodified, false)
  assert.match(newer.lastsave as string, /\.000Z$/)
  assert.equal(older.lastsave, '2026-01-01T00:00:05.010Z', 'when it was sent')
  const [first, last] = a.sent.filter(({ body }) => body.status === 2).map(({ iat }) => iat)
  assert.ok(last! > first!)
})

test('the older final save is dropped while the newer one converts', async () => {
  const a = await twoSessions(8000)
  assert.equal(finals(a).length, 1)
  assert.deepEqual(a.saved(), [1, 2])
})

test('the same user in both sessions: the older history is the same as the newer', async () => {
  const a = await twoSessions(0, 'u1')
  const [newer, older] = finals(a)
  assert.deepEqual(changesOf(newer!), changesOf(older!))
})

test('an older final save that is refused leaves a forgotten file and does not make anything unsaved', async () => {
  const a = scene({ conversion: { delay: ({ upTo }) => (upTo === 1 ? 5000 : 0) } })
  const first = await a.open('u1')
  first.type('a')
  await first.close()
  await a.clock.advance(1000)
  const other = await a.open('u2')
  other.type('b')
  a.replies.push(OK, { status: 403, body: '' })
  await other.close()
  await a.clock.advance(60_000)
  assert.deepEqual(a.core.forgotten, ['k'])
  assert.equal(await a.forcesave(), 1)
})

test('history begins again after a final save, and goes on with each edit', async () => {
  const a = scene({ viewOnlyFor: 0 })
  const users = (): string[] => changesOf(a.sent.at(-1)!.body).map(({ user }) => user.id)
  const one = await a.open('u1')
  const two = await a.open('u2')
  for (const editor of [one, one, two, one]) {
    editor.type('x')
    await a.forcesave()
  }
  await a.clock.advance(1000)
  assert.deepEqual(users(), ['u1', 'u2', 'u1'])
  await one.close()
  await two.close()
  await a.clock.advance(1000)
  const again = await a.open('u2')
  again.type('y')
  await again.close()
  await a.clock.advance(1000)
  assert.deepEqual(users(), ['u2'])
  assert.deepEqual(a.saved(), [1, 2, 3, 4, 5])
})
