/** A worker: runs `onSave` for whatever the web processes take in, and has no port. See `web.ts`. */
import { createDocs } from '../../src/index.js'
import { options } from './settings.js'

const docs = createDocs({ ...options, worker: { concurrency: 16 } })
console.log(`worker ${process.pid} takes saves`)

// What is under way is finished, or handed back for another worker.
process.once('SIGTERM', () => void docs.close())
