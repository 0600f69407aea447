/** `examples/existing-koa`, `express`, `fastify`, `hono`, `nestjs` and `node-http`: callbacks come in at another place each time. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { done, forbidden, post, postSigned, sign } from './support/callbacks.js'
import { ask, byItself, LIMIT, playSession, startTown } from './support/town.js'

interface Place {
  program: string
  env?: Record<string, string>
  /** Where its own routes are. */
  prefix?: string
  headers?: Record<string, string>
}

const SESSION = randomBytes(8).toString('hex')
const existing = {
  ...{ program: 'existing-koa/existing-koa.ts', prefix: '/api' },
  headers: { cookie: `session=${SESSION}` },
}
const places: Record<string, Place> = {
  'Koa, in front of all that is there': { ...existing, env: { SESSION, MOUNT: 'routes' } },
  'Koa, in a router behind all that is there': { ...existing, env: { SESSION, MOUNT: 'callback' } },
  Express: { program: 'express/express.ts' },
  Fastify: { program: 'fastify/fastify.ts' },
  Hono: { program: 'hono/hono.ts' },
  NestJS: { program: 'nestjs/nestjs.ts' },
  'node:http': { program: 'node-http/node-http.ts' },
}

for (const [name, { program, env = {}, prefix = '', headers = {} }] of Object.entries(places)) {
  describe(name, LIMIT, () => {
    it('ends in confirmed saves, takes long callbacks and refuses strangers', async (t) => {
      const { server, folder, serve, end } = await startTown(t)
      const url = `${await serve(program, env)}${prefix}`
      await playSession({ server, url, headers, file: join(folder, 'letter.docx') })

      const { callbackUrl } = await ask<{ callbackUrl: string }>(`${url}/callback-url/letter`, {
        headers,
      })
      // As long as a session's history may be, and longer than parsers take by default.
      const callback = { key: 'key-2', status: 1, users: ['ann'], actions: [] }
      const long = { ...callback, history: 'x'.repeat(3_000_000) }
      assert.deepEqual(await postSigned(callbackUrl, long), done)
      // Where the rest of it is not read, the connection may end before the answer is seen.
      const tooLong = await post(callbackUrl, { x: 'x'.repeat(11_000_000) }).catch(() => undefined)
      assert.equal(tooLong?.status ?? 413, 413)
      const token = sign(callback, { secret: 'another secret, also of 32 bytes and more' })
      assert.deepEqual(await post(callbackUrl, { ...callback, token }), forbidden)
      assert.deepEqual(await post(callbackUrl, callback), forbidden)

      const wrong = await fetch(`${url}/save/not,a,key`, { method: 'POST', headers })
      assert.deepEqual([wrong.status, await wrong.json()], [500, { error: 'BAD_OPTION' }])
      assert.deepEqual(await end(), [byItself])
    })
  })
}

it('an application that was there before asks everybody else for a session', LIMIT, async (t) => {
  const { serve } = await startTown(t)
  const url = await serve(existing.program, { SESSION })
  const statuses = []
  for (const headers of [{}, { cookie: 'session=another' }, existing.headers]) {
    const { status } = await fetch(`${url}/api/callback-url/letter`, { headers })
    statuses.push(status)
  }
  assert.deepEqual(statuses, [401, 401, 200])
})
