/** What the application and its operator learn of a callback that goes wrong: the Docs server learns nothing. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { silentLogger, type Logger } from '../src/events.js'
import { virtualClock } from '../src/testing/index.js'
import {
  again,
  done,
  forbidden,
  gate,
  kept,
  LIMIT,
  passTime,
  post,
  postSigned,
  setStage,
  sign,
} from './support/callbacks.js'
import { startInProcess } from './support/in-process.js'
import { failure } from './support/pair.js'

interface Logged {
  err?: Error
  key?: string
  ref?: string
  message: string
}

function listen(): { logger: Logger; errors: Logged[] } {
  const errors: Logged[] = []
  const error = (details: object, message: string): void =>
    void errors.push({ ...details, message })
  return { logger: { ...silentLogger, error }, errors }
}

describe('the reason of what was turned away', LIMIT, () => {
  it('says what is wrong with the token, and more where there is more to say', async (t) => {
    const { url, callback, rejected } = await setStage(t)
    const parts = sign(callback()).split('.')
    for (const body of [callback(), { token: 'abc' }, { token: parts.slice(0, 2).join('.') }]) {
      assert.deepEqual(await post(url, body), forbidden)
    }
    assert.deepEqual(
      await post(url, { token: sign(callback(), { secret: 'z'.repeat(32) }) }),
      forbidden,
    )
    const [missing, ...malformed] = rejected.map(({ reason }) => reason)
    assert.equal(missing, 'token missing')
    assert.equal(malformed.pop(), 'token signature')
    for (const reason of malformed) assert.match(reason, /^token malformed: .*three parts/)
  })

  it('names the status that has no meaning', async (t) => {
    const { url, callback, rejected } = await setStage(t)
    assert.deepEqual(await postSigned(url, callback({ status: 5 })), done)
    assert.match(rejected[0]!.reason, /\b5\b/)
  })
})

it(
  'a save whose link cannot be fetched fails its call for good, and onSave never sees it',
  LIMIT,
  async (t) => {
    let runs = 0
    const { clock, core, docs } = startInProcess(t, {
      server: 'http://docs.internal',
      onSave: () => void (runs += 1),
    })
    core.origin = 'ftp://docs.internal'
    const editor = await core.open('k', { user: 'u1', callbackUrl: docs.callbackUrl('file-1') })
    editor.type('x')
    const error = await failure(passTime(clock, docs.forcesave('k')), 'BAD_RESPONSE')
    assert.match(error.message, /scheme ftp:; allowed are http and https/)
    assert.deepEqual([error.key, error.retryable, runs], ['k', false, 0])
  },
)

describe('the log, which is all that tells of it,', LIMIT, () => {
  for (const status of [2, 6]) {
    it(`says why a save (${status}) is to be sent again: replyTimeout, and how much that is`, async (t) => {
      const clock = virtualClock()
      const { logger, errors } = listen()
      const stored = gate()
      const { url, callback } = await setStage(t, {
        ...{ clock, logger, replyTimeout: 50_000 },
        onSave: () => stored.opened,
      })
      const reply = postSigned(url, callback({ status }), clock.now())
      const answer = await passTime(clock, reply)
      stored.open()
      assert.deepEqual(answer, again)
      const [{ err, key, ref, message } = assert.fail('nothing was logged')] = errors
      assert.deepEqual([errors.length, key, ref], [1, 'k1', 'file-1'])
      assert.match(err?.message ?? '', /replyTimeout, 50000 ms/)
      assert.match(message, /sent again/)
    })
  }

  it('says why the application has not decided about a failed conversion', async (t) => {
    const { logger, errors } = listen()
    const own = new Error('no decision')
    const { url } = await setStage(t, {
      logger,
      onConversionFailed() {
        throw own
      },
    })
    assert.deepEqual(await postSigned(url, { key: 'k1', status: 7, users: ['u1'] }), kept)
    const [{ message, ...about } = assert.fail('nothing was logged')] = errors
    assert.deepEqual([errors.length, about], [1, { err: own, key: 'k1' }])
    assert.match(message, /conversion/)
  })
})
