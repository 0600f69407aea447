/**
 * No framework: `docs.receive()` behind `node:http`. Who has no framework bounds the body himself, in
 * bytes and in time.
 *
 *     DOCS_URL=http://docs.internal DOCS_SECRET=… node --import tsx examples/node-http/node-http.ts
 */
import { createServer, type IncomingMessage } from 'node:http'
import { createDocs, isDocsError } from '../../src/index.js'
import { options, port } from '../settings.js'

const MAX_BODY = 10 * 1024 ** 2 // bytes, as the option `maxBody`, which is for Koa's routes only
const docs = createDocs({ ...options, path: '/callback' })

interface Reply {
  status: number
  body: object
}

async function answer(request: IncomingMessage): Promise<Reply> {
  const [, action = '', name = ''] = (request.url ?? '').split('?', 1)[0]?.split('/') ?? []
  switch (`${request.method ?? ''} /${action}`) {
    case 'POST /callback': {
      const bytes = await read(request)
      if (bytes === undefined) return { status: 413, body: { error: 1 } }
      return docs.receive({ body: bytes, headers: request.headers, ref: name })
    }
    case 'GET /callback-url': // for `editorConfig.callbackUrl` in the page
      return { status: 200, body: { callbackUrl: docs.callbackUrl(name) } }
    case 'POST /save':
      return { status: 200, body: await docs.forcesave(name) }
    default:
      return { status: 404, body: { error: 'NOT_FOUND' } }
  }
}

/** The body; undefined when it is too long. The rest is read all the same, or the 413 would not arrive. */
async function read(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size <= MAX_BODY) chunks.push(chunk)
    else chunks.length = 0
  }
  return size <= MAX_BODY ? Buffer.concat(chunks) : undefined
}

const failed = (error: unknown): Reply =>
  isDocsError(error)
    ? { status: error.retryable ? 503 : 500, body: { error: error.code } }
    : { status: 500, body: { error: 'INTERNAL' } }

const listener = createServer((request, response) => {
  void answer(request)
    .catch(failed)
    .then(({ status, body }) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    })
})
// The whole of a request has to arrive in this time; the reply may take longer.
listener.requestTimeout = 30_000
listener.listen(port, () => console.log(`node:http listens on ${port}`))

process.once('SIGTERM', () => {
  listener.close()
  void docs.close().then(() => listener.closeAllConnections())
})
