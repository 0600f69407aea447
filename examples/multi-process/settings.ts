/** What every process of this application is told; `docs/running-in-production.md`, "Several processes". */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { DocsOptions } from '../../src/index.js'

const { DOCS_URL = 'http://localhost:8080', DOCS_SECRET = '' } = process.env
const { FILES = 'files', PORT = '3000' } = process.env
/** Where the Docs server reaches the web processes: a balancer before all of them, mostly. */
const { PUBLIC_URL = `http://localhost:${PORT}` } = process.env

export const port = Number(PORT)
export const { REDIS_URL: redis = 'redis://127.0.0.1:6379' } = process.env

/** The same `server`, `secret`, `redis`, `prefix`, `refOf` and `recoverEvery` in all of them. */
export const options: DocsOptions = {
  server: DOCS_URL,
  secret: DOCS_SECRET,
  redis,
  publicUrl: PUBLIC_URL,
  // Runs in the workers only, and is a web process's too so that it can be given a worker one day.
  async onSave(save) {
    await mkdir(FILES, { recursive: true })
    const { size } = await save.downloadTo(join(FILES, save.ref))
    return { size, worker: process.pid }
  },
}
