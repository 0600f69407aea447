/** Each finding of the doctor, provoked once: real servers, and what stands in front of them. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer as createHttpsServer } from 'node:https'
import { connect, createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { hostFinding } from '../src/doctor/hosts.js'
import type { DocsServerOptions } from '../src/testing/index.js'
import { SECRET } from './support/app.js'
import { SELF_SIGNED } from './support/certificate.js'
import { examineHere, scene } from './support/doctor.js'
import { startFront, type Exchange } from './support/front.js'
import { install } from './support/installed.js'
import { leaveBehind } from './support/left-behind.js'
import { freePort, startRedis } from './support/redis.js'

const OTHER = 'another-secret-another-secret-another'
const QUICK = ['--wait', '0.2']
const LIMIT = { timeout: 300_000 }

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

const reply =
  (status: number, body = '', headers: Record<string, string> = {}) =>
  ({ response }: Exchange): void =>
    void response.writeHead(status, headers).end(body)

describe('the Docs server', LIMIT, () => {
  it('that is not there: what rests on it is skipped, the rest is looked at', async (t) => {
    const { callback } = await scene(t)
    const port = await freePort()
    const found = await examineHere({
      args: [
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

  it('behind https where there is none, and a callback behind a certificate of nobody', async (t) => {
    const { url } = await scene(t)
    const listener = createHttpsServer(SELF_SIGNED, (_request, response) => response.end('true'))
    listener.listen(0, '127.0.0.1')
    await once(listener, 'listening')
    t.after(() => listener.close())
    const { port } = listener.address() as AddressInfo
    const secure = url.replace('http:', 'https:')
    const args = ['--server', secure, '--callback', `https://localhost:${port}/x`]
    const found = await examineHere({ args: [...args, ...QUICK] })
    assert.deepEqual(found.of('address'), ['fail tls'])
    assert.deepEqual(found.of('callback'), ['fail certificate'])
  })

  it('behind TLS, and its address begins with http:', async (t) => {
    const { url } = await scene(t)
    const listener = createHttpsServer(SELF_SIGNED, (_request, response) => response.end('true'))
    listener.listen(0, '127.0.0.1')
    await once(listener, 'listening')
    t.after(() => listener.close())
    const { port } = listener.address() as AddressInfo
    const plain = `http://localhost:${port}`
    const found = await examineHere({
      args: ['--server', plain, '--callback', `${plain}/docs/callback`, ...QUICK],
    })
    assert.deepEqual(found.of('address'), ['fail scheme'])
    assert.deepEqual(found.of('callback'), ['fail scheme'])
    // As nginx does.
    const nginx = await startFront(
      url,
      reply(400, '<html><center>The plain HTTP request was sent to HTTPS port</center></html>'),
    )
    t.after(() => nginx[Symbol.asyncDispose]())
    const told = await examineHere({
      args: ['--server', nginx.url, '--callback', `${nginx.url}/docs/callback`, ...QUICK],
    })
    assert.deepEqual(told.of('address'), ['fail scheme'])
    assert.equal(told.of('callback')[0], 'fail scheme')
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
    const found = await examineHere({
      args: ['--server', url, '--callback', callback, ...QUICK],
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
    const found = await examineHere({
      args: ['--server', url, '--callback', callback, ...QUICK],
    })
    assert.deepEqual(found.of('address'), ['fail web-page'])
    assert.deepEqual(found.of('commands'), ['fail none'])
    assert.equal(found.of('callback')[0], 'fail web-page')
  })

  it('that is old, with a licence that has run out and files that nobody took', async (t) => {
    const licensed = rewriting(({ license, server, quota }) => {
      if (license === undefined) return {}
      const users = ['a', 'b'].map((userid) => ({ userid, expire: '2999-01-01T00:00:00.000Z' }))
      return {
        license: { ...(license as object), end_date: '2020-02-02T00:00:00.000Z', users_count: 2 },
        server: { ...(server as object), resultType: 2 },
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
    const found = await examineHere({
      args: ['--server', url],
      env: { DOCS_SECRET: SECRET },
      hidden: [SECRET],
    })
    assert.deepEqual(found.of('commands'), ['warn older-only'])
    assert.deepEqual(found.of('secret'), ['warn header-only'])
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
    const found = await examineHere({
      args: ['--server', url],
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
    const found = await examineHere({
      args: ['--server', url, '--callback', route, '--secret-file', file, ...QUICK],
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
    const found = await examineHere({
      args: ['--server', url, '--callback', callback, ...QUICK],
      env: { DOCS_SECRET: SECRET },
      hidden: [SECRET],
    })
    assert.deepEqual(found.of('secret'), ['fail off-there'])
    assert.deepEqual(found.of('callback').slice(0, 2), ['ok ours', 'fail off-here'])

    const without = await examineHere({
      args: ['--server', url, '--callback', callback, ...QUICK],
    })
    assert.deepEqual(without.of('secret'), ['warn off'])
    assert.deepEqual(without.of('callback').slice(0, 2), ['ok ours', 'warn off'])
  })

  it('was not given, and the Docs server and Redis want one', async (t) => {
    const redis = await startRedis('--requirepass', 'hunter2hunter2')
    t.after(redis.stop)
    const { url, route } = await scene(t)
    const args = ['--server', url, '--callback', route, ...QUICK]
    const found = await examineHere({ args: [...args, '--redis', redis.url] })
    assert.deepEqual(found.of('secret'), ['fail not-given'])
    assert.deepEqual(found.of('callback')[0], 'ok ours')
    assert.deepEqual(found.of('redis'), ['fail no-password'])
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
        const impatience = setTimeout(() => request.socket.destroy(), 2_000)
        request.on('end', () => clearTimeout(impatience))
        return pass()
      },
    })
    const found = await examineHere({
      args: ['--server', url, '--callback', callback, '--wait', '5'],
      env: { DOCS_SECRET: SECRET },
      hidden: [SECRET],
    })
    assert.deepEqual(found.of('clock'), ['warn drifting'])
    assert.deepEqual(found.of('bodies'), ['fail too-long', 'warn header-refused'])
    assert.deepEqual(found.of('wait'), ['fail cut', 'skipped reply-unmeasured'])
  })

  it('of an application that takes short bodies only, and of none at all', async (t) => {
    const { url, callback, route } = await scene(t, { app: { maxBody: 64 * 1024 } })
    const found = await examineHere({
      args: ['--server', url, '--callback', callback, ...QUICK],
      env: { DOCS_SECRET: SECRET },
    })
    assert.deepEqual(found.of('bodies'), ['fail max-body', 'ok header-arrives'])
    const nothing = await examineHere({
      args: ['--server', url, '--callback', route.replace('callback', 'nothing'), ...QUICK],
      env: { DOCS_SECRET: SECRET },
    })
    assert.equal(nothing.of('callback')[0], 'fail not-found')
  })
})

describe('at the Docs server', LIMIT, () => {
  /** All checks with this in front of the Docs server; gives what one of them finds. */
  const found = (
    check: string,
    atServer: (exchange: Exchange) => void | Promise<void>,
    expected: string[],
  ) => {
    it(`${expected.join(' and ')} is found by ${check}`, async (t) => {
      const { url } = await scene(t, { atServer })
      const { of } = await examineHere({ args: ['--server', url], env: { DOCS_SECRET: SECRET } })
      assert.deepEqual(of(check), expected)
    })
  }
  const at =
    (place: string, other: (exchange: Exchange) => void) =>
    (exchange: Exchange): void | Promise<void> =>
      exchange.path === place ? other(exchange) : exchange.pass()
  const dated =
    (date: string | undefined) =>
    ({ pass, response }: Exchange): Promise<void> => {
      response.sendDate = false
      return pass({
        answer({ headers }) {
          if (date === undefined) Reflect.deleteProperty(headers, 'date')
          else headers['date'] = date
        },
      })
    }
  const DAY = 86_400_000
  const inDays = (days: number): string => new Date(Date.now() + days * DAY).toISOString()
  const licensed = (fields: object, server: object = {}, places: number[] = []) =>
    rewriting(({ license, server: told }) => {
      if (license === undefined) return {}
      const users = places.map((days) => ({ userid: 'u', expire: inDays(days) }))
      return {
        license: { ...(license as object), ...fields },
        server: { ...(told as object), ...server },
        quota: { users },
      }
    })

  found('address', at('/healthcheck', reply(200, 'false')), ['fail unwell'])
  found('address', at('/healthcheck', reply(401)), ['fail not-let-in'])
  found('address', at('/healthcheck', reply(502)), ['fail server-error'])
  found('address', at('/healthcheck', reply(404)), ['fail something-else'])
  found('commands', at('/command', reply(405)), ['fail current-hidden'])
  const byGetOnly = (exchange: Exchange): void | Promise<void> =>
    exchange.request.method === 'POST' ? reply(405)(exchange) : exchange.pass()
  found('commands', byGetOnly, ['warn get-only'])
  found('secret', byGetOnly, ['ok right'])
  found('clock', dated(new Date(Date.now() - 600_000).toUTCString()), ['fail apart'])
  found('clock', dated(undefined), ['skipped no-date'])
  found(
    'version',
    rewriting(() => ({ version: '8.3.0.9' })),
    ['warn older'],
  )
  found(
    'version',
    rewriting(() => ({ version: 'of today' })),
    ['warn untold'],
  )
  found('license', licensed({ end_date: inDays(-9) }), ['warn end-passed', 'ok connections'])
  found('license', licensed({}, { resultType: 1 }), ['warn not-good', 'ok connections'])
  found('license', licensed({ trial: true, end_date: inDays(90) }), [
    'warn trial',
    'ok connections',
  ])
  found('license', licensed({ end_date: inDays(10), users_count: 2 }, {}, [9, -9]), [
    ...['warn ends-soon', 'ok users'],
  ])
  found(
    'license',
    licensed(
      { users_count: 10 },
      {},
      Array.from({ length: 9 }, () => 9),
    ),
    [...['ok good', 'warn nearly-full']],
  )
  found(
    'forgotten',
    rewriting((response) => ('keys' in response ? { error: 5 } : {})),
    ['fail too-old'],
  )
  found(
    'secret',
    rewriting((response) => ('version' in response ? { error: 3 } : {})),
    ['fail strange'],
  )
})

describe('at the callback address', LIMIT, () => {
  const long = ({ request }: Exchange): boolean =>
    Number(request.headers['content-length']) > 100_000
  const found = (
    check: string,
    expected: string,
    atApp: (exchange: Exchange) => void | Promise<void>,
  ) => {
    it(`${expected} is found by ${check}`, async (t) => {
      const { url, callback } = await scene(t, { atApp })
      const args = ['--server', url, '--callback', callback, ...QUICK]
      const { of } = await examineHere({ args, env: { DOCS_SECRET: SECRET }, hidden: [SECRET] })
      assert.equal(of(check)[0], expected)
    })
  }

  found('callback', 'fail not-let-in', reply(403, 'no CSRF token'))
  found('callback', 'fail not-running', reply(502))
  found('callback', 'fail broken', reply(500, '{"error":1}'))
  found('callback', 'fail takes-all', reply(200, '{"error":0}'))
  found('callback', 'fail something-else', reply(204))
  found('callback', 'fail redirected', reply(302, '', { location: 'https://www.example.com/' }))
  found('bodies', 'fail cut', (exchange) =>
    long(exchange) ? void exchange.request.socket.destroy() : exchange.pass(),
  )
  found('bodies', 'fail mangled', (exchange) =>
    exchange.pass({ body: (sent) => (sent.length > 100_000 ? sent.slice(0, 100_000) : sent) }),
  )

  found('bodies', 'warn too-long', (exchange) =>
    Number(exchange.request.headers['content-length']) > 1024 * 1024
      ? reply(413, '', { connection: 'close' })(exchange)
      : exchange.pass(),
  )

  it('a header that something in front takes away is told', async (t) => {
    const { url, callback } = await scene(t, {
      atApp({ request, pass }) {
        delete request.headers.authorization
        return pass()
      },
    })
    const args = ['--server', url, '--callback', callback, ...QUICK]
    const { of } = await examineHere({ args, env: { DOCS_SECRET: SECRET }, hidden: [SECRET] })
    assert.deepEqual(of('callback').slice(0, 2), ['ok ours', 'ok same-secret'])
    assert.deepEqual(of('bodies'), ['ok arrive', 'warn header-lost'])
  })

  it('a body that something in front has read is no wrong secret', async (t) => {
    const { url, callback } = await scene(t, {
      app: {
        before: [
          async (ctx, next) => {
            await buffer(ctx.req)
            await next()
          },
        ],
      },
    })
    const args = ['--server', url, '--callback', callback, ...QUICK]
    const { of, findings } = await examineHere({ args, env: { DOCS_SECRET: SECRET } })
    assert.deepEqual(of('callback').slice(0, 2), ['ok ours', 'fail body-lost'])
    const { fix } = findings.find(({ code }) => code === 'body-lost') ?? {}
    assert.match(fix?.join() ?? '', /in front of the body parser/)
  })

  it('a private address is one that a Docs server elsewhere may not reach', async () => {
    const level = async (server: string, callback: string): Promise<string | undefined> =>
      (await hostFinding(new URL(server), new URL(callback)))?.code
    // Nothing is sent: these are addresses, and no names.
    assert.equal(await level('http://8.8.8.8', 'http://10.0.0.1'), 'private')
    assert.equal(await level('http://8.8.8.8', 'http://[::1]:3000'), 'this-machine')
    assert.equal(await level('http://10.0.0.2', 'http://10.0.0.1'), undefined)
    assert.equal(await level('http://10.0.0.2', 'http://9.9.9.9'), undefined)
  })
})

describe('at Redis', LIMIT, () => {
  const look = async (redis: string): Promise<string[]> => {
    const server = `http://127.0.0.1:${await freePort()}`
    return (await examineHere({ args: ['--server', server, '--redis', redis] })).of('redis')
  }

  it('a node of a cluster that writes now and then, and a user who may not look', async (t) => {
    const redis = await startRedis(
      ...['--cluster-enabled', 'yes', '--appendfsync', 'no'],
      ...['--user', 'blind', 'on', '>hunter2', '~*', '+@all', '-info'],
      ...['--user', 'none', 'on', '>hunter2', '~*', '-@all'],
    )
    t.after(redis.stop)
    const usual = ['ok answers', 'ok version', 'ok keeps']
    assert.deepEqual(await look(redis.url), [...usual, 'warn cluster', 'warn writes-sometimes'])
    assert.deepEqual(await look(redis.url.replace('//', '//blind:hunter2@')), [
      ...['ok answers', 'fail rights'],
    ])
    assert.deepEqual(await look(redis.url.replace('//', '//none:hunter2@')), ['fail no-permission'])
  })

  it('a user who may not do all that is needed is told what to be granted', async (t) => {
    const redis = await startRedis(
      ...['--user', 'mute', 'on', '>hunter2', '~*', '&*', '+@all', '-publish'],
      ...['--user', 'apart', 'on', '>hunter2', '~docs:*', '~{docs}:*', '&docs:*', '+@all'],
    )
    t.after(redis.stop)
    const server = `http://127.0.0.1:${await freePort()}`
    const ask = async (user: string, ...more: string[]) => {
      const url = redis.url.replace('//', `//${user}:hunter2@`)
      const found = await examineHere({ args: ['--server', server, '--redis', url, ...more] })
      const { what = '', fix = [] } = found.findings.find(({ code }) => code === 'rights') ?? {}
      return { has: found.of('redis'), words: [what, ...fix].join() }
    }
    const { has, words } = await ask('mute')
    assert.ok(has.includes('fail rights'), has.join())
    assert.match(words, /PUBLISH.*grant \+publish; .*ACL SETUSER <user> ~docs:\*/)
    assert.doesNotMatch(words, /hunter2/)
    assert.ok((await ask('apart')).has.includes('ok permits'))
    const other = await ask('apart', '--prefix', 'other')
    assert.match(other.words, /grant ~other:\*/, 'by the prefix of the application')
  })

  it('one that is full is told', async (t) => {
    const redis = await startRedis('--maxmemory', '1mb')
    t.after(redis.stop)
    assert.ok((await look(redis.url)).includes('fail rights'))
  })

  it('an old one that does not tell how it writes', async (t) => {
    const redis = await startRedis('--rename-command', 'CONFIG', '')
    // There is none so old here: its version is changed on the way.
    const relay = createServer((near) => {
      const far = connect(redis.port, '127.0.0.1')
      near.pipe(far)
      far.on('data', (data) => {
        near.write(data.toString('latin1').replace(/(redis_version:)\d\.\d/, '$16.0'), 'latin1')
      })
      near.on('close', () => far.destroy()).on('error', () => {})
      far.on('error', () => near.destroy())
    }).listen(0, '127.0.0.1')
    await once(relay, 'listening')
    t.after(async () => {
      relay.close()
      await redis.stop()
    })
    const { port } = relay.address() as AddressInfo
    assert.deepEqual(await look(`redis://127.0.0.1:${port}`), [
      ...['ok answers', 'fail too-old', 'ok keeps', 'ok permits', 'skipped writes-untold'],
    ])
  })
})

describe('what is installed', LIMIT, () => {
  it('is too old, or missing', async () => {
    await using there = await install({ bullmq: { version: '6.3.2' }, ioredis: null, koa: null })
    const manifest = fileURLToPath(new URL('../package.json', import.meta.url))
    const output = await there.run(`
      import { copyFileSync } from 'node:fs'
      copyFileSync(${JSON.stringify(manifest)}, 'package.json')
      const { installed } = await import('./src/doctor/checks/installed.ts')
      const { redis } = await import('./src/doctor/checks/redis.ts')
      const settings = { redis: 'redis://127.0.0.1:1' }
      const findings = [...await redis.run({ settings }), ...await installed.run({ settings })]
      console.log(JSON.stringify(findings.map(({ level, code }) => level + ' ' + code)))
    `)
    assert.deepEqual(JSON.parse(output), [
      'fail no-ioredis',
      ...['ok node', 'skipped koa-missing', 'fail bullmq-version', 'fail ioredis-missing'],
    ])
  })
})
