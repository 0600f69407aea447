/** `examples/multi-process`: two web processes and a worker, as an operator starts them. */
import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { editsIn, startDocsServer } from '../src/testing/index.js'
import { SECRET } from './support/app.js'
import { freePort, startRedis } from './support/redis.js'

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

it('a call in one process is answered by a callback to another and a save in a third', async (t) => {
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
  const env = { DOCS_URL: server.url, DOCS_SECRET: SECRET, REDIS_URL: redis.url, FILES: folder }
  const [caller, called] = [await freePort(), await freePort()]
  // In the place of a balancer: every callback goes to the second web process.
  const web = { ...env, PUBLIC_URL: `http://127.0.0.1:${called}` }
  children.push(await run('web.ts', { ...web, PORT: String(caller) }))
  children.push(await run('web.ts', { ...web, PORT: String(called) }))
  children.push(await run('worker.ts', env))
  const [first, , worker] = children

  const response = await fetch(`http://127.0.0.1:${caller}/callback-url/letter`)
  const { callbackUrl } = (await response.json()) as { callbackUrl: string }
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
  assert.equal(result.pid, first?.pid)
  assert.equal(result.stored.worker, worker?.pid)
  assert.deepEqual(editsIn(await readFile(join(folder, 'letter'))), [edit])

  await editor.close()
  await server.idle()
  const exits = children.map((child) => once(child, 'exit'))
  for (const child of children) child.kill('SIGTERM')
  assert.deepEqual(await Promise.all(exits), [
    [0, null],
    [0, null],
    [0, null],
  ])
})
