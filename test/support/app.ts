/** A storage application over real HTTP, for tests: a Koa app with the callback route and `onSave`. */
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import Koa, { type Middleware } from 'koa'
import type { Docs } from '../../src/api.js'
import { assembleDocs, type Outside } from '../../src/docs.js'
import type { DocsOptions } from '../../src/options.js'
import type { Save } from '../../src/saves/save.js'
import { linesIn } from './lines-in.js'

export const SECRET = 's3cret-s3cret-s3cret-s3cret-s3cret'

/** One file that `onSave` has stored. */
export interface StoredFile {
  ref: string
  key: string
  text: string
  save: Save
}

export interface App extends AsyncDisposable {
  docs: Docs
  /** Where it listens. */
  url: string
  /** What was stored, in order. */
  stored: StoredFile[]
  close: () => Promise<void>
}

export interface AppOptions extends Partial<DocsOptions>, Outside {
  server: string
  /** Middleware in front of the callback route. */
  before?: Middleware[]
  /** Instead of `docs.routes()`. */
  mount?: (docs: Docs) => Middleware
}

/** Starts an app whose default `onSave` downloads the file and keeps its text. */
export async function startApp(options: AppOptions): Promise<App> {
  const { before = [], mount = (docs: Docs) => docs.routes(), clock, http, ...given } = options
  let handler: RequestListener = (_request, response) => response.destroy()
  const listener = createServer((request, response) => handler(request, response))
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`
  const stored: StoredFile[] = []
  const docs = assembleDocs(
    {
      secret: SECRET,
      publicUrl: url,
      async onSave(save) {
        const { stream } = await save.download()
        const chunks: Uint8Array[] = []
        for await (const chunk of stream) chunks.push(chunk)
        stored.push({ ref: save.ref, key: save.key, text: linesIn(Buffer.concat(chunks)), save })
        return { version: stored.length }
      },
      ...given,
    },
    { ...(clock === undefined ? {} : { clock }), ...(http === undefined ? {} : { http }) },
  )
  const app = new Koa()
  for (const middleware of before) app.use(middleware)
  app.use(mount(docs))
  const callback = app.callback()
  handler = (request, response) => void callback(request, response)

  async function close(): Promise<void> {
    await docs.close()
    listener.closeAllConnections()
    await new Promise((resolve) => listener.close(resolve))
  }
  return { docs, url, stored, close, [Symbol.asyncDispose]: close }
}
