/**
 * bull-board on the queue of saves: what waits, runs, is done or has failed, and why. Start it beside
 * the others (`web.ts`), and open http://localhost:3010/queues:
 *
 *     PORT=3010 node --import tsx examples/multi-process/board.ts
 *
 * It shows keys, refs and the errors of `onSave` to whoever reaches it, so **it must be behind your
 * application's own log-in**. Here there is none, and it listens on this machine only.
 */
import { createBullBoard } from '@bull-board/api'
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter'
import { KoaAdapter } from '@bull-board/koa'
import { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import Koa from 'koa'
import { port, redis } from './settings.js'

// Where the saves are: `saves`, under the option `prefix` ('docs' by default) in braces.
const connection = new Redis(redis)
const queue = new Queue('saves', { connection, prefix: '{docs}', skipMetasUpdate: true })

const board = new KoaAdapter().setBasePath('/queues')
// The order of a document's saves is kept by the package: a job that is removed, added or run again by
// hand would not be what it waits for.
const saves = new BullMQAdapter(queue, { readOnlyMode: true })
createBullBoard({ queues: [saves], serverAdapter: board })

const app = new Koa()
// Here comes your log-in: `app.use(onlyForOperators)`.
app.use(board.registerPlugin())
const listener = app.listen(port, '127.0.0.1', () => {
  console.log(`the board is at http://localhost:${port}/queues`)
})

process.once('SIGTERM', () => {
  listener.close(() => void queue.close().then(() => connection.quit()))
  listener.closeAllConnections()
})
