/** `examples/nightly-backup`: beside the application of `examples/multi-process`, as cron starts it. */
import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { it, type TestContext } from 'node:test'
import type { Editor, LogEntry } from '../src/testing/index.js'
import { argumentsOf, ask, LIMIT, startTown, type Town } from './support/town.js'
import { until } from './support/until.js'
import { linesIn } from './support/lines-in.js'

const SCRIPT = 'nightly-backup/nightly-backup.ts'

/** The application, and somebody who edits the document `name` under the key `key-of-<name>`. */
async function startOffice(
  t: TestContext,
): Promise<Town & { edit: (name: string) => Promise<Editor> }> {
  const town = await startTown(t, { redis: true })
  const url = await town.serve('multi-process/web.ts')
  await town.start('multi-process/worker.ts')
  return {
    ...town,
    async edit(name) {
      const { callbackUrl } = await ask<{ callbackUrl: string }>(`${url}/callback-url/${name}`)
      const editor = await town.server.open(`key-of-${name}`, { user: 'ann', callbackUrl })
      editor.type(`the text of ${name}`)
      return editor
    },
  }
}

interface Run {
  child: ChildProcess
  /** How it has ended and what it has printed. */
  ended: Promise<{ code: unknown; out: string; err: string }>
}

function run(program: string, args: string[], env: NodeJS.ProcessEnv): Run {
  const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const printed = Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { child, ended: printed.then(([out, err]) => ({ code: child.exitCode, out, err })) }
}

const backUp = (env: NodeJS.ProcessEnv): Run => run(process.execPath, argumentsOf(SCRIPT), env)

it('the nightly backup', LIMIT, async (t) => {
  const { server, folder, env, edit } = await startOffice(t)

  await t.test('saves all that is open, and tells a log of each', async () => {
    await edit('letter')
    await edit('report')
    const { code, out, err } = await backUp(env).ended
    assert.deepEqual([code, err], [0, ''])
    assert.match(
      out,
      /^1 of 2 {2}key-of-\w+: saved\n2 of 2 {2}key-of-\w+: saved\n2 saved, 0 unchanged, 0 uncertain, 0 failed\n$/,
    )
    for (const name of ['letter', 'report']) {
      const bytes = await readFile(join(folder, name))
      assert.equal(linesIn(bytes), `1 ann the text of ${name}\n`)
    }
  })

  const skip = process.platform === 'linux' ? false : 'needs a terminal: script(1) of Linux'
  await t.test('shows a bar on a terminal', { skip }, async () => {
    const command = [process.execPath, ...argumentsOf(SCRIPT)].map((word) => `'${word}'`).join(' ')
    const args = ['--quiet', '--return', '--command', command, '/dev/null']
    const { code, out } = await run('script', args, env).ended
    assert.equal(code, 0, out)
    assert.match(out, /█{40} 2 of 2 {2}key-of-\w+: unchanged/)
    assert.match(out, /^0 saved, \d unchanged, \d uncertain, 0 failed\r$/m)
  })

  await t.test('says by its exit code that not all of it is stored, and what and why', async () => {
    // Where its file should go there is a folder.
    await mkdir(join(folder, 'full'))
    await edit('full')
    const { code, out, err } = await backUp(env).ended
    assert.equal(code, 1, out)
    assert.match(out, /^0 saved, \d unchanged, \d uncertain, 1 failed$/m)
    assert.match(err, /^key-of-full: STORAGE_FAILED, .+\n$/)
  })

  await t.test('ends at once when it is interrupted, and says so', async () => {
    server.conversion.delay = 600_000
    await edit('slow')
    const isSlow = (entry: LogEntry): boolean =>
      entry.type === 'response' && (entry.body as { key?: string }).key === 'key-of-slow'
    const { child, ended } = backUp(env)
    await until(() => server.log.some(isSlow))
    child.kill('SIGINT')
    const { code, err } = await ended
    assert.equal(code, 130, err)
    assert.match(err, /^interrupted: what is missing was not saved$/m)
  })
})
