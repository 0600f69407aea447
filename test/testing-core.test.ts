/** The simulated Docs server in process: editors, commands, links, restarts; then at random. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createCore, editsIn, virtualClock, type Editor } from '../src/testing/index.js'
import { DOWN, ERROR, later, OK, scene } from './support/scene.js'

/** The first second of a scene. */
const START = Date.UTC(2026, 0, 1) / 1000

test('two editors: a status 1 for each coming and going, the final save when the last one leaves', async () => {
  const { clock, core, sent, open, news, saved } = scene()
  const first = await open('u1')
  const second = await open('u2')
  assert.deepEqual(sent.at(-1), {
    iat: START,
    url: 'http://app/u2',
    body: { key: 'k', status: 1, users: ['u1', 'u2'], actions: [{ type: 1, userid: 'u2' }] },
  })
  assert.equal(first.type('a'), 1)
  assert.equal(second.type('b'), 2)
  await first.close()
  assert.deepEqual(sent.at(-1)?.body, {
    key: 'k',
    status: 1,
    users: ['u2'],
    actions: [{ type: 0, userid: 'u1' }],
  })
  assert.deepEqual(news(), [1, 1, 1])
  await clock.advance(60_000)
  assert.deepEqual(news(), [])
  await second.close()
  await clock.advance(60_000)
  assert.deepEqual(news(), [2])
  assert.deepEqual(saved(), [1, 2])
  assert.deepEqual(sent.at(-1)?.body.users, ['u2'], 'who edited last')
  const { changes } = sent.at(-1)?.body.history as { changes: { user: unknown }[] }
  assert.deepEqual(
    changes.map(({ user }) => user),
    [
      { id: 'u1', name: 'User u1' },
      { id: 'u2', name: 'User u2' },
    ],
  )
  assert.equal(core.edits('k'), 2)
  assert.equal(clock.pending, 0)
})

test('a user with two windows counts once and is there until both are closed', async () => {
  const { clock, sent, open, news } = scene()
  const first = await open('u1')
  const second = await open('u1')
  assert.deepEqual(sent.at(-1)?.body.users, ['u1'])
  await first.close()
  assert.deepEqual(sent.at(-1)?.body.users, ['u1'])
  await first.close()
  await second.close()
  await clock.advance(1000)
  assert.deepEqual(news(), [1, 1, 1, 4])
})

test('info: its callback comes before its response, and goes where it says', async () => {
  const { core, sent, replies, open } = scene()
  await open('u1')
  const { reply, give } = later()
  replies.push(reply)
  let response: unknown
  const command = { c: 'info', key: 'k', userdata: 'i', callback: 'http://else/where' }
  const asked = core.command(command).then((answer) => (response = answer))
  assert.deepEqual(sent.at(-1), {
    iat: START,
    url: 'http://else/where',
    body: { key: 'k', status: 1, users: ['u1'], userdata: 'i' },
  })
  await Promise.resolve()
  assert.equal(response, undefined)
  give(DOWN)
  assert.deepEqual(await asked, { key: 'k', error: 0, users: ['u1'] })
})

test('drop: answered at once; info straight after it still lists the users; then they are gone', async () => {
  const { clock, core, sent, open, news } = scene()
  const first = await open('u1')
  const second = await open('u2')
  first.type('a')
  assert.deepEqual(await core.command({ c: 'drop', key: 'k', users: ['u2'] }), {
    key: 'k',
    error: 0,
  })
  assert.deepEqual((await core.command({ c: 'info', key: 'k' })).users, ['u1', 'u2'])
  news()
  await clock.advance(1000)
  assert.equal(second.connected, false)
  assert.deepEqual(sent.at(-1)?.body.actions, [{ type: 0, userid: 'u2' }])
  await core.command({ c: 'drop', key: 'k' })
  await clock.advance(1000)
  assert.equal(first.connected, false)
  assert.deepEqual(news(), [1, 2])
})

test('a status 1 or 4 that is not acknowledged: every editor sees a warning', async () => {
  const { clock, replies, open, news } = scene()
  replies.push(OK, DOWN)
  const first = await open('u1')
  await clock.advance(0)
  const second = await open('u2')
  await second.ready
  assert.deepEqual([first.warnings, second.warnings], [1, 1])
  await clock.advance(60_000)
  assert.deepEqual(news(), [1, 1], 'nothing is sent again')
})

test('an expired document is unknown to the commands until it is opened again', async () => {
  const { clock, core, open, forcesave } = scene()
  const editor = await open('u1')
  editor.type('a')
  core.expire('k')
  assert.equal(await forcesave(), 0, 'an open document does not expire')
  await editor.close()
  await clock.advance(1000)
  core.expire('k')
  assert.equal(await forcesave(), 1)
  assert.deepEqual(await core.command({ c: 'info', key: 'k' }), { key: 'k', error: 1 })
  assert.equal((await open('u1')).type('b'), 2)
})

test('digits in links come up twice once the earlier save is settled, and not before', async () => {
  const { clock, sent, replies, open, forcesave } = scene({ random: () => 0.25 })
  const paths = (): string[] =>
    sent.flatMap(({ body: { url } }) => (typeof url === 'string' ? [url.split('/')[6]!] : []))
  const editor = await open('u1')
  replies.push(OK, ERROR)
  for (let save = 1; save <= 3; save++) {
    editor.type('more')
    await forcesave()
    await clock.advance(1000)
  }
  assert.deepEqual(paths(), ['k_2500', 'k_2500', 'k_2501'])
})

test('links: 403 when expired or signed for something else, 404 when unknown', async () => {
  const { clock, core, sent, open, forcesave } = scene()
  const editor = await open('u1')
  editor.type('a')
  await forcesave()
  await clock.advance(1000)
  const { url, changesurl } = sent.at(-1)!.body as { url: string; changesurl: string }
  const { pathname, search } = new URL(url)
  const status = (path: string): number => core.fetch(path).status
  assert.equal(status(pathname + search), 200)
  assert.equal(status(pathname), 403)
  assert.equal(status(pathname + new URL(changesurl).search), 403)
  assert.equal(status(pathname + search.replace(/expires=\d/, 'expires=9')), 403)
  assert.equal(status(`/cache/files/data/other_1/output.docx/output.docx${search}`), 404)
  await clock.advance(14 * 60_000)
  assert.equal(status(pathname + search), 200)
  await clock.advance(61_000)
  assert.equal(status(pathname + search), 403)
})

test('idle: resolves when nothing is under way, also with a document open', async () => {
  const { clock, core, open } = scene()
  const editor = await open('u1')
  await core.idle()
  editor.type('a')
  await editor.close()
  let idle = false
  void core.idle('k').then(() => (idle = true))
  await core.idle('other')
  await clock.advance(50)
  assert.equal(idle, false)
  assert.equal(await clock.runUntil(() => idle, 1000), true)
})

test('random schedules: an acknowledged save holds what it says, and no edit is lost', async () => {
  for (let seed = 1; seed <= 300; seed++) {
    let state = seed
    const random = (): number => (state = (state * 48271) % 2147483647) / 2147483647
    const clock = virtualClock()
    const stored: number[] = []
    const core = createCore({
      clock,
      random,
      viewOnlyFor: 0,
      conversion: { delay: () => random() * 300, fails: () => random() < 0.1 },
      async deliver({ body }) {
        await new Promise<void>((resolve) => clock.after(random() * 200, resolve))
        // Refuses failures, so that the edits are kept, and now and then does not answer.
        if (body.status === 3 || body.status === 7) return ERROR
        if (random() < 0.2) return random() < 0.5 ? undefined : DOWN
        if (typeof body.url === 'string') stored.push(...editsIn(core.file(body.url)!))
        return OK
      },
    })
    const editors: Editor[] = []
    for (let step = 0; step < 30; step++) {
      clock.after(random() * 3000, () => {
        const editor = editors.find(({ connected }) => connected)
        const dice = random()
        if (editor === undefined || dice < 0.1) {
          void core
            .open('k', { user: `u${step}`, callbackUrl: '' })
            .then((one) => editors.push(one))
        } else if (dice < 0.4) editor.type('x')
        else if (dice < 0.7) void core.command({ c: 'forcesave', key: 'k' })
        else if (dice < 0.8) editor.saveButton()
        else if (dice < 0.95) void editor.close()
        else editor.vanish()
      })
    }
    await clock.advance(30_000)
    // At last the document is opened and closed until a final save is stored or forgotten.
    core.conversion.fails = false
    const last = await core.open('k', { user: 'last', callbackUrl: '' })
    for (const editor of [...editors, last]) void editor.close()
    await clock.advance(60_000)
    for (const key of core.forgotten) {
      const { url } = await core.command({ c: 'getForgotten', key })
      stored.push(...editsIn(core.file(url as string)!))
    }
    const all = Array.from({ length: core.edits('k') }, (_, index) => index + 1)
    assert.deepEqual(
      [...new Set(stored)].toSorted((a, b) => a - b),
      all,
      `seed ${seed}`,
    )
    assert.equal(clock.pending, 0, `seed ${seed}`)
    await core.idle()
  }
})
