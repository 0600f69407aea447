/** The Koa side: routes, body parsers in front, other routes and the application's error handler. */
import assert from 'node:assert/strict'
import { buffer } from 'node:stream/consumers'
import { describe, it } from 'node:test'
import Router from '@koa/router'
import type { Context, Middleware, Next } from 'koa'
import bodyParser from 'koa-bodyparser'
import { silentLogger } from '../src/events.js'
import type { Docs } from '../src/index.js'
import {
  done,
  forbidden,
  LIMIT,
  notACallback,
  post,
  postSigned,
  send,
  setStage,
  sign,
} from './support/callbacks.js'

/** Sees what passes and what is thrown through it. */
function witness(): { middleware: Middleware; passed: string[]; thrown: unknown[] } {
  const passed: string[] = []
  const thrown: unknown[] = []
  return {
    passed,
    thrown,
    async middleware(ctx: Context, next: Next) {
      passed.push(`${ctx.method} ${ctx.path}`)
      await next().catch((error: unknown) => thrown.push(error))
    },
  }
}

describe('body parsers in front', LIMIT, () => {
  /** Puts the whole body where `leave` says. */
  const reads =
    (leave: (ctx: Context, bytes: Buffer) => void): Middleware =>
    async (ctx, next) => {
      leave(ctx, await buffer(ctx.req))
      await next()
    }
  const leavesNothing = reads(() => {})
  const lossy: typeof parsers = [['one that has taken the body and left nothing', [leavesNothing]]]
  const parsers: [what: string, middleware: Middleware[]][] = [
    ['none', []],
    ['koa-bodyparser', [bodyParser()]],
    ['koa-bodyparser for forms only', [bodyParser({ enableTypes: ['form'] })]],
    [
      'koa-bodyparser that was told to leave it',
      [(ctx, next) => ((ctx['disableBodyParser'] = true), next()), bodyParser()],
    ],
    ['one that leaves the body undefined', [(_ctx, next) => next()]],
    ['one that sets undefined', [(ctx, next) => ((ctx.request.body = undefined), next())]],
    ['one that gives a text', [reads((ctx, bytes) => (ctx.request.body = bytes.toString()))]],
    ['one that gives bytes', [reads((ctx, bytes) => (ctx.request.body = bytes))]],
    [
      'one that keeps the text as rawBody',
      [reads((ctx, bytes) => (ctx.request.rawBody = bytes.toString()))],
    ],
    [
      'a host that parses before Koa does',
      [
        reads(({ req }, bytes) =>
          Object.assign(req, { body: JSON.parse(bytes.toString()) as unknown }),
        ),
      ],
    ],
    [
      'a host that keeps the bytes',
      [reads(({ req }, bytes) => Object.assign(req, { rawBody: new Uint8Array(bytes) }))],
    ],
  ]
  for (const [what, before] of [
    ...parsers.filter(([what]) => what !== 'a host that parses before Koa does'),
    ...lossy,
  ]) {
    it(`${what}: a token in the header is found`, async (t) => {
      const { app, url, callback } = await setStage(t, { before })
      const authorization = `Bearer ${sign({ payload: callback() })}`
      assert.deepEqual(await post(url, callback(), { authorization }), done)
      assert.equal(app.stored.length, 1)
    })
    it(`${what}: without a token it is 403, also for what is not JSON`, async (t) => {
      const { app, url, callback } = await setStage(t, { before })
      assert.deepEqual(await post(url, callback()), forbidden)
      const { status } = await send(url, { body: 'x=1', headers: { 'content-type': 'text/plain' } })
      assert.equal(status, 403)
      assert.equal(app.stored.length, 0)
    })
  }
  for (const [what, before] of parsers) {
    it(`${what}: a token in the body is found, and what only it holds is kept`, async (t) => {
      const { app, url, callback, rejected } = await setStage(t, { before: [...before] })
      const { changesurl, history, ...plain } = callback()
      const authorization = `Bearer ${sign({ payload: plain })}`
      const token = sign({ ...plain, changesurl, history })
      assert.deepEqual(await post(url, { ...plain, token }, { authorization }), done)
      const { save } = app.stored[0] ?? assert.fail('not stored')
      assert.deepEqual([save.changesUrl, save.history], [changesurl, history])
      assert.deepEqual(rejected, [])
    })
  }
  for (const [what, before] of parsers.filter(([what]) => /text|bytes/.test(what))) {
    it(`${what}: it is decoded as strictly as our own`, async (t) => {
      const { app, url, callback } = await setStage(t, { before })
      const body = JSON.stringify({ token: sign(callback()) })
      for (const bad of [`\ufeff\ufeff${body}`, `${body}x`, '', 'key=k1', '"x"']) {
        const { status } = await send(url, { body: bad })
        assert.equal(status, 403)
      }
      assert.equal(app.stored.length, 0)
    })
  }

  it('leave nothing behind where there is none: our own reading does not show', async (t) => {
    const seen: unknown[] = []
    const { url, callback } = await setStage(t, {
      before: [
        async (ctx, next) => {
          await next()
          const { body, rawBody } = ctx.request as { body?: unknown; rawBody?: unknown }
          seen.push(body, rawBody)
        },
      ],
    })
    assert.deepEqual(await postSigned(url, callback()), done)
    assert.deepEqual(seen, [undefined, undefined])
  })

  describe('one that has taken the body and left nothing', () => {
    const lost = /^the body was read before this handler, and nothing of it is left: /

    it('is told as that, and not as a token that is missing', async (t) => {
      const lines: unknown[] = []
      const warn = (details: object): void => void lines.push(details)
      const { app, url, callback, rejected } = await setStage(t, {
        before: [leavesNothing],
        logger: { ...silentLogger, warn },
      })
      assert.deepEqual(await postSigned(url, callback()), forbidden)
      const [{ reason, ...about } = assert.fail('nobody was told')] = rejected
      assert.match(reason, lost)
      assert.deepEqual(about, { code: 'body-missing', status: 403, ref: 'file-1' })
      assert.deepEqual([rejected.length, lines, app.stored], [1, rejected, []])
    })

    it('is told with tokens off, too', async (t) => {
      const { url, callback, rejected } = await setStage(t, {
        before: [leavesNothing],
        secret: null,
      })
      assert.deepEqual(await post(url, callback()), notACallback)
      assert.deepEqual(
        rejected.map(({ code, status }) => [code, status]),
        [['body-missing', 400]],
      )
    })

    it('is told of a save that its header`s token brings, which is stored all the same', async (t) => {
      const { app, url, callback, rejected } = await setStage(t, { before: [leavesNothing] })
      const authorization = `Bearer ${sign({ payload: callback() })}`
      const body = { ...callback(), token: sign(callback()) }
      assert.deepEqual(await post(url, body, { authorization }), done)
      assert.equal(app.stored.length, 1)
      const [{ reason, ...about } = assert.fail('nobody was told')] = rejected
      assert.match(reason, lost)
      assert.deepEqual(about, { code: 'body-missing', status: 200, key: 'k1', ref: 'file-1' })
    })
  })

  it('one that takes the token out: a save that comes without its history is told', async (t) => {
    const { app, url, callback, rejected } = await setStage(t)
    const { changesurl: _lost, ...rest } = callback({ history: {} })
    const authorization = `Bearer ${sign({ payload: rest })}`
    assert.deepEqual(await post(url, rest, { authorization }), done)
    assert.equal(app.stored.length, 1)
    const [{ reason, ...about } = assert.fail('nobody was told')] = rejected
    assert.match(reason, /neither history nor changesurl/)
    assert.deepEqual(about, { code: 'history-left-out', status: 200, key: 'k1', ref: 'file-1' })
    // With either of them it is one like any other.
    const other = callback({ key: 'k2' })
    const whole = `Bearer ${sign({ payload: other })}`
    assert.deepEqual(await post(url, other, { authorization: whole }), done)
    assert.equal(rejected.length, 1)
  })
})

it('a token in the header is found beside one that proxies repeat', LIMIT, async (t) => {
  const { app, url, callback } = await setStage(t)
  const authorization = `Bearer ${sign({ payload: callback() })}`
  assert.deepEqual(await post(url, {}, { authorization, via: ['1.1 a', '1.1 b'] }), done)
  assert.equal(app.stored.length, 1)
})

describe('routes()', LIMIT, () => {
  it('leaves every other route alone: next is called', async (t) => {
    const seen: string[] = []
    const { app } = await setStage(t, {
      mount: (docs) => {
        const routes = docs.routes()
        return async (ctx, next) => {
          await routes(ctx, async () => {
            seen.push(ctx.path)
            ctx.body = 'the application'
            await next()
          })
        }
      },
    })
    for (const path of ['/', '/docs', '/docs/callback/a/b', '/docs/callbacks/a']) {
      assert.equal((await send(app.url + path, { method: 'GET' })).body, 'the application')
    }
    assert.equal(seen.length, 4)
    await send(`${app.url}/docs/callback/x`)
    await send(`${app.url}/docs/callback`)
    assert.equal(seen.length, 4)
  })

  it('serves at the option `path`, and below a prefix', async (t) => {
    const at = await setStage(t, { path: '/hooks/office' })
    assert.match(at.url, /^http:\/\/127\.0\.0\.1:\d+\/hooks\/office\//)
    assert.deepEqual(await postSigned(at.url, at.callback()), done)

    const below = await setStage(t, { mount: (docs) => docs.routes({ prefix: '/api/v1' }) })
    const { pathname } = new URL(below.url)
    assert.deepEqual(await postSigned(`${below.app.url}/api/v1${pathname}`, below.callback()), done)
    assert.equal((await postSigned(below.url, below.callback())).status, 404)
  })

  it('the URL of callbackUrl() fits a prefix that is in publicUrl', async (t) => {
    const prefix = '/api/v1'
    const stage = await setStage(t, {
      publicUrl: 'https://files.example.com/api/v1',
      mount: (docs) => docs.routes({ prefix }),
    })
    const { pathname } = new URL(stage.url)
    assert.deepEqual(await postSigned(stage.app.url + pathname, stage.callback()), done)
  })

  for (const method of ['GET', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS']) {
    it(`bad input 6: ${method} is 405 with Allow, and nothing happens`, async (t) => {
      const { app, url, callback } = await setStage(t)
      const body =
        method === 'GET' || method === 'HEAD'
          ? {}
          : { body: JSON.stringify({ token: sign(callback()) }) }
      const reply = await send(url, { method, ...body })
      assert.equal(reply.status, 405)
      assert.equal(reply.headers.allow, 'POST')
      assert.deepEqual(reply.body, method === 'HEAD' ? '' : { error: 1 })
      assert.equal(app.stored.length, 0)
    })
  }

  it('bad input 6: OPTIONS is 204 where the application answers it before', async (t) => {
    const { url } = await setStage(t, {
      before: [
        async (ctx, next) => {
          if (ctx.method === 'OPTIONS') ctx.status = 204
          else await next()
        },
      ],
    })
    assert.equal((await send(url, { method: 'OPTIONS' })).status, 204)
  })
})

describe('callback()', LIMIT, () => {
  const mount = (docs: Docs): Middleware =>
    new Router().all('/files/track/:ref', docs.callback()).routes() as unknown as Middleware

  it('works on a route of the application`s own, with `path` set to the part before the ref', async (t) => {
    const { app, url, callback } = await setStage(t, { path: '/files/track', mount })
    assert.deepEqual(await postSigned(url, callback()), done)
    assert.equal(app.stored[0]?.ref, 'file-1')
  })
  it('answers 405 there as well', async (t) => {
    const { url } = await setStage(t, { path: '/files/track', mount })
    assert.equal((await send(url, { method: 'GET' })).status, 405)
  })
  it('without a :ref answers 403', async (t) => {
    const { app, callback } = await setStage(t, { mount: (docs) => docs.callback() })
    assert.deepEqual(await postSigned(`${app.url}/anything`, callback()), forbidden)
    assert.equal(app.stored.length, 0)
  })
})

describe('the application`s error handling', LIMIT, () => {
  it('sees nothing of refused callbacks, of failing saves and of bodies too long', async (t) => {
    const { middleware, passed, thrown } = witness()
    const emitted: unknown[] = []
    const { url, callback } = await setStage(t, {
      maxBody: 2048,
      retries: 0,
      before: [
        (ctx, next) => {
          if (ctx.app.listenerCount('error') === 0)
            ctx.app.on('error', (error) => emitted.push(error))
          return next()
        },
        middleware,
      ],
      onSave() {
        throw new Error('not today')
      },
    })
    const statuses = [
      (await post(url, {})).status,
      (await postSigned(url, { key: '..', status: 2 })).status,
      (await postSigned(url, callback())).status,
      (await send(url, { body: 'x'.repeat(5000) })).status,
      (await send(url, { method: 'GET' })).status,
      (await send(url, { body: '{' })).status,
    ]
    assert.deepEqual(statuses, [403, 400, 503, 413, 405, 403])
    assert.equal(passed.length, statuses.length)
    assert.deepEqual([thrown, emitted], [[], []])
  })

  it('is asked about its own errors only, before and behind', async (t) => {
    const own = new Error('of the application')
    const { middleware, thrown } = witness()
    const { app, url, callback } = await setStage(t, {
      before: [
        middleware,
        (ctx, next) => {
          if (ctx.path === '/throws') throw own
          return next()
        },
      ],
    })
    await send(`${app.url}/throws`, { method: 'GET' })
    assert.deepEqual(thrown, [own])
    assert.deepEqual(await postSigned(url, callback()), done)
  })

  it('the reply is JSON, by ctx.status and ctx.body: middleware in front can see and change it', async (t) => {
    const seen: unknown[] = []
    const { url } = await setStage(t, {
      before: [
        async (ctx, next) => {
          await next()
          seen.push([ctx.status, ctx.body])
          ctx.set('X-Request-Id', '7')
        },
      ],
    })
    const body = JSON.stringify({ token: sign({ key: 'k1', status: 4 }) })
    const { headers } = await send(url, { body })
    assert.match(headers['content-type']!, /^application\/json/)
    assert.equal(headers['x-request-id'], '7')
    assert.deepEqual(seen, [[200, { error: 0 }]])
  })
})
