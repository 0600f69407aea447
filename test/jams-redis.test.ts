/** With BullMQ between: what onSave throws gives it no orders, and the key goes on. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DelayedError, WaitingError } from 'bullmq'
import { isDocsError } from '../src/errors.js'
import { startDocsServer } from '../src/testing/index.js'
import { SECRET, startApp } from './support/app.js'
import { startRedis } from './support/redis.js'

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

const THROWN: Record<string, () => unknown> = {
  'a DelayedError of BullMQ': () => new DelayedError(),
  'a WaitingError of BullMQ': () => new WaitingError(),
  'a revoked proxy': revoked,
  'an error whose message throws': () =>
    Object.defineProperty(new Error(), 'message', {
      get() {
        throw new Error('a trap')
      },
    }),
}

for (const [what, make] of Object.entries(THROWN)) {
  test(`onSave throws ${what} with Redis: the save fails, and the next one is stored`, async (t) => {
    const redis = await startRedis()
    const server = await startDocsServer({ secret: SECRET })
    let failing = true
    let stored = 0
    const app = await startApp({
      ...{ server: server.url, redis: redis.url, grace: 50, retries: 1, timeout: 10_000 },
      onSave() {
        if (failing) throw make()
        stored += 1
      },
    })
    t.after(async () => {
      await app.close()
      await server.close()
      await redis.stop()
    })
    const editor = await server.open('k', { user: 'u', callbackUrl: app.docs.callbackUrl('f') })
    editor.type('one')
    await assert.rejects(app.docs.forcesave('k'), (error) => isDocsError(error, 'STORAGE_FAILED'))
    failing = false
    editor.type('two')
    assert.equal((await app.docs.forcesave('k')).outcome, 'saved')
    assert.equal(stored, 1)
  })
}
