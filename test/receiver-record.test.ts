/** A callback that says who edits, and that Redis refuses, is told once Redis is back; virtual time. */
import assert from 'node:assert/strict'
import { it, type TestContext } from 'node:test'
import { createMemoryBackend } from '../src/backends/memory.js'
import { DocsError } from '../src/errors.js'
import { silentLogger, type Logger } from '../src/events.js'
import type { LedgerEvent } from '../src/settlement/event.js'
import type { Ledger } from '../src/ledger/ledger.js'
import type { DocsOptions } from '../src/options.js'
import type { CallbackReply } from '../src/receiver/receive.js'
import { gate, passTime } from './support/callbacks.js'
import { startInProcess, type InProcess } from './support/in-process.js'

/** Against hangs only. */
const LIMIT = { timeout: 300_000 }
/** Given up by then, ms: well over a minute. */
const LONG = 200_000
const LINKS = 'http://docs.internal'

interface Scene extends InProcess {
  /** While `away`, Redis refuses what callbacks tell, with `refusal`; it answers once `until` lets it. */
  redis: { away: boolean; refusal: Error; until: Promise<void> }
  /** What callbacks have tried to tell, in order: the users there and whether the ledger took it. */
  tries: { key: string; told: string; taken: boolean }[]
  /** Who came by each of them. */
  joined: (readonly string[])[]
  /** Sends a callback about the file `file-1`, or about another one. */
  callback: (body: Record<string, unknown>, file?: string) => Promise<CallbackReply>
  /** What was logged as an error. */
  errors: { key?: unknown; err?: unknown; message: string }[]
  users: (key: string) => Promise<readonly string[] | null>
}

const described = (event: LedgerEvent): string | undefined => {
  if (event.type === 'arrived') return `save ${event.save.status}`
  return event.type === 'presence' ? `${event.status} ${event.users.join()}`.trim() : undefined
}

function open(t: TestContext, options: Partial<DocsOptions> = {}): Scene {
  const redis = {
    away: false,
    refusal: new DocsError('UNREACHABLE', 'Redis did not do what it was asked'),
    until: Promise.resolve(),
  }
  const tries: Scene['tries'] = []
  const joined: Scene['joined'] = []
  const errors: Scene['errors'] = []
  const logger: Logger = {
    ...silentLogger,
    error: (details, message) => void errors.push({ ...details, message }),
  }
  let inner: Ledger | undefined
  const scene = startInProcess(
    t,
    { otherSaves: false, grace: 1_000, logger, downloadOrigins: [LINKS], ...options },
    {
      createBackend(parts) {
        const backend = createMemoryBackend(parts)
        const { ledger } = backend
        inner = ledger
        async function apply(key: string, event: LedgerEvent): Promise<void> {
          const told = described(event)
          if (event.type === 'presence') joined.push(event.joined)
          if (told !== undefined) tries.push({ key, told, taken: !redis.away })
          if (told === undefined) return ledger.apply(key, event)
          const { away, refusal, until } = redis
          await until
          if (!away) return ledger.apply(key, event)
          throw refusal
        }
        return { ...backend, ledger: { ...ledger, apply } }
      },
    },
  )
  return {
    ...{ ...scene, redis, tries, joined, errors },
    callback(body, file = 'file-1') {
      const ref = new URL(scene.docs.callbackUrl(file)).pathname.split('/').at(-1)
      return scene.docs.receive({ body: { key: 'k', ...body }, headers: {}, ref })
    },
    users: async (key) => (await inner?.read(key))?.users ?? null,
  }
}

const came = (user: string, ...others: string[]): Record<string, unknown> => ({
  ...{ status: 1, users: [...others, user], actions: [{ type: 1, userid: user }] },
})
const leftLast = (user: string): Record<string, unknown> => ({
  ...{ status: 4, actions: [{ type: 0, userid: user }] },
})
/** The save button. `onSave` does not fetch the file. */
const forced = {
  ...{ status: 6, forcesavetype: 1, users: ['u1'], filetype: 'docx' },
  url: `${LINKS}/cache/files/data/k_1/output.docx/output.docx`,
}
const ok = { status: 200, body: { error: 0 } }

it(
  'no `unchanged, certain` over the edits of somebody whose coming Redis has refused',
  LIMIT,
  async (t) => {
    const { clock, core, docs, redis } = open(t)
    const callbackUrl = docs.callbackUrl('file-1')
    const first = await core.open('k', { user: 'u1', callbackUrl })
    first.type('stored')
    await first.close()
    await clock.advance(5_000)
    core.expire('k')
    redis.away = true
    const second = await core.open('k', { user: 'u2', callbackUrl })
    await clock.advance(500)
    redis.away = false
    await clock.advance(5_000)
    assert.equal(second.warnings, 0)

    // The final save is under way while nobody edits any more, and no callback has told of it.
    second.type('not stored yet')
    core.conversion.delay = 3_000
    await second.close()
    await clock.advance(100)
    const result = await passTime(clock, docs.forcesave('k'))
    assert.deepEqual([result.outcome, result.certain], ['saved', true])
  },
)

it('is told again until Redis takes it, once, and nothing is left to do', LIMIT, async (t) => {
  const { clock, callback, users, redis, tries, docs } = open(t)
  redis.away = true
  assert.deepEqual(await callback(came('u1')), ok)
  await clock.advance(10_000)
  assert.ok(tries.length > 2, 'tried again and again')
  redis.away = false
  await clock.advance(5_000)
  assert.deepEqual(await users('k'), ['u1'])
  assert.equal(tries.filter(({ taken }) => taken).length, 1)
  await docs.close()
  assert.equal(clock.pending, 0)
})

it('what two of them tell is told at once, in their order', LIMIT, async (t) => {
  const { clock, callback, users, redis, tries } = open(t)
  redis.away = true
  await callback(came('u1'))
  await clock.advance(300)
  await callback(came('u2', 'u1'))
  await clock.advance(300)
  redis.away = false
  await clock.advance(5_000)
  assert.deepEqual(await users('k'), ['u1', 'u2'])
  assert.equal(tries.filter(({ taken }) => taken).length, 1)
})

it(
  'of several that are on their way to Redis at once, the newest counts, whatever Redis takes, and when',
  LIMIT,
  async (t) => {
    const callbacks = [came('u1'), came('u2', 'u1')]
    for (const [what, taken, order, expected] of [
      ['both refused', [false, false], [0, 1], ['u1', 'u2']],
      ['both refused, the newer first', [false, false], [1, 0], ['u1', 'u2']],
      ['the older refused', [false, true], [0, 1], ['u1', 'u2']],
      ['the older refused, after the newer was taken', [false, true], [1, 0], ['u1', 'u2']],
      ['the newer refused', [true, false], [1, 0], ['u1', 'u2']],
    ] as const) {
      const { clock, callback, users, redis, tries, joined, docs } = open(t)
      const gates = [gate(), gate()]
      const replies = callbacks.map((body, index) => {
        Object.assign(redis, { away: !taken[index], until: gates[index]!.opened })
        return callback(body)
      })
      Object.assign(redis, { away: false, until: Promise.resolve() })
      for (const index of order) {
        gates[index]!.open()
        await replies[index]
      }
      await clock.advance(5_000)
      assert.deepEqual(await users('k'), expected, what)
      assert.equal(tries.length, taken[1] ? 2 : 3, what)
      // Nobody comes twice where nothing was refused yet.
      assert.deepEqual(joined.slice(0, 2), [['u1'], ['u2']], what)
      await docs.close()
      assert.equal(clock.pending, 0, what)
    }
  },
)

it('one that is refused after the end of what it tells is not told again', LIMIT, async (t) => {
  const { clock, callback, users, redis } = open(t, { grace: 100 })
  const { opened, open: refuse } = gate()
  Object.assign(redis, { away: true, until: opened })
  const first = callback(came('u1'))
  await clock.advance(500)
  Object.assign(redis, { away: false, until: Promise.resolve() })
  await callback(leftLast('u1'))
  refuse()
  await first
  await clock.advance(5_000)
  assert.deepEqual(await users('k'), [])
})

it(
  'who came by a refused one has come with the next one, too: rule 6 asks who has come',
  LIMIT,
  async (t) => {
    const { clock, callback, redis, joined } = open(t)
    redis.away = true
    await callback(came('u1'))
    redis.away = false
    await callback(came('u2', 'u1'))
    await callback(came('u3', 'u2', 'u1'))
    await clock.advance(5_000)
    assert.deepEqual(joined, [['u1'], ['u1', 'u2'], ['u3']])
  },
)

it('of two that are told at once, the first one says which file it is', LIMIT, async (t) => {
  const { clock, callback, redis } = open(t)
  redis.away = true
  await callback(came('u1'), 'file-1')
  await callback(came('u2', 'u1'), 'file-2')
  redis.away = false
  await clock.advance(5_000)
  assert.equal((await passTime(clock, callback(forced, 'file-2'))).status, 403)
  assert.deepEqual(await passTime(clock, callback(forced, 'file-1')), ok)
})

it(
  'of two that are recorded late, nothing is certain by the story of the callbacks',
  LIMIT,
  async (t) => {
    const { clock, core, docs, users, redis } = open(t)
    const callbackUrl = docs.callbackUrl('file-1')
    redis.away = true
    await core.open('k', { user: 'u1', callbackUrl })
    const second = await core.open('k', { user: 'u2', callbackUrl })
    await second.close()
    redis.away = false
    await clock.advance(5_000)
    assert.deepEqual(await users('k'), ['u1'])
    const result = await passTime(clock, docs.forcesave('k'))
    assert.deepEqual([result.outcome, result.certain], ['unchanged', false])
  },
)

it('does not undo what a later one has told', LIMIT, async (t) => {
  for (const [later, expected] of [
    [came('u2'), ['u2']],
    [leftLast('u1'), []],
    [{ ...forced, status: 2, actions: [{ type: 0, userid: 'u1' }] }, []],
    [{ ...forced, status: 2 }, null],
    [{ ...forced, status: 3, url: undefined, actions: [{ type: 0, userid: 'u1' }] }, []],
  ] as const) {
    const { clock, callback, users, redis } = open(t, { grace: 100 })
    redis.away = true
    await callback(came('u1'))
    // Between two tries.
    await clock.advance(2_500)
    redis.away = false
    const reply = callback(later)
    await clock.advance(60_000)
    await reply
    assert.deepEqual(await users('k'), expected, JSON.stringify(later))
  }
})

it(
  'an end just after somebody came is of the session before, a later one is not',
  LIMIT,
  async (t) => {
    for (const [after, expected] of [
      [499, ['u1']],
      [500, []],
    ] as const) {
      const { clock, callback, users, redis } = open(t, { grace: 500 })
      redis.away = true
      await callback(came('u1'))
      await clock.advance(after)
      redis.away = false
      await callback(leftLast('u1'))
      await clock.advance(5_000)
      assert.deepEqual(await users('k'), expected, `${after} ms after`)
    }
  },
)

it('of two that are told at once, the newer one says when somebody came last', LIMIT, async (t) => {
  const { clock, callback, users, redis } = open(t, { grace: 500 })
  redis.away = true
  await callback(came('u1'))
  await clock.advance(400)
  await callback(came('u1'))
  await clock.advance(200)
  redis.away = false
  await callback(leftLast('u1'))
  await clock.advance(5_000)
  assert.deepEqual(await users('k'), ['u1'])
})

it('is told after what says nothing of who edits', LIMIT, async (t) => {
  for (const other of [
    // A save while they edit, the callback of an info, and the end of a session without them.
    forced,
    { status: 4 },
    { ...forced, status: 2, actions: [{ type: 0, userid: 'u0' }] },
  ]) {
    const { clock, callback, users, redis, tries } = open(t, { grace: 100 })
    redis.away = true
    await callback(came('u1'))
    await clock.advance(500)
    redis.away = false
    const reply = callback(other)
    await clock.advance(60_000)
    assert.deepEqual(await reply, ok, JSON.stringify(other))
    assert.deepEqual(await users('k'), ['u1'], JSON.stringify(other))
    assert.deepEqual(
      tries.filter(({ taken }) => taken).map(({ told }) => told),
      [other.status === 4 ? '4' : `save ${other.status}`, '1 u1'],
    )
  }
})

it('stays to be told where a later end is refused as well', LIMIT, async (t) => {
  const { clock, callback, users, redis } = open(t, { grace: 100 })
  redis.away = true
  await callback(came('u1'))
  await clock.advance(500)
  await callback(leftLast('u1'))
  redis.away = false
  await clock.advance(5_000)
  assert.deepEqual(await users('k'), ['u1'])
})

it('is told after an end that leaves somebody of them there', LIMIT, async (t) => {
  const { clock, callback, users, redis } = open(t, { grace: 100 })
  redis.away = true
  await callback(came('u2', 'u1'))
  await clock.advance(500)
  redis.away = false
  await callback(leftLast('u1'))
  await clock.advance(5_000)
  assert.deepEqual(await users('k'), ['u1', 'u2'])
})

it('waits no longer because a save is refused as well', LIMIT, async (t) => {
  const { clock, callback, users, redis } = open(t)
  redis.away = true
  await callback(came('u1'))
  await clock.advance(900)
  assert.equal((await callback(forced)).status, 503)
  redis.away = false
  await clock.advance(200)
  assert.deepEqual(await users('k'), ['u1'])
})

it('one that is being told again is not told once more after a newer one', LIMIT, async (t) => {
  const { clock, callback, users, redis } = open(t)
  const { opened, open: refuse } = gate()
  redis.away = true
  await callback(came('u1'))
  redis.until = opened
  await clock.advance(1_000)
  Object.assign(redis, { away: false, until: Promise.resolve() })
  await callback(came('u2'))
  refuse()
  await clock.advance(5_000)
  assert.deepEqual(await users('k'), ['u2'])
})

it('is told for a minute; then the operator is told that it could not be', LIMIT, async (t) => {
  for (const [back, expected] of [
    [59_900, ['u1']],
    [60_100, null],
  ] as const) {
    const { clock, callback, users, redis, errors } = open(t)
    redis.away = true
    await callback(came('u1'))
    await clock.advance(back)
    redis.away = false
    await clock.advance(LONG)
    assert.deepEqual(await users('k'), expected, `back after ${back} ms`)
    const refused = { key: 'k', err: redis.refusal }
    const [first, ...later] = errors.map(({ key, err }) => ({ key, err }))
    assert.deepEqual(first, refused, 'the callback itself')
    assert.deepEqual(later, expected === null ? [refused] : [])
    assert.ok(errors.at(-1)?.message, 'says what has happened')
  }
})

it('a minute begins anew with each that is refused', LIMIT, async (t) => {
  const { clock, callback, users, redis } = open(t)
  redis.away = true
  await callback(came('u1'))
  await clock.advance(50_500)
  await callback(came('u2', 'u1'))
  await clock.advance(50_000)
  redis.away = false
  await clock.advance(5_000)
  assert.deepEqual(await users('k'), ['u1', 'u2'])
})

it('is not told again where it is not Redis that fails', LIMIT, async (t) => {
  const { clock, callback, redis, tries, errors } = open(t)
  redis.away = true
  await callback(came('u1'))
  redis.refusal = new Error('a fault of ours')
  await callback({ ...came('u2'), key: 'k2' })
  await clock.advance(LONG)
  assert.deepEqual(
    tries.map(({ key }) => key),
    ['k', 'k2', 'k'],
  )
  assert.deepEqual(
    errors.map(({ key, err }) => [key, (err as Error).message]),
    [
      ['k', 'Redis did not do what it was asked'],
      ['k2', 'a fault of ours'],
      ['k', 'a fault of ours'],
    ],
  )
})

it('of 10,000 documents at the most: memory is bounded', LIMIT, async (t) => {
  const { clock, callback, redis, tries } = open(t)
  redis.away = true
  for (let index = 0; index <= 10_000; index += 1) {
    await callback({ ...came('u1'), key: `k${index}` })
  }
  // Those that are to be told already are so with what is new.
  await callback({ ...came('u2'), key: 'k0' })
  redis.away = false
  await clock.advance(5_000)
  const told = (): string[] => tries.filter(({ taken }) => taken).map(({ key }) => key)
  assert.equal(told().length, 10_000)
  assert.deepEqual([told().includes('k0'), told().includes('k10000')], [true, false])
  redis.away = true
  await callback({ ...came('u1'), key: 'another' })
  redis.away = false
  await clock.advance(5_000)
  assert.equal(told().at(-1), 'another', 'there is room again')
})

it('is given up after a while, and by close()', LIMIT, async (t) => {
  const { clock, callback, redis, tries, docs } = open(t)
  redis.away = true
  await callback(came('u1'))
  await clock.advance(LONG)
  const { length } = tries
  await clock.advance(LONG)
  assert.equal(tries.length, length, 'tried for ever')
  await callback(came('u1'))
  await docs.close()
  assert.equal(clock.pending, 0)
  // It may still be on its way to Redis while everything closes.
  await callback(came('u2'))
  assert.equal(clock.pending, 0)
  await clock.advance(LONG)
  assert.equal(tries.length, length + 2)
})
