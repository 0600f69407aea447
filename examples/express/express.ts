/**
 * Express in the place of Koa: it parses the body, `docs.receive()` says what to answer.
 *
 *     DOCS_URL=http://docs.internal DOCS_SECRET=… node --import tsx examples/express/express.ts
 */
import express, { type ErrorRequestHandler } from 'express'
import { createDocs, isDocsError } from '../../src/index.js'
import { options, port } from '../settings.js'

const docs = createDocs(options)
const web = express()

// A long history makes a long callback, and one over the limit is a save that nobody takes: Express's own
// 100 kB are too few. `type`: whatever it calls itself, the token decides.
const json = express.json({ limit: '10mb', type: () => true })

web.post('/docs/callback/:ref', json, async (req, res) => {
  const { headers, params } = req
  const reply = await docs.receive({ body: req.body as unknown, headers, ref: params.ref })
  // Both of them: the Docs server goes by the status and by what is in the body.
  res.status(reply.status).json(reply.body)
})

// For `editorConfig.callbackUrl` in the page.
web.get('/callback-url/:name', (req, res) => {
  res.json({ callbackUrl: docs.callbackUrl(req.params.name) })
})

web.post('/save/:key', async (req, res) => {
  res.json(await docs.forcesave(req.params.key))
})

// Express 5 hands over what a handler rejects with, and knows this one by its four arguments.
const errors: ErrorRequestHandler = (error: { status?: number }, _req, res, _next) => {
  if (isDocsError(error)) res.status(error.retryable ? 503 : 500).json({ error: error.code })
  else res.status(error.status ?? 500).json({ error: 'FAILED' })
}
web.use(errors)

const listener = web.listen(port, () => console.log(`Express listens on ${port}`))
// The whole of a request has to arrive in this time; the reply may take longer.
listener.requestTimeout = 30_000

process.once('SIGTERM', () => {
  listener.close()
  void docs.close().then(() => listener.closeAllConnections())
})
