/** The doctor as a program: a real process against a simulated Docs server, a real application and a real Redis. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { describe, it } from 'node:test'
import { readSettings } from '../src/doctor/settings.js'
import { UsageError } from '../src/shell/arguments.js'
import { virtualClock } from '../src/testing/index.js'
import { SECRET } from './support/app.js'
import { runDoctor, scene, startDoctor } from './support/doctor.js'
import type { Exchange } from './support/front.js'
import { namesIn, table } from './support/readme.js'
import { startRedis } from './support/redis.js'

const OTHER = 'another-secret-another-secret-another'
const QUICK = ['--wait', '0.2', '--json']
const LIMIT = { timeout: 300_000, concurrency: 2 }

const versioned = ({ pass }: Exchange): Promise<void> =>
  pass({
    answer(passed) {
      passed.body = passed.body.replace(/"version":"[^"]*"/, '"version":"9.1.0.7"')
    },
  })

describe('what is well', LIMIT, () => {
  it('is said to be, and leaves no trace in the application', async (t) => {
    const redis = await startRedis('--appendfsync', 'everysec', '--requirepass', 'hunter2hunter2')
    t.after(redis.stop)
    const { url, callback, app } = await scene(t, { atServer: versioned })
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
        ...['nodes ok one', 'links skipped no-file'],
        ...['callback ok ours', 'callback ok same-secret', 'callback warn this-machine'],
        'reply ok arrives',
        ...['bodies ok arrive', 'bodies ok header-arrives'],
        ...['wait ok patient', 'wait skipped reply-unmeasured'],
        ...[
          'redis ok answers',
          'redis ok version',
          'redis ok keeps',
          'redis ok permits',
          'redis ok writes-each-second',
        ],
        ...['installed ok node', 'installed ok koa', 'installed ok bullmq', 'installed ok ioredis'],
      ],
    )
    assert.equal(code, 0)
    const documented = table('Doctor').map(([check]) => namesIn(check)[0])
    assert.deepEqual(documented, [...new Set(findings.map(({ check }) => check))])
    assert.deepEqual(heard, [])
    assert.deepEqual([...new Set(rejected)].sort(), [
      '200 koa-docs-callback.doctor',
      '400 without a key',
      '403 without a key',
    ])
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
    assert.deepEqual(found.of('secret'), ['fail expired'])
    assert.deepEqual(found.of('clock'), ['fail apart'])
    assert.match(found.findings.find(({ code }) => code === 'apart')?.what ?? '', /10 min ahead/)
    assert.deepEqual(found.of('license')[0], 'ok good', 'asked by the clock of the Docs server')
    assert.deepEqual(found.of('redis'), ['fail wrong-password'])
  })
})

describe('wrong usage', LIMIT, () => {
  const server = ['--server', 'http://127.0.0.1']

  it('ends with 2 and says what is allowed; help is no wrong usage', async () => {
    const none = await runDoctor({ args: [] })
    assert.deepEqual({ code: none.code, output: none.output }, { code: 2, output: '' })
    assert.match(none.errors, /^give one of the commands, before its options\n\nUsage: /)
    const wrong = await runDoctor({ args: ['doctor', ...server, '--wait', '60'] })
    assert.equal(wrong.code, 2)
    assert.match(wrong.errors, /^--wait: allowed are 0\.1 to 25 seconds\n.*--help/)
    const help = await runDoctor({ args: ['doctor', '--help'] })
    assert.deepEqual({ code: help.code, errors: help.errors }, { code: 0, errors: '' })
    assert.match(help.output, /^Usage: koa-docs-callback doctor/)
  })

  it('repeats nothing that may be secret', () => {
    const wrong: [string[], RegExp][] = [
      [[], /--server, or in DOCS_URL/],
      [['--server', 'http://user:hunter2@127.0.0.1'], /^--server: .*without credentials/],
      [['--server', 'hunter2'], /^--server: /],
      [[...server, '--callback', 'http://127.0.0.1/x?token=hunter2'], /^--callback: .*query/],
      [[...server, '--redis', 'hunter2'], /^--redis: give a URL/],
      [[...server, '--hunter2'], /does not exist/],
      [[...server, 'hunter2'], /something more/],
      [[...server, '--timeout', 'hunter2'], /1 to 300 seconds/],
      [[...server, '--secret', '-hunter2'], /^--secret: it lacks .* --option=value/],
      [[...server, '--secert', 'hunter2'], /does not exist; allowed are --server, --secret, /],
      [[...server, '--timeout'], /^--timeout: it lacks its value/],
      [[...server, '--redis', '--json'], /^--redis: it lacks its value/],
      [[...server, '--json=hunter2'], /^--json: it takes no value$/],
      [[...server, '--prefix', 'hunter2:'], /^--prefix: allowed are/],
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
