/** One process of an application: `by-hand`, `fair`, `floor…`, `bare`, `memory`, `redis`, `web` or `worker`. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import Koa from 'koa'
import { createDocs } from '../src/index.js'
import { createBare, createByHand } from './by-hand.js'
import { createFair } from './fair.js'
import { createFloor } from './floor.js'
import { keepInRedis } from './floor-redis.js'
import { loadOf, type Forcesave } from './load.js'
import { serve } from './remote.js'

const [, , kind = '', server = '', secret = '', redis = '', prefix = ''] = process.argv
/** Calls that begin at once while many are being left pending. */
const BATCH = 250

const listener = createServer()
listener.keepAliveTimeout = 120_000
listener.listen(0, '127.0.0.1')
await once(listener, 'listening')
const publicUrl = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`
let stores = 0
/** The same work everywhere: nothing is downloaded. */
const store = (): object => ({ version: (stores += 1) })
const { app, forcesave, callbackUrl } = await createApplication()

interface Application {
  app: Koa
  forcesave: Forcesave
  callbackUrl: string
}

async function createApplication(): Promise<Application> {
  if (kind === 'bare') {
    const none = (): Promise<never> => Promise.reject(new Error('it sends no command'))
    return { app: createBare(secret), forcesave: none, callbackUrl: `${publicUrl}/` }
  }
  const options = { server, secret, store }
  if (kind === 'by-hand') return { ...createByHand(options), callbackUrl: `${publicUrl}/` }
  if (kind === 'fair') {
    const fair = createFair(options)
    return { ...fair, callbackUrl: publicUrl + fair.pathOf('file.docx') }
  }
  if (kind.startsWith('floor')) {
    const keep =
      kind === 'floor' ? undefined : await keepInRedis(redis, prefix, kind === 'floor-bull')
    return { ...createFloor(options, keep), callbackUrl: `${publicUrl}/` }
  }
  const docs = createDocs({
    ...{ server, secret, publicUrl, onSave: store, prefix },
    // What is left pending is to stay so for as long as it is measured.
    ...{ timeout: 300_000, nudgeAfter: 300_000 },
    ...(kind === 'memory' ? {} : { redis }),
    ...(kind === 'web' ? { worker: false } : {}),
  })
  return {
    app: new Koa().use(docs.routes()),
    async forcesave(key, options) {
      const result = await docs.forcesave(key, options)
      if (result.outcome !== 'saved') throw new Error(`${key}: ${JSON.stringify(result)}`)
    },
    callbackUrl: docs.callbackUrl('file.docx'),
  }
}

let pending: Promise<unknown>[] = []
let documents = 0
const handle = app.callback()
listener.on('request', (request, response) => void handle(request, response))

serve({
  callbackUrl: () => callbackUrl,
  cpu: () => process.cpuUsage(),
  heap() {
    for (let times = 0; times < 3; times += 1) global.gc?.()
    return process.memoryUsage().heapUsed
  },
  load: loadOf(forcesave),
  /** Leaves calls pending, one each of so many documents. */
  async pend(calls: number) {
    for (let begun = 0; begun < calls; begun += BATCH) {
      for (let index = begun; index < Math.min(begun + BATCH, calls); index += 1) {
        const call = forcesave(`held-${process.pid}-${(documents += 1)}`)
        // It is awaited in `settled`.
        call.catch(() => {})
        pending.push(call)
      }
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  },
  async settled() {
    await Promise.all(pending)
    pending = []
  },
})
