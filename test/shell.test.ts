/** The commands of operators as processes of their own, beside the storage app over a real Redis. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import { UsageError } from '../src/shell/arguments.js'
import { openClient } from '../src/shell/client.js'
import type { Command } from '../src/shell/command.js'
import { drop } from '../src/shell/commands/drop.js'
import { forcesave } from '../src/shell/commands/forcesave.js'
import { info } from '../src/shell/commands/info.js'
import { sessions } from '../src/shell/commands/sessions.js'
import { version } from '../src/shell/commands/version.js'
import { readSettings } from '../src/shell/settings.js'
import type { DocsServer, Editor } from '../src/testing/index.js'
import { SECRET } from './support/app.js'
import { environment } from './support/first-example.js'
import { leaveBehind } from './support/left-behind.js'
import { startRedis } from './support/redis.js'
import { createShell, SHELL, type Said } from './support/shell.js'
import { startStorageApp } from './support/storage-app.js'
import { until } from './support/until.js'

/** Against hangs only: every command is a process that compiles what it runs. */
const LIMIT = { timeout: 180_000, concurrency: 2 }

interface Desk {
  server: DocsServer
  shell: (...args: string[]) => Promise<Said>
  env: Record<string, string>
  /** Where the storage app keeps its files. */
  folder: string
  /** Opens the file of this index as its page does. */
  open: (index: number, user: string) => Promise<{ editor: Editor; key: string; ref: string }>
}

/** The storage app in a process of its own, and an operator's shell. */
async function startDesk(t: TestContext): Promise<Desk> {
  const redis = await startRedis('--requirepass', 'hunter2hunter2')
  const url = redis.url.replace('//', '//:hunter2hunter2@')
  const app = await startStorageApp(t, { REDIS_URL: url })
  t.after(redis.stop)
  const env = { DOCS_URL: app.server.url, DOCS_SECRET: SECRET, REDIS_URL: url }
  return {
    ...{ server: app.server, folder: app.folder, env },
    shell: createShell(env, [SECRET, 'hunter2']),
    async open(index, user) {
      const page = await (await fetch(app.url)).text()
      const ids = [...page.matchAll(/href="\/files\/([^"/]+)"/g)].map(([, id = '']) => id)
      const ref = ids[index] ?? assert.fail('there is no such file')
      const response = await fetch(`${app.url}/files/${ref}/config`)
      const { document, editorConfig } = (await response.json()) as {
        document: { key: string }
        editorConfig: { callbackUrl: string }
      }
      const { key } = document
      const editor = await app.server.open(key, { user, callbackUrl: editorConfig.callbackUrl })
      return { editor, key, ref }
    },
  }
}

describe('forcesave', LIMIT, () => {
  it('ends when the running application has stored the file, with 0', async (t) => {
    const { shell, open, folder } = await startDesk(t)
    const { editor, key, ref } = await open(0, 'ann')
    editor.type('before the reboot')
    const saved = await shell('forcesave', key)
    assert.deepEqual([saved.code, saved.errors], [0, ''])
    assert.equal(saved.output, `✓ ${key}  saved {"version":2}\n1 saved\n`)
    const record = await readFile(join(folder, ref, 'file.json'), 'utf8')
    assert.equal((JSON.parse(record) as { versions: unknown[] }).versions.length, 2)

    editor.type('once more')
    const { code, json } = await shell('forcesave', key, '--json', '--timeout', '20')
    assert.equal(code, 0)
    assert.deepEqual(json['counts'], { saved: 1, unchanged: 0, uncertain: 0, failed: 0 })
    const [result] = json['results'] as Record<string, unknown>[]
    assert.deepEqual(
      [result?.['key'], result?.['outcome'], result?.['certain'], result?.['stored']],
      [key, 'saved', true, { version: 3 }],
    )
  })

  it('--all saves all that is open; with nothing new to save it says that it is not certain: 3', async (t) => {
    const { shell, open } = await startDesk(t)
    const [one, two] = [await open(0, 'ann'), await open(1, 'ben')]
    one.editor.type('by ann')
    two.editor.type('by ben')
    const all = await shell('forcesave', '--all')
    assert.equal(all.code, 0, all.output + all.errors)
    const lines = all.output.trimEnd().split('\n')
    assert.deepEqual(
      lines.slice(0, 2).sort(),
      [one.key, two.key].map((key) => `✓ ${key}  saved {"version":2}`).sort(),
    )
    assert.equal(lines[2], '2 saved')
    const again = await shell('forcesave', one.key)
    assert.equal(again.code, 3)
    assert.match(
      again.output,
      /^\? .+ {2}nothing to save \(no-changes\), not certain: others-may-save\n/,
    )
    assert.match(again.output, /\n1 unchanged, 1 not certain\n$/)
  })

  it('fails with 1 for one document and saves the others, which a script can rest on', async (t) => {
    const { shell, open, server, env } = await startDesk(t)
    const [one, two] = [await open(0, 'ann'), await open(1, 'ben')]
    one.editor.type('by ann')
    two.editor.type('by ben')
    server.conversion.fails = ({ key }) => key === two.key
    const { code, json } = await shell('forcesave', '--all', '--json')
    assert.equal(code, 1)
    assert.deepEqual(json['counts'], { saved: 1, unchanged: 0, uncertain: 0, failed: 1 })
    const failed = (json['results'] as { key: string; error?: { code: string } }[]).find(
      ({ error }) => error !== undefined,
    )
    assert.deepEqual([failed?.key, failed?.error?.code], [two.key, 'CONVERSION_FAILED'])

    server.conversion.fails = false
    for (const { editor } of [one, two]) editor.type('more')
    const program = [process.execPath, ...SHELL].join(' ')
    const script = `${program} forcesave --all && echo rebooting`
    const { stdout } = await promisify(execFile)('sh', ['-c', script], {
      env: { ...environment(), ...env },
    })
    assert.match(stdout, /\n2 saved\nrebooting\n$/)
  })

  it('of a Redis where no such application is says so instead of finding nothing open', async (t) => {
    const { shell, open } = await startDesk(t)
    await open(0, 'ann')
    const other = await shell('forcesave', '--all', '--prefix', 'other')
    assert.deepEqual([other.code, other.output], [1, ''])
    assert.match(other.errors, /^UNREACHABLE: no application with the prefix "other" .*--prefix/)
    const away = await shell('forcesave', '--all', '--json', '--redis', 'redis://127.0.0.1:1')
    assert.equal(away.code, 1)
    const { code, message } = away.json['error'] as { code: string; message: string }
    assert.equal(code, 'UNREACHABLE')
    assert.match(message, /^Redis: it refuses the connection/)
  })
})

describe('the other commands', LIMIT, () => {
  it('info, sessions and drop: who edits, and no longer', async (t) => {
    const { shell, open } = await startDesk(t)
    const { key, ref, editor } = await open(0, 'ann')
    editor.type('kept')
    const asked = await shell('info', key, 'nobody-knows-it')
    assert.equal(asked.code, 0, asked.errors)
    assert.equal(asked.output, `✓ ${key}  editing by ann\n✓ nobody-knows-it  not-known\n`)

    const listed = await shell('sessions')
    assert.equal(listed.code, 0)
    assert.match(listed.output, new RegExp(`^✓ ${key} {2}${ref} {2}since \\S+Z by ann\\n$`))
    const { json } = await shell('sessions', '--json')
    const [session] = json['sessions'] as Record<string, unknown>[]
    assert.deepEqual(
      { ...session, since: '' },
      { key, ref, users: ['ann'], since: '', certain: true },
    )

    const nobody = await shell('drop', key, '--user', 'ben')
    assert.deepEqual([nobody.code, editor.connected], [0, true])
    const everybody = await shell('drop', key)
    assert.deepEqual(
      [everybody.code, everybody.output],
      [0, `✓ ${key}  everybody will be disconnected\n`],
    )
    await until(() => !editor.connected)
    await until(async () => (await shell('sessions')).output === 'nothing is open\n')
  })

  it('license and version need no Redis', async (t) => {
    const { env } = await startDesk(t)
    const { REDIS_URL: _redis, ...alone } = env as typeof env & { REDIS_URL: string }
    const shell = createShell(alone, [SECRET])
    const said = await shell('version')
    assert.equal(said.code, 0, said.errors)
    assert.match(said.output, /^\d+\.\d+[\d.]*\n$/)
    const license = await shell('license')
    assert.match(license.output, /^license\.\w+: /m)
    const { json } = await shell('license', '--json')
    assert.deepEqual(Object.keys(json), ['command', 'exit', 'license', 'server', 'quota'])
  })

  it('forgotten lists what nobody took; recover stores what it knows the ref of', async (t) => {
    const { shell, server } = await startDesk(t)
    const { leave } = await leaveBehind(t, server)
    assert.equal((await shell('forgotten')).output, 'there is no forgotten file\n')
    await leave('lost-1')
    assert.equal((await shell('forgotten')).output, 'lost-1\n')
    const link = await shell('forgotten', 'lost-1', '--json')
    const [file] = link.json['files'] as { url: string }[]
    assert.equal((await fetch(file?.url ?? '')).status, 200)
    assert.equal((await shell('forgotten', 'lost-2')).code, 1)

    const left = await shell('recover')
    assert.deepEqual([left.code, left.output], [3, '? lost-1  left (unknown-ref)\n1 left\n'])
    const folder = await mkdtemp(join(tmpdir(), 'shell-'))
    t.after(() => rm(folder, { recursive: true }))
    const module = join(folder, 'docs-options.mjs')
    await writeFile(module, "export const options = { refOf: () => 'welcome' }\n")
    const found = await shell('recover', '--options', module, '--json')
    assert.equal(found.code, 0, found.output + found.errors)
    assert.deepEqual(found.json['results'], [{ key: 'lost-1', outcome: 'recovered' }])
    assert.deepEqual(server.forgotten, [])
  })
})

describe('wrong usage', LIMIT, () => {
  const server = ['--server', 'http://127.0.0.1']
  const redis = ['--redis', 'redis://127.0.0.1:1']

  /** What is said of it before anything is asked. */
  async function refusal(command: Command, args: string[], env = {}): Promise<string> {
    try {
      const settings = await readSettings(command, args, { DOCS_SECRET: SECRET, ...env })
      assert.ok(settings)
      await openClient(command, settings)
    } catch (error) {
      assert.ok(error instanceof UsageError, String(error))
      return error.message
    }
    return assert.fail(`${args.join(' ')}: it was taken`)
  }

  it('names the option and repeats nothing that may be secret', async () => {
    const wrong: [Command, string[], RegExp][] = [
      [forcesave, [...server, ...redis], /^give the document keys behind `forcesave`, or --all/],
      [forcesave, ['k', '--all'], /^--all: give it, or keys/],
      [info, ['--all'], /option that does not exist; allowed are --server, --redis, /],
      [drop, ['k', 'l'], /^give one document key behind `drop`/],
      [sessions, ['hunter2'], /^there is something more behind `sessions`/],
      [sessions, server, /^give --redis, or REDIS_URL: sessions needs the Redis/],
      [version, [], /--server, or in DOCS_URL/],
      [version, ['--server', 'http://u:hunter2@h'], /^--server: .*without credentials/],
      [version, [...server, '--timeout', 'hunter2'], /^--timeout: allowed are 0.1 to 86400/],
      [version, [...server, '--timeout'], /^--timeout: it lacks its value/],
      [version, [...server, '--timeout', '--json'], /^--timeout: it lacks its value/],
      [version, [...server, '--json=hunter2'], /^--json: it takes no value/],
      [version, [...server, '--hunter2'], /option that does not exist/],
      [sessions, [...server, '--redis', 'hunter2'], /^--redis: give a URL/],
      [sessions, [...server, ...redis, '--prefix', 'a b'], /^prefix: /],
      [version, [...server, '--options', '/hunter2'], /^--options: .*ERR_MODULE_NOT_FOUND/],
    ]
    for (const [command, args, expected] of wrong) {
      const message = await refusal(command, args)
      assert.match(message, expected)
      assert.doesNotMatch(message, /hunter2/)
    }
    assert.match(await refusal(version, server, { DOCS_SECRET: '' }), /^set DOCS_SECRET/)
    assert.match(await refusal(version, server, { DOCS_SECRET: 'weak' }), /^secret: /)
  })

  it('ends with 2 and says where help is', async () => {
    const shell = createShell({ DOCS_SECRET: SECRET }, [SECRET, 'hunter2'])
    const none = await shell('hunter2')
    assert.deepEqual([none.code, none.output], [2, ''])
    assert.match(none.errors, /^give one of the commands, before its options\n\nUsage: /)
    const one = await shell('info', '--all')
    assert.deepEqual([one.code, one.output], [2, ''])
    assert.match(one.errors, /\nkoa-docs-callback info --help tells all options\n$/)
  })

  it('is not --help or --version', async () => {
    const shell = createShell({})
    const help = await shell('--help')
    assert.deepEqual([help.code, help.errors], [0, ''])
    for (const name of [
      'doctor',
      'forcesave',
      'info',
      'sessions',
      'recover',
      'forgotten',
      'drop',
    ]) {
      assert.match(help.output, new RegExp(`^  ${name} +\\S`, 'm'))
    }
    const own = await shell('forcesave', '--help')
    assert.match(own.output, /^Usage: koa-docs-callback forcesave KEY… \| --all\n/)
    assert.match((await shell('--version')).output, /^\d+\.\d+\.\d+\n$/)
  })
})
