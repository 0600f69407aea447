/** A process without `onSave` beside the application: it calls, waits for verdicts, and changes nothing else. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import { createDocs, isDocsError } from '../src/index.js'
import { SECRET, startApp } from './support/app.js'
import { startRedis } from './support/redis.js'
import { startDocsServer } from '../src/testing/index.js'
import { until } from './support/until.js'

/** Against hangs only. */
const LIMIT = { timeout: 60_000 }

describe('a process without onSave', LIMIT, () => {
  it('gets the verdicts of the application, and leaves its sweeps alone', async (t) => {
    const redis = await startRedis()
    const server = await startDocsServer({ secret: SECRET })
    const app = await startApp({ server: server.url, redis: redis.url, recoverEvery: 60_000 })
    const connection = new Redis(redis.url, { maxRetriesPerRequest: null })
    const sweeps = new Queue('recovery', { connection, prefix: '{docs}' })
    t.after(async () => {
      await app.close()
      await server.close()
      await sweeps.close()
      connection.disconnect()
      await redis.stop()
    })
    await until(async () => (await sweeps.getJobSchedulersCount()) === 1)

    const client = createDocs({
      ...{ server: server.url, secret: SECRET, redis: redis.url },
      worker: false,
    })
    const callbackUrl = app.docs.callbackUrl('report')
    const editor = await server.open('key-1', { user: 'ann', callbackUrl })
    editor.type('hello')
    const result = await client.forcesave('key-1')
    assert.deepEqual(
      { ...result, lastSave: undefined, users: undefined },
      {
        ...{ outcome: 'saved', key: 'key-1', stored: { version: 1 }, certain: true },
        ...{ final: false, trigger: 'command', filetype: 'docx', userdata: undefined },
        ...{ lastSave: undefined, users: undefined },
      },
    )
    assert.deepEqual(
      app.stored.map(({ text }) => text),
      ['1 ann hello\n'],
    )
    const { users } = await client.info('key-1')
    assert.deepEqual(users, ['ann'])
    const keys: string[] = []
    for await (const { key } of client.sessions()) keys.push(key)
    assert.deepEqual(keys, ['key-1'])
    await client.close()
    assert.equal(await sweeps.getJobSchedulersCount(), 1, 'the schedule of the application stays')
    await editor.close()
    await server.idle()
  })

  it('has worker: false, and so Redis', () => {
    const base = { server: 'http://docs.internal', secret: SECRET }
    const refusal = (options: object): string => {
      try {
        createDocs(options as never)
      } catch (error) {
        assert.ok(isDocsError(error, 'BAD_OPTION'))
        return error.message
      }
      return assert.fail('it was taken')
    }
    assert.match(refusal(base), /^onSave: got undefined; .*worker: false/)
    assert.match(refusal({ ...base, worker: false }), /^worker: .*without redis/)
    const redis = 'redis://127.0.0.1:1'
    assert.match(refusal({ ...base, redis, worker: false, onSave: 1 }), /^onSave: got 1; /)
    assert.match(refusal({ ...base, redis }), /^onSave: /)
  })
})
