/** One process of an application: `by-hand`, `bare`, `memory`, `redis`, `web` or `worker`. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import Koa from 'koa'
import { createDocs } from '../src/index.js'
import { createBare, createByHand } from './by-hand.js'
import { serve } from './remote.js'
import { percentile } from './statistics.js'
import type { Load, Measured } from './statistics.js'

const [, , kind = '', server = '', secret = '', redis = '', prefix = ''] = process.argv
/** Saves of one document, one after the other, before the next one is opened. */
const SAVES_PER_KEY = 8
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
const { app, forcesave, callbackUrl } = createApplication()

interface Application {
  app: Koa
  forcesave: (key: string) => Promise<unknown>
  callbackUrl: string
}

function createApplication(): Application {
  if (kind === 'bare') {
    const none = (): Promise<never> => Promise.reject(new Error('it sends no command'))
    return { app: createBare(secret), forcesave: none, callbackUrl: `${publicUrl}/` }
  }
  if (kind === 'by-hand') {
    return { ...createByHand({ server, secret, store }), callbackUrl: `${publicUrl}/` }
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
    async forcesave(key) {
      const result = await docs.forcesave(key)
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
  /** Forcesaves for `ms`, so many at once, each lane with a document of its own. */
  async load({ lanes, ms }: Load): Promise<Measured> {
    const times: number[] = []
    const before = process.cpuUsage()
    const begun = performance.now()
    async function lane(): Promise<void> {
      let key = ''
      for (let turn = 0; performance.now() - begun < ms; turn += 1) {
        if (turn % SAVES_PER_KEY === 0) key = `document-${process.pid}-${(documents += 1)}`
        const called = performance.now()
        await forcesave(key)
        times.push(performance.now() - called)
      }
    }
    await Promise.all(Array.from({ length: lanes }, lane))
    const elapsed = performance.now() - begun
    const { user, system } = process.cpuUsage(before)
    times.sort((one, other) => one - other)
    return {
      saves: times.length,
      elapsed,
      p50: percentile(times, 0.5),
      p99: percentile(times, 0.99),
      cpu: (user + system) / 1000,
    }
  },
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
