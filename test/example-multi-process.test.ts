/** `examples/multi-process`: web processes, a worker and the board, as an operator starts them. */
import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { editsIn, startDocsServer, type DocsServer } from '../src/testing/index.js'
import { SECRET } from './support/app.js'
import { freePort, startRedis } from './support/redis.js'
import { until } from './support/until.js'

const programs = new URL('../examples/multi-process/', import.meta.url)

async function run(program: string, env: Record<string, string>): Promise<ChildProcess> {
  const path = fileURLToPath(new URL(program, programs))
  const child = spawn(process.execPath, ['--import', 'tsx', path], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit').then(() => assert.fail(`${program} ended before it was ready`))
  await Promise.race([once(child.stdout, 'data'), ended])
  ended.catch(() => {})
  return child
}

interface Town {
  server: DocsServer
  folder: string
  /** Starts a program; it is gone with the test. */
  start: (program: string, env?: Record<string, string>) => Promise<ChildProcess>
  /** Tells all of them to end, and answers how they did. */
  end: () => Promise<unknown[]>
}

async function startTown(t: TestContext): Promise<Town> {
  const folder = await mkdtemp(join(tmpdir(), 'docs-example-'))
  const redis = await startRedis()
  const server = await startDocsServer({ secret: SECRET })
  const children: ChildProcess[] = []
  t.after(async () => {
    for (const child of children) child.kill('SIGKILL')
    await server.close()
    await redis.stop()
    await rm(folder, { recursive: true, force: true })
  })
  const shared = { DOCS_URL: server.url, DOCS_SECRET: SECRET, REDIS_URL: redis.url, FILES: folder }
  return {
    ...{ server, folder },
    async start(program, env = {}) {
      const child = await run(program, { ...shared, ...env })
      children.push(child)
      return child
    },
    async end() {
      const exits = children.map((child) => once(child, 'exit'))
      for (const child of children) child.kill('SIGTERM')
      return Promise.all(exits)
    },
  }
}

const byItself = [0, null]

async function callbackUrlOf(port: number, ref: string): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}/callback-url/${ref}`)
  return ((await response.json()) as { callbackUrl: string }).callbackUrl
}

it('a call in one process is answered by a callback to another and a save in a third', async (t) => {
  const { server, folder, start, end } = await startTown(t)
  const [caller, called] = [await freePort(), await freePort()]
  // In the place of a balancer: every callback goes to the second web process.
  const web = { PUBLIC_URL: `http://127.0.0.1:${called}` }
  const first = await start('web.ts', { ...web, PORT: String(caller) })
  await start('web.ts', { ...web, PORT: String(called) })
  const worker = await start('worker.ts')

  const callbackUrl = await callbackUrlOf(caller, 'letter')
  assert.equal(new URL(callbackUrl).port, String(called))
  const editor = await server.open('key-1', { user: 'ann', callbackUrl })
  const edit = editor.type('Dear Ben,')

  const saving = await fetch(`http://127.0.0.1:${caller}/save/key-1`, { method: 'POST' })
  const result = (await saving.json()) as {
    outcome: string
    pid: number
    stored: { worker: number }
  }
  assert.equal(result.outcome, 'saved')
  assert.equal(result.pid, first.pid)
  assert.equal(result.stored.worker, worker.pid)
  assert.deepEqual(editsIn(await readFile(join(folder, 'letter'))), [edit])

  await editor.close()
  await server.idle()
  assert.deepEqual(await end(), [byItself, byItself, byItself])
})

it('the board shows each save with readable data and nothing that opens a file, and changes nothing', async (t) => {
  const { server, start, end } = await startTown(t)
  const [port, boardPort] = [await freePort(), await freePort()]
  await start('web.ts', { PORT: String(port) })
  await start('worker.ts')
  await start('board.ts', { PORT: String(boardPort) })
  const callbackUrl = await callbackUrlOf(port, 'letter')
  const editor = await server.open('key-1', { user: 'ann', callbackUrl })
  editor.type('Dear Ben,')
  const saving = await fetch(`http://127.0.0.1:${port}/save/key-1`, { method: 'POST' })
  assert.equal(((await saving.json()) as { outcome: string }).outcome, 'saved')

  const board = `http://127.0.0.1:${boardPort}/queues`
  const page = await fetch(board)
  assert.deepEqual(
    [page.status, page.headers.get('content-type')],
    [200, 'text/html; charset=utf-8'],
  )
  const list = `${board}/api/queues?activeQueue=saves&status=completed`
  // The call has its verdict a moment before the job is put away.
  let shown = ''
  await until(async () => {
    shown = await (await fetch(list)).text()
    return boardOf(shown).counts.completed === 1
  })
  const { name, readOnlyMode, jobs } = boardOf(shown)
  assert.deepEqual([name, readOnlyMode, jobs.length], ['saves', true, 1])
  const [{ id, data }] = jobs as [Job]
  const { save, sequence, lastSave, ...rest } = data
  assert.deepEqual(rest, { key: 'key-1', ref: 'letter', status: 6, trigger: 'command' })
  assert.equal(id, `${String(save)}-${String(sequence)}`)
  assert.ok(!Number.isNaN(Date.parse(String(lastSave))), 'when the last edit was made')

  shown += await (await fetch(`${board}/api/queues/saves/${id}`)).text()
  shown += await (await fetch(`${board}/api/queues/saves/${id}/logs`)).text()
  shown += await page.text()
  const secrets = [SECRET, 'eyJ', ...linksOf(server), new URL(callbackUrl).pathname]
  assert.ok(secrets.length > 4, 'the Docs server has sent links')
  assert.deepEqual(
    secrets.filter((secret) => shown.includes(secret)),
    [],
  )
  const orders = [`${id}/clean`, `${id}/retry`, 'retry/failed', 'pause', 'empty', 'obliterate']
  for (const order of orders) {
    const { status } = await fetch(`${board}/api/queues/saves/${order}`, { method: 'PUT' })
    assert.equal(status, 405, order)
  }

  await editor.close()
  await server.idle()
  assert.deepEqual(await end(), [byItself, byItself, byItself])
})

interface Job {
  id: string
  data: Record<string, unknown>
}

function boardOf(text: string): {
  name: string
  readOnlyMode: boolean
  counts: { completed: number }
  jobs: Job[]
} {
  const { queues } = JSON.parse(text) as { queues: [ReturnType<typeof boardOf>] }
  return queues[0]
}

/** Path and query of every link that the Docs server has sent: they open the file to whoever has them. */
const linksOf = ({ log }: DocsServer): string[] =>
  log
    .flatMap((entry) => (entry.type === 'callback' ? [entry.body] : []))
    .flatMap((body) => Object.values(body as Record<string, unknown>))
    .filter((value) => typeof value === 'string' && value.startsWith('http'))
    .flatMap((link) => [new URL(String(link)).pathname, new URL(String(link)).search])
