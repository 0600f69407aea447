/**
 * Hono on Node in the place of Koa: `docs.receive()` gets the bytes and says what to answer.
 *
 *     DOCS_URL=http://docs.internal DOCS_SECRET=… node --import tsx examples/hono/hono.ts
 */
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { HTTPException } from 'hono/http-exception'
import { createDocs, isDocsError } from '../../src/index.js'
import { options, port } from '../settings.js'

const docs = createDocs(options)
const web = new Hono()

// A long history makes a long callback, and one over the limit is a save that nobody takes.
web.post('/docs/callback/:ref', bodyLimit({ maxSize: 10 * 1024 * 1024 }), async (c) => {
  const body = Buffer.from(await c.req.arrayBuffer())
  const { status, body: answer } = await docs.receive({
    ...{ body, headers: c.req.header(), ref: c.req.param('ref') },
  })
  // Both of them: the Docs server goes by the status and by what is in the body.
  return Response.json(answer, { status })
})

// For `editorConfig.callbackUrl` in the page.
web.get('/callback-url/:name', (c) =>
  c.json({ callbackUrl: docs.callbackUrl(c.req.param('name')) }),
)

web.post('/save/:key', async (c) => Response.json(await docs.forcesave(c.req.param('key'))))

web.onError((error, c) => {
  // Hono's own: 413 for a body over the limit.
  if (error instanceof HTTPException) return error.getResponse()
  if (isDocsError(error)) return c.json({ error: error.code }, error.retryable ? 503 : 500)
  return c.json({ error: 'FAILED' }, 500)
})

// The whole of a request has to arrive in this time; the reply may take longer.
const serverOptions = { requestTimeout: 30_000 }
const listener = serve({ fetch: web.fetch, port, serverOptions }, () => {
  console.log(`Hono listens on ${port}`)
})

process.once('SIGTERM', () => {
  listener.close()
  void docs.close().then(() => {
    if ('closeAllConnections' in listener) listener.closeAllConnections()
  })
})
