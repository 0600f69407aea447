/** Example programs as an operator starts them: processes of their own beside a simulated Docs server. */
import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { editsIn, startDocsServer, type DocsServer } from '../../src/testing/index.js'
import { SECRET } from './app.js'
import { environment } from './first-example.js'
import { freePort, startRedis } from './redis.js'
import { linesIn } from './lines-in.js'

const examples = new URL('../../examples/', import.meta.url)

/** Node's arguments to run `program`, a path in `examples/`. */
export const argumentsOf = (program: string): string[] => [
  ...['--import', 'tsx'],
  fileURLToPath(new URL(program, examples)),
]

/** Against hangs only: programs take seconds to start where others run beside them. */
export const LIMIT = { timeout: 300_000 }

export interface Town {
  server: DocsServer
  /** Where the programs store (`FILES`). */
  folder: string
  /** What every program is told; `environment()` is in it. */
  env: NodeJS.ProcessEnv
  /** Starts a program and waits for its first words; it is gone with the test. */
  start: (program: string, env?: Record<string, string>) => Promise<ChildProcess>
  /** The same for one that listens on `PORT`: answers where. */
  serve: (program: string, env?: Record<string, string>) => Promise<string>
  /** Tells all of them to end, and answers how they did. */
  end: () => Promise<unknown[]>
}

/** How a program ends that was told to and had nothing to complain of. */
export const byItself = [0, null]

export async function startTown(t: TestContext, { redis = false } = {}): Promise<Town> {
  const folder = await mkdtemp(join(tmpdir(), 'docs-example-'))
  const server = await startDocsServer({ secret: SECRET })
  const store = redis ? await startRedis() : undefined
  const children: ChildProcess[] = []
  t.after(async () => {
    for (const child of children) child.kill('SIGKILL')
    await server.close()
    await store?.stop()
    await rm(folder, { recursive: true, force: true })
  })
  const shared = {
    ...environment(),
    ...{ DOCS_URL: server.url, DOCS_SECRET: SECRET, FILES: folder },
    ...(store === undefined ? {} : { REDIS_URL: store.url }),
  }
  async function start(program: string, env: Record<string, string> = {}): Promise<ChildProcess> {
    const child = spawn(process.execPath, argumentsOf(program), {
      env: { ...shared, ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    children.push(child)
    const ended = once(child, 'exit').then(() =>
      assert.fail(`${program} ended before it was ready`),
    )
    await Promise.race([once(child.stdout, 'data'), ended])
    ended.catch(() => {})
    return child
  }
  return {
    ...{ server, folder, env: shared, start },
    async serve(program, env = {}) {
      const port = await freePort()
      await start(program, { ...env, PORT: String(port) })
      return `http://127.0.0.1:${port}`
    },
    async end() {
      const exits = children.map((child) => once(child, 'exit'))
      for (const child of children) child.kill('SIGTERM')
      return Promise.all(exits)
    },
  }
}

/** An answer of a program, which has to be 200 and JSON. */
export async function ask<Answer>(url: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(url, init)
  const text = await response.text()
  assert.equal(response.status, 200, `${url}: ${text}`)
  return JSON.parse(text) as Answer
}

export interface Storage {
  server: DocsServer
  /** Where `/callback-url/<name>` and `/save/<key>` are. */
  url: string
  /** The file that holds what is stored under the name `letter`. */
  file: string
  headers?: Record<string, string>
}

/**
 * A session with a program that has `/callback-url/:name` and `/save/:key`: type, save, type, close. The
 * bytes that it has stored are looked at each time it says so.
 */
export async function playSession({ server, url, file, headers = {} }: Storage): Promise<void> {
  const { callbackUrl } = await ask<{ callbackUrl: string }>(`${url}/callback-url/letter`, {
    headers,
  })
  const editor = await server.open('key-1', { user: 'ann', callbackUrl })
  editor.type('Dear Ben,')
  const { outcome, certain, stored } = await ask<Record<string, unknown>>(`${url}/save/key-1`, {
    ...{ method: 'POST', headers },
  })
  const bytes = await readFile(file)
  assert.equal(linesIn(bytes), '1 ann Dear Ben,\n')
  assert.deepEqual(
    { outcome, certain, stored },
    { outcome: 'saved', certain: true, stored: { size: bytes.length } },
  )
  editor.type('all is well.')
  await editor.close()
  await server.idle()
  assert.deepEqual(editsIn(await readFile(file)), [1, 2], 'the final save is stored')
}
