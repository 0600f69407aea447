/** A callback that says who edits, and that Redis refuses, is told once Redis is back; virtual time. */
import assert from 'node:assert/strict'
import { it, type TestContext } from 'node:test'
import { createMemoryBackend } from '../src/backends/memory.js'
import { DocsError } from '../src/errors.js'
import type { LedgerEvent } from '../src/ledger/event.js'
import type { Ledger } from '../src/ledger/ledger.js'
import type { DocsOptions } from '../src/options.js'
import type { CallbackReply } from '../src/receiver/receive.js'
import { passTime } from './support/callbacks.js'
import { startInProcess, type InProcess } from './support/in-process.js'

/** Against hangs only. */
const LIMIT = { timeout: 20_000 }
/** Given up by then, ms: well over a minute. */
const LONG = 200_000

interface Scene extends InProcess {
  /** While true, Redis refuses what callbacks tell. */
  redis: { away: boolean }
  /** What callbacks have tried to tell, in order: the users there and whether the ledger took it. */
  tries: { key: string; told: string; taken: boolean }[]
  /** Sends a callback about the file `file-1`. */
  callback: (body: Record<string, unknown>) => Promise<CallbackReply>
  users: (key: string) => Promise<readonly string[] | null>
}

const described = (event: LedgerEvent): string | undefined => {
  if (event.type === 'arrived') return `save ${event.save.status}`
  return event.type === 'presence' ? `${event.status} ${event.users.join()}`.trim() : undefined
}

function open(t: TestContext, options: Partial<DocsOptions> = {}): Scene {
  const redis = { away: false }
  const tries: Scene['tries'] = []
  let inner: Ledger | undefined
  const scene = startInProcess(
    t,
    { otherSaves: false, grace: 1_000, ...options },
    {
      createBackend(parts) {
        const backend = createMemoryBackend(parts)
        const { ledger } = backend
        inner = ledger
        async function apply(key: string, event: LedgerEvent): Promise<void> {
          const told = described(event)
          if (told !== undefined) tries.push({ key, told, taken: !redis.away })
          if (told === undefined || !redis.away) return ledger.apply(key, event)
          await Promise.resolve()
          throw new DocsError('UNREACHABLE', 'Redis did not do what it was asked')
        }
        return { ...backend, ledger: { ...ledger, apply } }
      },
    },
  )
  const ref = new URL(scene.docs.callbackUrl('file-1')).pathname.split('/').at(-1)
  return {
    ...{ ...scene, redis, tries },
    callback: (body) => scene.docs.receive({ body: { key: 'k', ...body }, headers: {}, ref }),
    users: async (key) => (await inner?.read(key))?.users ?? null,
  }
}

const came = (user: string, ...others: string[]): Record<string, unknown> => ({
  ...{ status: 1, users: [...others, user], actions: [{ type: 1, userid: user }] },
})
const leftLast = (user: string): Record<string, unknown> => ({
  ...{ status: 4, actions: [{ type: 0, userid: user }] },
})
const forced = {
  ...{ status: 6, forcesavetype: 1, users: ['u1'], filetype: 'docx' },
  url: 'http://docs.internal/cache/files/data/k_1/output.docx/output.docx',
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

it('does not undo what a later one has told', LIMIT, async (t) => {
  for (const [later, expected] of [
    [came('u2'), ['u2']],
    [leftLast('u1'), []],
    [{ ...forced, status: 2, actions: [{ type: 0, userid: 'u1' }] }, []],
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

it('is told after what says nothing of who edits', LIMIT, async (t) => {
  for (const other of [
    // A save while they edit, the callback of an info, and the end of a session without them.
    forced,
    { status: 4 },
    { ...forced, status: 2, actions: [{ type: 0, userid: 'u0' }] },
  ]) {
    const { clock, callback, users, redis } = open(t, { grace: 100 })
    redis.away = true
    await callback(came('u1'))
    await clock.advance(500)
    redis.away = false
    const reply = callback(other)
    await clock.advance(60_000)
    await reply
    assert.deepEqual(await users('k'), ['u1'], JSON.stringify(other))
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
  await clock.advance(LONG)
  assert.equal(tries.length, length + 1)
})
