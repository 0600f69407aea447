/** The application under the fuzzer: real HTTP, the memory ledger, virtual time; everything is watched. */
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { WritableStream } from 'node:stream/web'
import Koa from 'koa'
import { createMemoryBackend } from '../../src/backends/memory.js'
import { assembleDocs } from '../../src/docs.js'
import { virtualClock, type VirtualClock } from '../../src/testing/index.js'
import { SECRET } from '../support/app.js'

/** bytes */
export const MAX_BODY = 256 * 1024

export interface World {
  port: number
  clock: VirtualClock
  /** Where the files of saves are. */
  files: string
  /** The path of the callbacks about `file-1`. */
  path: string
  /** What `onSave` got, by key; whoever has looked at an entry takes it out. */
  stored: Map<string, Stored[]>
  /** The keys that the ledger has heard of. */
  touched: Set<string>
  /** The paths of the files that were fetched. */
  fetched: Set<string>
  /** What nobody caught, and what reached the error handler of the application. */
  accidents: string[]
  close: () => Promise<void>
}

export interface Stored {
  ref: string
  body: string
}

async function listen(handler: RequestListener): Promise<{ server: Server; port: number }> {
  const server = createServer(handler)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { server, port: (server.address() as AddressInfo).port }
}

export async function startWorld(): Promise<World> {
  const clock = virtualClock()
  const stored: World['stored'] = new Map()
  const touched = new Set<string>()
  const fetched = new Set<string>()
  const accidents: string[] = []

  const files = await listen((request, response) => {
    fetched.add(request.url ?? '')
    response.end('PK\x03\x04 the file')
  })
  const origin = `http://127.0.0.1:${files.port}`
  const docs = assembleDocs(
    {
      server: origin,
      secret: SECRET,
      publicUrl: 'http://x',
      maxBody: MAX_BODY,
      async onSave(save) {
        const { stream } = await save.download()
        await stream.pipeTo(new WritableStream())
        const known = stored.get(save.key) ?? []
        stored.set(save.key, [...known, { ref: save.ref, body: JSON.stringify(save.body) }])
      },
    },
    {
      clock,
      createBackend(parts) {
        const backend = createMemoryBackend(parts)
        const { ledger } = backend
        const apply: typeof ledger.apply = (key, event) => {
          touched.add(key)
          return ledger.apply(key, event)
        }
        return { ...backend, ledger: { ...ledger, apply } }
      },
    },
  )
  const app = new Koa()
  const accident = (what: string) => (error: unknown) =>
    void accidents.push(`${what}: ${error instanceof Error ? String(error.stack) : String(error)}`)
  // A request that ends too early or is no HTTP is told to Koa as well as to us.
  app.on('error', (error: { code?: string }) => {
    if (!/^(HPE_|ECONNRESET|ERR_HTTP_)/.test(error.code ?? '')) onAppError(error)
  })
  const onAppError = accident('an error of the application')
  const onException = accident('uncaught')
  const onRejection = accident('unhandled')
  process.on('uncaughtException', onException).on('unhandledRejection', onRejection)
  app.use(docs.routes())
  const callback = app.callback()
  const { server, port } = await listen((request, response) => void callback(request, response))

  return {
    ...{ port, clock, stored, touched, fetched, accidents },
    files: origin,
    path: new URL(docs.callbackUrl('file-1')).pathname,
    async close() {
      await docs.close()
      for (const one of [server, files.server]) {
        one.closeAllConnections()
        await new Promise((resolve) => one.close(resolve))
      }
      process.off('uncaughtException', onException).off('unhandledRejection', onRejection)
    },
  }
}
