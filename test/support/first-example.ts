/** The first example of the README or a guide as a user runs it: another process, driven over HTTP. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import jwt from 'jsonwebtoken'
import { editsIn, startDocsServer, type DocsServer } from '../../src/testing/index.js'
import { SECRET } from './app.js'
import { linesIn } from './lines-in.js'

interface Program {
  /** The folder that it runs in. */
  folder: string
  /** Which Node; default: this one. */
  program?: string
  /** Its arguments. */
  args: string[]
  env?: Record<string, string>
  /** Where it gives the editor's config, saves, and serves the file. Default: the README's. */
  paths?: { config: string; save: string; file: string }
  /** How it ends at SIGTERM, where it ends by itself. */
  exitCode?: number
}

const README_PATHS = { config: '/config', save: '/save', file: '/report.docx' }

interface Config {
  document: { key: string; permissions: object }
  editorConfig: { callbackUrl: string; mode: string }
  token: string
}

/** Runs it through a session: type, save, nothing new, type, close. Answers what it has printed. */
export async function playFirstExample({
  folder,
  args,
  program = process.execPath,
  env = {},
  paths = README_PATHS,
  exitCode,
}: Program): Promise<string> {
  await using server = await startDocsServer({ secret: SECRET })
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const child = spawn(program, args, {
    cwd: folder,
    env: {
      ...environment(),
      ...env,
      ...{ DOCS_URL: server.url, DOCS_SECRET: SECRET, PORT: String(port), PUBLIC_URL: url },
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let printed = ''
  child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (printed += chunk.toString()))
  const ended = once(child, 'close')
  const stored = (): Promise<Buffer> => readFile(join(folder, 'files', 'report.docx'))
  const save = async (): Promise<Record<string, unknown>> =>
    (await fetch(url + paths.save, { method: 'POST' })).json() as never
  const config = async (): Promise<Config> => (await fetch(url + paths.config)).json() as never

  try {
    await listening(url, () => {
      assert.equal(child.exitCode, null, `the example has ended:\n${printed}`)
    })
    const { document, editorConfig, token } = await config()
    const signed = jwt.verify(token, SECRET) as Config
    // Without them a Docs server refuses the editor (`docs-server.md`, "The editor's token").
    for (const shown of [{ document, editorConfig }, signed]) {
      assert.deepEqual(shown.document.permissions, {})
      assert.equal(shown.editorConfig.mode, 'edit')
    }
    const editor = await server.open(document.key, {
      user: 'ann',
      callbackUrl: editorConfig.callbackUrl,
    })

    editor.type('hello')
    const saved = await save()
    const bytes = await stored()
    assert.equal(linesIn(bytes), '1 ann hello\n')
    const { lastSave, ref = 'report.docx', ...rest } = saved
    assert.equal(ref, 'report.docx', 'where it is opened by its file')
    assert.deepEqual(rest, {
      ...{ outcome: 'saved', key: document.key, stored: { size: bytes.length }, certain: true },
      ...{ final: false, trigger: 'command', filetype: 'docx', users: ['ann'] },
    })
    assert.equal(Number.isNaN(Date.parse(String(lastSave))), false)
    const download = await fetch(url + paths.file)
    assert.deepEqual(Buffer.from(await download.arrayBuffer()), bytes)

    const { outcome, reason } = await save()
    assert.deepEqual({ outcome, reason }, { outcome: 'unchanged', reason: 'no-changes' })

    editor.type('goodbye')
    await editor.close()
    await server.idle()
    assert.deepEqual(editsIn(await stored()), [1, 2])
    const next = await config()
    assert.notEqual(next.document.key, document.key, 'the final save ends the key')
    await openInPage(server, next)
    if (exitCode !== undefined) {
      child.kill()
      await ended
      assert.equal(child.exitCode, exitCode, printed)
    }
    return printed
  } finally {
    child.kill()
    await ended
  }
}

/** As the page's `DocEditor` does: the Docs server looks at the token before it opens anything. */
async function openInPage(server: DocsServer, config: Config): Promise<void> {
  const post = async (action: string, body: object): Promise<{ session?: string }> => {
    const url = `${server.url}/web-apps/apps/simulated/${action}`
    const response = await fetch(url, { method: 'POST', body: JSON.stringify(body) })
    return (await response.json()) as { session?: string }
  }
  const { session, ...refused } = await post('open', config)
  assert.ok(session, `the Docs server refuses the editor: ${JSON.stringify(refused)}`)
  await post('close', { session })
  await server.idle()
}

/** For a process of its own: node's test runner tells its children by a variable that they are such. */
export function environment(): NodeJS.ProcessEnv {
  const { NODE_TEST_CONTEXT: _context, NODE_OPTIONS: _options, ...rest } = process.env
  return rest
}

async function freePort(): Promise<number> {
  const listener = createServer().listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const { port } = listener.address() as AddressInfo
  listener.close()
  await once(listener, 'close')
  return port
}

/** A process tells nobody that it listens: asked until it answers. */
async function listening(url: string, check: () => void): Promise<void> {
  for (;;) {
    check()
    const answered = await fetch(url).then(
      () => true,
      () => false,
    )
    if (answered) return
    await pause(20)
  }
}
