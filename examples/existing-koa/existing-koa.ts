/**
 * An application that was there before, with error handling, a body parser, a log-in and a router of its
 * own; what is new in it is marked with `+`. The callback route can be put in either of two places:
 *
 *     MOUNT=routes     `docs.routes()` in front of the parser and the log-in: neither has to know of it
 *     MOUNT=callback   `docs.callback()` in the router: both have to let callbacks through
 *
 *     DOCS_URL=http://docs.internal DOCS_SECRET=… node --import tsx examples/existing-koa/existing-koa.ts
 */
import Router from '@koa/router'
import Koa, { type Middleware } from 'koa'
import bodyParser from 'koa-bodyparser'
import { createDocs, isDocsError } from '../../src/index.js'
import { options, port, publicUrl } from '../settings.js'

const { MOUNT = 'routes', SESSION = 'of-the-application' } = process.env

// + The router's prefix is not in `path`, so it is in `publicUrl`.
const docs = createDocs({ ...options, path: '/files/track', publicUrl: `${publicUrl}/api` })

const errors: Middleware = async (ctx, next) => {
  try {
    await next()
  } catch (error) {
    // + What `docs.forcesave()` rejects with. What a callback is answered never comes here.
    if (isDocsError(error)) ctx.status = error.retryable ? 503 : 500
    else ctx.status = (error as { status?: number }).status ?? 500
    ctx.body = { error: isDocsError(error) ? error.code : 'FAILED' }
  }
}

const logIn: Middleware = async (ctx, next) => {
  // + The Docs server has no session: it shows who it is by the token of each callback.
  const isCallback = ctx.path.startsWith('/api/files/track/')
  if (!isCallback && ctx.cookies.get('session') !== SESSION) ctx.throw(401)
  await next()
}

const router = new Router({ prefix: '/api' })
router.get('/callback-url/:name', (ctx) => {
  // + For `editorConfig.callbackUrl` in the page.
  ctx.body = { callbackUrl: docs.callbackUrl(ctx.params['name'] ?? '') }
})
router.post('/save/:key', async (ctx) => {
  ctx.body = await docs.forcesave(ctx.params['key'] ?? '') // +
})

const app = new Koa()
app.use(errors)
// + In front: a callback has 30 s and `maxBody` to arrive, and is not asked for a session.
if (MOUNT === 'routes') app.use(docs.routes({ prefix: '/api' }))
// + `jsonLimit`, where callbacks come this way: a long history is more than the parser's own 1 MB.
app.use(bodyParser(MOUNT === 'callback' ? { jsonLimit: '10mb' } : {}))
app.use(logIn)
// + `all`: so that it is `docs.callback()` that answers 405 to anything but a POST.
if (MOUNT === 'callback') router.all('/files/track/:ref', docs.callback())
app.use(router.routes())

const listener = app.listen(port, () => console.log(`the application listens on ${port}`))

process.once('SIGTERM', () => {
  listener.close()
  void docs.close().then(() => listener.closeAllConnections()) // +
})
