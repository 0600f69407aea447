/** The doctor: a real process against a simulated Docs server, a real application and a real Redis. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { createServer as createHttpsServer } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { readSettings, UsageError } from '../src/doctor/settings.js'
import { startDocsServer, virtualClock, type DocsServerOptions } from '../src/testing/index.js'
import { SECRET, startApp, type AppOptions } from './support/app.js'
import { SELF_SIGNED } from './support/certificate.js'
import { runDoctor, startDoctor } from './support/doctor.js'
import { startFront, type Exchange } from './support/front.js'
import { leaveBehind } from './support/left-behind.js'
import { namesIn, table } from './support/readme.js'
import { freePort, startRedis } from './support/redis.js'

const OTHER = 'another-secret-another-secret-another'
const QUICK = ['--wait', '0.2', '--json']
const LIMIT = { timeout: 120_000, concurrency: 2 }

/** A Docs server and an application, each behind something, or bare. */
async function scene(
  t: TestContext,
  options: {
    server?: DocsServerOptions
    app?: Partial<AppOptions>
    atServer?: (exchange: Exchange) => void | Promise<void>
    atApp?: (exchange: Exchange) => void | Promise<void>
  } = {},
) {
  const server = await startDocsServer({ secret: SECRET, ...options.server })
  const app = await startApp({ server: server.url, ...options.app })
  const [there, here] = await Promise.all([
    options.atServer && startFront(server.url, options.atServer),
    options.atApp && startFront(app.url, options.atApp),
  ])
  t.after(async () => {
    await Promise.all([there?.[Symbol.asyncDispose](), here?.[Symbol.asyncDispose]()])
    await Promise.all([server.close(), app.close()])
  })
  const appUrl = here?.url ?? app.url
  return {
    server,
    url: there?.url ?? server.url,
    route: `${appUrl}/docs/callback`,
    callback: app.docs.callbackUrl('report').replace(app.url, appUrl),
    app,
  }
}

/** Every answer to the command `name` is changed like this. */
const rewriting =
  (change: (response: Record<string, unknown>) => object) =>
  ({ pass }: Exchange): Promise<void> =>
    pass({
      answer(passed) {
        if (!passed.body.startsWith('{')) return
        const response = JSON.parse(passed.body) as Record<string, unknown>
        passed.body = JSON.stringify({ ...response, ...change(response) })
      },
    })

const versioned = (version: string) =>
  rewriting((response) => ('version' in response ? { version } : {}))

describe('what is well', LIMIT, () => {
  it('is said to be, and leaves no trace in the application', async (t) => {
    const redis = await startRedis('--appendfsync', 'everysec', '--requirepass', 'hunter2hunter2')
    t.after(redis.stop)
    const { url, callback, app } = await scene(t, { atServer: versioned('9.1.0.7') })
    const rejected: (string | undefined)[] = []
    const heard: string[] = []
    app.docs.on('rejected', ({ status, key }) =>
      rejected.push(`${status} ${key ?? 'without a key'}`),
    )
    app.docs.on('editing', () => heard.push('editing'))
    app.docs.on('saving', () => heard.push('saving'))
    const { code, findings } = await runDoctor({
      args: [
        'doctor',
        '--server',
        url,
        '--callback',
        callback,
        '--redis',
        redis.url.replace('//', '//:hunter2hunter2@'),
        ...QUICK,
      ],
      env: { DOCS_SECRET: SECRET },
      hidden: [SECRET, 'hunter2'],
    })
    assert.deepEqual(
      findings.map(({ check, level, code }) => `${check} ${level} ${code}`),
      [
        ...['address ok well', 'commands ok current', 'secret ok right', 'clock ok agree'],
        ...['version ok current', 'license ok good', 'license ok connections', 'forgotten ok none'],
        ...['callback ok ours', 'callback ok same-secret', 'callback warn this-machine'],
        ...['bodies ok arrive', 'bodies ok header-arrives'],
        ...['wait ok patient', 'wait skipped reply-unmeasured'],
        ...[
          'redis ok answers',
          'redis ok version',
          'redis ok keeps',
          'redis ok writes-each-second',
        ],
        ...['installed ok node', 'installed ok koa', 'installed ok bullmq', 'installed ok ioredis'],
      ],
    )
    assert.equal(code, 0)
    const documented = table('Doctor').map(([check]) => namesIn(check)[0])
    assert.deepEqual(documented, [...new Set(findings.map(({ check }) => check))])
    assert.deepEqual(heard, [])
    assert.deepEqual([...new Set(rejected)].sort(), ['400 without a key', '403 without a key'])
    for await (const { key } of app.docs.sessions()) assert.fail(`${key} counts as open`)
  })

  it('and what is not is a list for people, with what to do', async (t) => {
    const { url } = await scene(t)
    const { code, output, errors } = await runDoctor({
      args: ['doctor', '--server', url],
      env: { DOCS_SECRET: `${OTHER}\n${SECRET}` },
      hidden: [SECRET, OTHER],
    })
    assert.equal(code, 1)
    assert.equal(errors, '')
    assert.match(output, /^ {2}✓ address /m)
    assert.match(output, /^ {2}! version .*4\.1\.2\.37/m, 'a build from source')
    assert.match(output, /^ {2}✗ secret .*\(error 6\)/m)
    assert.match(output, /^ +fix: put the one that the Docs server uses first/m)
    assert.match(output, /^ {2}- callback .*--callback/m)
    assert.match(output, /\n1 problem, 1 warning, \d+ fine, \d+ not looked at\n$/)
    assert.equal(output.includes('\u001b'), false, 'colours are for terminals')
  })
})

describe('the Docs server', LIMIT, () => {
  it('that is not there: what rests on it is skipped, the rest is looked at', async (t) => {
    const { callback } = await scene(t)
    const port = await freePort()
    const found = await runDoctor({
      args: [
        'doctor',
        '--server',
        `http://127.0.0.1:${port}`,
        '--callback',
        callback,
        '--redis',
        `redis://u:hunter2@127.0.0.1:${port}`,
        ...QUICK,
      ],
      env: { DOCS_SECRET: SECRET },
      hidden: [SECRET, 'hunter2'],
    })
    assert.deepEqual(found.of('address'), ['fail refused'])
    for (const check of ['commands', 'secret', 'clock', 'version', 'license', 'forgotten']) {
      assert.match(found.of(check).join(), /^skipped [\w-]+$/, check)
    }
    assert.deepEqual(found.of('callback').slice(0, 2), ['ok ours', 'ok same-secret'])
    assert.deepEqual(found.of('redis'), ['fail refused'])
  })

  it('that never answers ends the check by its deadline, and Ctrl-C everything at once', async (t) => {
    const silent = createServer().listen(0, '127.0.0.1')
    await once(silent, 'listening')
    t.after(() => silent.close())
    const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`
    const args = ['doctor', '--server', url, '--redis', url.replace('http', 'redis')]
    const found = await runDoctor({
      args: [...args, '--callback', url, '--timeout', '1', '--json'],
    })
    assert.deepEqual(found.of('address'), ['fail timeout'])
    assert.deepEqual(found.of('callback'), ['fail timeout'])
    assert.deepEqual(found.of('redis'), ['fail timeout'])

    const child = startDoctor({ args: [...args, '--timeout', '300'] })
    const ended = once(child, 'close')
    await once(child.stdout, 'data')
    child.kill('SIGINT')
    assert.deepEqual(await ended, [null, 'SIGINT'])
  })

  it('behind https where there is none, and a callback behind a certificate of nobody', async (t) => {
    const { url } = await scene(t)
    const listener = createHttpsServer(SELF_SIGNED, (_request, response) => response.end('true'))
    listener.listen(0, '127.0.0.1')
    await once(listener, 'listening')
    t.after(() => listener.close())
    const { port } = listener.address() as AddressInfo
    const secure = url.replace('http:', 'https:')
    const args = ['doctor', '--server', secure, '--callback', `https://localhost:${port}/x`]
    const found = await runDoctor({ args: [...args, ...QUICK] })
    assert.deepEqual(found.of('address'), ['fail tls'])
    assert.deepEqual(found.of('callback'), ['fail certificate'])
  })

  it('behind a redirect, and a callback that is redirected for a slash', async (t) => {
    const away = ({ request, response }: Exchange): void => {
      const location = `https://${request.headers.host ?? ''}${request.url ?? ''}?token=hunter2`
      response.writeHead(301, { location }).end()
    }
    const { url, callback } = await scene(t, {
      atServer: away,
      atApp: ({ path, response }) => void response.writeHead(308, { location: `${path}/` }).end(),
    })
    const found = await runDoctor({
      args: ['doctor', '--server', url, '--callback', callback, ...QUICK],
      hidden: ['hunter2'],
    })
    const { findings, of } = found
    assert.deepEqual([of('address'), of('commands')], [['fail redirected'], ['fail redirected']])
    assert.deepEqual([of('callback')[0], of('bodies')], ['fail redirected', ['skipped not-ours']])
    const redirects = findings.filter(({ code }) => code === 'redirected').map(({ what }) => what)
    assert.match(redirects.join('\n'), /from http: to https:.*\n.*\n.*slash/s)
  })

  it('behind a log-in page, and so the callback', async (t) => {
    const page = ({ response }: Exchange): void => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><p>Log in')
    }
    const { url, callback } = await scene(t, { atServer: page, atApp: page })
    const found = await runDoctor({
      args: ['doctor', '--server', url, '--callback', callback, ...QUICK],
    })
    assert.deepEqual(found.of('address'), ['fail web-page'])
    assert.deepEqual(found.of('commands'), ['fail none'])
    assert.equal(found.of('callback')[0], 'fail web-page')
  })

  it('that is old, with a licence that has run out and files that nobody took', async (t) => {
    const licensed = rewriting(({ license, quota }) => {
      if (license === undefined) return {}
      const users = ['a', 'b'].map((userid) => ({ userid, expire: '2999-01-01T00:00:00.000Z' }))
      return {
        license: { ...(license as object), end_date: '2020-02-02T00:00:00.000Z', users_count: 2 },
        quota: { ...(quota as object), users },
      }
    })
    const { server, url } = await scene(t, {
      server: { legacyOnly: true },
      atServer: async (exchange) => {
        const body = (sent: string): string => {
          const { token: _token, ...rest } = JSON.parse(sent) as Record<string, unknown>
          return JSON.stringify(rest)
        }
        if (exchange.request.method !== 'POST') return exchange.pass()
        // Whatever the command, the token in the body is lost.
        const { pass } = exchange
        await licensed({ ...exchange, pass: (change) => pass({ ...change, body }) })
      },
    })
    await (await leaveBehind(t, server)).leave('one', 'two')
    const found = await runDoctor({
      args: ['doctor', '--server', url, '--json'],
      env: { DOCS_SECRET: SECRET },
      hidden: [SECRET],
    })
    assert.deepEqual(found.of('commands'), ['warn older-only'])
    assert.deepEqual(found.of('secret'), ['fail header-only'])
    assert.deepEqual(found.of('license'), ['fail expired', 'fail full'])
    assert.deepEqual(found.of('forgotten'), ['warn some'])
    assert.match(found.findings.find(({ code }) => code === 'some')?.what ?? '', /^2 final saves/)
  })

  it('that says terrible things about itself: they are shown in one harmless line', async (t) => {
    const { url } = await scene(t, {
      atServer: async ({ pass }) => {
        let sent = ''
        await pass({
          body: (text) => (sent = text),
          answer(passed) {
            if (!passed.body.includes('version')) return
            const { token = '' } = JSON.parse(sent) as { token?: string }
            const version = `8.1 \u001b[31m\n${token} https://u:hunter2@x/?key=hunter2`
            passed.body = JSON.stringify({ error: 0, version })
          },
        })
      },
    })
    const found = await runDoctor({
      args: ['doctor', '--server', url, '--json'],
      env: { DOCS_SECRET: SECRET },
      hidden: [SECRET, 'hunter2', '\\u001b', '\u001b'],
    })
    assert.deepEqual(found.of('version'), ['warn older'])
    const { what = '', why } = found.findings.find(({ check }) => check === 'version') ?? {}
    assert.match(what, /^8\.1 /)
    assert.match(why ?? '', /before 9\.0 .* before 8\.3 .* before 8\.2 /)
  })
})

describe('the secret', LIMIT, () => {
  it('is wrong, weak and in the arguments; the application has another one', async (t) => {
    const { url, callback } = await scene(t)
    const found = await runDoctor({
      args: ['doctor', '--server', url, '--callback', callback, '--secret', 'pa55word', ...QUICK],
      hidden: [SECRET, 'pa55word'],
    })
    assert.deepEqual(found.of('secret'), ['warn in-arguments', 'fail weak', 'fail wrong'])
    assert.deepEqual(found.of('callback').slice(0, 2), ['ok ours', 'fail other-secret'])
    assert.deepEqual(found.of('version'), ['skipped not-told'])
  })

  it('is being changed, and the Docs server still has the old one; Redis is set up badly', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'doctor-'))
    t.after(() => rm(folder, { recursive: true, force: true }))
    const file = join(folder, 'secrets')
    await writeFile(file, `${OTHER}\n${SECRET}\n`)
    const redis = await startRedis(
      ...['--maxmemory-policy', 'allkeys-lru', '--appendonly', 'no'],
      ...['--replicaof', `127.0.0.1 ${await freePort()}`],
    )
    t.after(redis.stop)
    const { url, route } = await scene(t)
    const found = await runDoctor({
      args: ['doctor', '--server', url, '--callback', route, '--secret-file', file, ...QUICK],
      env: { REDIS_URL: redis.url },
      hidden: [SECRET, OTHER],
    })
    assert.deepEqual(found.of('secret'), ['fail wrong-order'])
    assert.deepEqual(found.of('license')[0], 'ok good', 'asked with the one that is right')
    assert.deepEqual(found.of('callback').slice(0, 2), ['ok ours', 'ok same-secret'])
    assert.deepEqual(found.of('redis'), [
      ...['ok answers', 'ok version', 'warn evicts', 'fail replica', 'warn forgets'],
    ])
  })

  it('was given, and tokens are off at both sides', async (t) => {
    const { url, callback } = await scene(t, {
      server: { secret: undefined } as unknown as DocsServerOptions,
      app: { secret: null },
    })
    const found = await runDoctor({
      args: ['doctor', '--server', url, '--callback', callback, ...QUICK],
      env: { DOCS_SECRET: SECRET },
      hidden: [SECRET],
    })
    assert.deepEqual(found.of('secret'), ['fail off-there'])
    assert.deepEqual(found.of('callback').slice(0, 2), ['ok ours', 'fail off-here'])

    const without = await runDoctor({
      args: ['doctor', '--server', url, '--callback', callback, ...QUICK],
    })
    assert.deepEqual(without.of('secret'), ['warn off'])
    assert.deepEqual(without.of('callback').slice(0, 2), ['ok ours', 'warn off'])
    assert.equal(without.code, 0)
  })

  it('was not given, and the Docs server and Redis want one', async (t) => {
    const redis = await startRedis('--requirepass', 'hunter2hunter2')
    t.after(redis.stop)
    const { url, route } = await scene(t)
    const args = ['doctor', '--server', url, '--callback', route, ...QUICK]
    const found = await runDoctor({ args: [...args, '--redis', redis.url] })
    assert.deepEqual(found.of('secret'), ['fail not-given'])
    assert.deepEqual(found.of('callback')[0], 'ok ours')
    assert.deepEqual(found.of('redis'), ['fail no-password'])
  })

  it('is right, and the clocks are ten minutes apart', async (t) => {
    const clock = virtualClock(Date.now() + 600_000)
    const { url } = await scene(t, { server: { clock } })
    const redis = await startRedis('--requirepass', 'hunter2hunter2')
    t.after(redis.stop)
    const found = await runDoctor({
      args: [
        'doctor',
        '--server',
        url,
        '--secret',
        '-',
        '--redis',
        redis.url.replace('//', '//:wr0ng-pass@'),
        ...QUICK,
      ],
      input: `${SECRET}\n`,
      hidden: [SECRET, 'wr0ng-pass'],
    })
    assert.deepEqual(found.of('secret'), ['ok right', 'fail expired'])
    assert.deepEqual(found.of('clock'), ['fail apart'])
    assert.match(found.findings.find(({ code }) => code === 'apart')?.what ?? '', /10 min ahead/)
    assert.deepEqual(found.of('license')[0], 'ok good', 'asked by the clock of the Docs server')
    assert.deepEqual(found.of('redis'), ['fail wrong-password'])
  })
})

describe('the callback address', LIMIT, () => {
  it('behind a proxy that cuts bodies, headers and waits', async (t) => {
    const { url, callback } = await scene(t, {
      // Its clock is half a minute behind, or somebody says so.
      atServer: ({ pass }) =>
        pass({
          answer: ({ headers }) =>
            void (headers['date'] = new Date(Date.now() - 30_000).toUTCString()),
        }),
      atApp({ request, response, pass }) {
        const { authorization = '', 'content-length': length = '0' } = request.headers
        if (authorization.length > 4096) return void response.writeHead(431).end()
        if (Number(length) > 100_000) {
          return void response.writeHead(413, { connection: 'close' }).end('<html>too large')
        }
        const impatience = setTimeout(() => request.socket.destroy(), 300)
        request.on('end', () => clearTimeout(impatience))
        return pass()
      },
    })
    const found = await runDoctor({
      args: ['doctor', '--server', url, '--callback', callback, '--wait', '5', '--json'],
      env: { DOCS_SECRET: SECRET },
      hidden: [SECRET],
    })
    assert.deepEqual(found.of('clock'), ['warn drifting'])
    assert.deepEqual(found.of('bodies'), ['fail too-long', 'warn header-refused'])
    assert.deepEqual(found.of('wait'), ['fail cut', 'skipped reply-unmeasured'])
  })

  it('of an application that takes short bodies only, and of none at all', async (t) => {
    const { url, callback, route } = await scene(t, { app: { maxBody: 64 * 1024 } })
    const found = await runDoctor({
      args: ['doctor', '--server', url, '--callback', callback, ...QUICK],
      env: { DOCS_SECRET: SECRET },
    })
    assert.deepEqual(found.of('bodies'), ['fail max-body', 'ok header-arrives'])
    const nothing = await runDoctor({
      args: [
        'doctor',
        '--server',
        url,
        '--callback',
        route.replace('callback', 'nothing'),
        ...QUICK,
      ],
      env: { DOCS_SECRET: SECRET },
    })
    assert.equal(nothing.of('callback')[0], 'fail not-found')
  })
})

describe('wrong usage', LIMIT, () => {
  const server = ['doctor', '--server', 'http://127.0.0.1']

  it('ends with 2 and says what is allowed; help is no wrong usage', async () => {
    const none = await runDoctor({ args: [] })
    assert.deepEqual({ code: none.code, output: none.output }, { code: 2, output: '' })
    assert.match(none.errors, /^give the command `doctor`\n\nUsage: /)
    const wrong = await runDoctor({ args: [...server, '--wait', '60'] })
    assert.equal(wrong.code, 2)
    assert.match(wrong.errors, /^--wait: allowed are 0\.1 to 25 seconds\n.*--help/)
    const help = await runDoctor({ args: ['doctor', '--help'] })
    assert.deepEqual({ code: help.code, errors: help.errors }, { code: 0, errors: '' })
    assert.match(help.output, /^Usage: koa-docs-callback doctor/)
  })

  it('repeats nothing that may be secret', () => {
    const wrong: [string[], RegExp][] = [
      [['doctor'], /--server, or in DOCS_URL/],
      [['hunter2'], /give the command/],
      [['doctor', '--server', 'http://user:hunter2@127.0.0.1'], /^--server: .*without credentials/],
      [['doctor', '--server', 'hunter2'], /^--server: /],
      [[...server, '--callback', 'http://127.0.0.1/x?token=hunter2'], /^--callback: .*query/],
      [[...server, '--redis', 'hunter2'], /^--redis: give a URL/],
      [[...server, '--hunter2'], /does not exist/],
      [[...server, 'hunter2'], /something more/],
      [[...server, '--timeout', 'hunter2'], /1 to 300 seconds/],
      [[...server, '--secret', '-hunter2'], /written --option=value/],
      [[...server, '--secret-file', '/hunter2'], /cannot be read: ENOENT/],
      [[...server, '--secret', ''], /empty/],
      [
        [...server, ...['1', '2', '3'].map((one) => `--secret=hunter2${one}`)],
        /one secret, or two/,
      ],
    ]
    for (const [args, expected] of wrong) {
      assert.throws(
        () => readSettings(args, {}),
        (error: Error) => {
          assert.match(error.message, expected)
          assert.doesNotMatch(error.message, /hunter2/)
          return error instanceof UsageError
        },
        args.join(' '),
      )
    }
  })
})
