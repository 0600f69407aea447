/**
 * A web process: serves callbacks and makes calls, and stores nothing. Start as many as you like
 * behind a balancer, beside at least one `worker.ts`:
 *
 *     export DOCS_URL=http://docs.internal DOCS_SECRET=… REDIS_URL=redis://127.0.0.1:6379
 *     PORT=3001 PUBLIC_URL=https://files.example.com node --import tsx examples/multi-process/web.ts
 *     node --import tsx examples/multi-process/worker.ts
 *
 * `board.ts` shows what the queue of saves holds.
 * The Docs server may send a callback to any of them; whichever called `forcesave` gets the verdict.
 */
import { createServer } from 'node:http'
import Koa from 'koa'
import { createDocs, isDocsError } from '../../src/index.js'
import { options, port } from './settings.js'

const docs = createDocs({ ...options, worker: false })
const app = new Koa()
app.use(docs.routes())
app.use(async (ctx) => {
  const [, action, name = ''] = ctx.path.split('/')
  if (action === 'callback-url') {
    // For `editorConfig.callbackUrl` in the page.
    ctx.body = { callbackUrl: docs.callbackUrl(name) }
  } else if (action === 'save' && ctx.method === 'POST') {
    try {
      ctx.body = { pid: process.pid, ...(await docs.forcesave(name)) }
    } catch (error) {
      if (!isDocsError(error)) throw error
      ctx.status = error.retryable ? 503 : 500
      ctx.body = { error: error.code }
    }
  }
})

const handle = app.callback()
const listener = createServer((request, response) => void handle(request, response))
listener.listen(port, () => console.log(`web process ${process.pid} listens on ${port}`))

process.once('SIGTERM', () => {
  // First no new requests, then the calls that wait are told, then the connections to Redis end.
  listener.close()
  void docs.close().then(() => listener.closeAllConnections())
})
