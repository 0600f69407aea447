/**
 * Fastify in the place of Koa: it parses the body, `docs.receive()` says what to answer.
 *
 *     DOCS_URL=http://docs.internal DOCS_SECRET=… node --import tsx examples/fastify/fastify.ts
 */
import Fastify from 'fastify'
import { createDocs, isDocsError } from '../../src/index.js'
import { options, port } from '../settings.js'

const docs = createDocs(options)
// `requestTimeout`: the whole of a request has to arrive in this time; the reply may take longer.
const web = Fastify({ requestTimeout: 30_000, forceCloseConnections: true })

await web.register((callbacks) => {
  // Whatever the body calls itself, the token decides: so it is passed on as it came.
  callbacks.removeAllContentTypeParsers()
  callbacks.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => {
    done(null, body)
  })
  // A long history makes a long callback, and one over the limit is a save that nobody takes.
  const limit = { bodyLimit: 10 * 1024 * 1024 }
  callbacks.post<{ Params: { ref: string } }>(
    '/docs/callback/:ref',
    limit,
    async ({ body, headers, params }, reply) => {
      const answer = await docs.receive({ body, headers, ref: params.ref })
      // Both of them: the Docs server goes by the status and by what is in the body.
      return reply.status(answer.status).send(answer.body)
    },
  )
})

// For `editorConfig.callbackUrl` in the page.
web.get<{ Params: { name: string } }>('/callback-url/:name', ({ params }) => ({
  callbackUrl: docs.callbackUrl(params.name),
}))

web.post<{ Params: { key: string } }>('/save/:key', ({ params }) => docs.forcesave(params.key))

web.setErrorHandler((error: { statusCode?: number }, _request, reply) => {
  if (isDocsError(error)) {
    return reply.status(error.retryable ? 503 : 500).send({ error: error.code })
  }
  return reply.status(error.statusCode ?? 500).send({ error: 'FAILED' })
})

// `close()` waits for what is under way: so the calls that wait are told first.
web.addHook('preClose', () => docs.close())
await web.listen({ port, host: '::' })
console.log(`Fastify listens on ${port}`)
process.once('SIGTERM', () => void web.close())
