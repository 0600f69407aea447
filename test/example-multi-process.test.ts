/** `examples/multi-process`: web processes, a worker and the board, as an operator starts them. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { it } from 'node:test'
import { editsIn, type DocsServer } from '../src/testing/index.js'
import { SECRET } from './support/app.js'
import { freePort } from './support/redis.js'
import { ask, byItself, startTown } from './support/town.js'
import { until } from './support/until.js'

async function callbackUrlOf(port: number, ref: string): Promise<string> {
  const address = `http://127.0.0.1:${port}/callback-url/${ref}`
  return (await ask<{ callbackUrl: string }>(address)).callbackUrl
}

it('a call in one process is answered by a callback to another and a save in a third', async (t) => {
  const { server, folder, start, end } = await startTown(t, { redis: true })
  const [caller, called] = [await freePort(), await freePort()]
  // In the place of a balancer: every callback goes to the second web process.
  const web = { PUBLIC_URL: `http://127.0.0.1:${called}` }
  const first = await start('multi-process/web.ts', { ...web, PORT: String(caller) })
  await start('multi-process/web.ts', { ...web, PORT: String(called) })
  const worker = await start('multi-process/worker.ts')

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
  const { server, start, end } = await startTown(t, { redis: true })
  const [port, boardPort] = [await freePort(), await freePort()]
  await start('multi-process/web.ts', { PORT: String(port) })
  await start('multi-process/worker.ts')
  await start('multi-process/board.ts', { PORT: String(boardPort) })
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
