import assert from 'node:assert/strict'
import { getEventListeners, once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import {
  createCommandClient,
  neverArrived,
  type CommandClient,
  type CommandClientOptions,
} from '../src/client/commands.js'
import { createHttp } from '../src/client/http.js'
import { isDocsError, type DocsError, type DocsErrorCode } from '../src/errors.js'
import { COMMAND_ERRORS, type CommandName, type CommandRequests } from '../src/protocol/command.js'
import { createKeys, verifyToken, type TokenOptions } from '../src/protocol/token.js'
import { virtualClock } from '../src/testing/clock.js'
import {
  closedPort,
  response,
  startServer,
  type FaultyServer,
  type Received,
} from './faulty-server.js'

const SECRET = 'a secret of the tests, long enough'
const keys = createKeys([SECRET])
const token: TokenOptions = {
  header: 'Authorization',
  prefix: 'Bearer ',
  algorithms: ['HS256'],
  in: 'body',
  expiresIn: 300,
  clockTolerance: 60,
}
const TIMEOUT = 15_000
const accepted = response(200, '{"error":0,"key":"k1"}')

interface Setup {
  client: CommandClient
  clock: ReturnType<typeof virtualClock>
}

/** A client whose clock stands still. Whatever a test does, no timer of the client may stay behind. */
function connect(t: TestContext, server: URL, change: Partial<CommandClientOptions> = {}): Setup {
  const clock = virtualClock()
  const http = createHttp()
  const client = createCommandClient({
    ...{ server, keys, token, timeout: TIMEOUT, clock, http },
    ...change,
  })
  t.after(async () => {
    await http.close()
    assert.equal(clock.pending, 0, 'a timer stayed behind')
  })
  return { client, clock }
}

async function start(
  t: TestContext,
  answer: string | ((socket: Socket, request: Received) => void),
  change: Partial<CommandClientOptions> = {},
): Promise<Setup & { server: FaultyServer }> {
  const write = (socket: Socket): void => void socket.write(answer as string)
  const server = await startServer(t, typeof answer === 'string' ? write : answer)
  return { server, ...connect(t, server.url, change) }
}

/** What `work` rejects with, which has to be a DocsError that gives nothing away. */
async function failure(work: Promise<unknown>, code: DocsErrorCode): Promise<DocsError> {
  const error: unknown = await work.then(
    () => assert.fail(`it resolved where ${code} was expected`),
    (reason: unknown) => reason,
  )
  assert.ok(isDocsError(error, code), String(error))
  assert.doesNotMatch(JSON.stringify([error.message, error.cause]), /shardkey|eyJ|secret of/)
  return error
}

const bodyOf = (request: Received | undefined) =>
  JSON.parse(request!.body) as Record<string, unknown>
const forcesave = (client: CommandClient, signal?: AbortSignal) =>
  client.send('forcesave', { key: 'k1', userdata: 'u' }, { signal })

describe('a command', () => {
  const answers: { [Name in CommandName]: [CommandRequests[Name], object] } = {
    forcesave: [{ key: 'k1', userdata: 'u' }, { key: 'k1' }],
    info: [{ key: 'k1' }, { key: 'k1', users: ['u1'] }],
    meta: [{ key: 'k1', meta: { title: 'Größe "1".docx' } }, { key: 'k1' }],
    drop: [{ key: 'k1', users: ['u1'] }, { key: 'k1' }],
    version: [{}, { version: '9.0.0' }],
    license: [{}, { license: { end_date: 'x' }, server: { buildVersion: 'x' }, quota: {} }],
    getForgottenList: [{}, { keys: ['a', 'b'] }],
    getForgotten: [{ key: 'k1' }, { key: 'k1', url: 'http://docs.internal/x?md5=a' }],
    deleteForgotten: [{ key: 'k1' }, { key: 'k1' }],
  }
  for (const [name, [body, answer]] of Object.entries(answers)) {
    it(`${name} goes out with its fields and shardkey, and resolves with its response`, async (t) => {
      const { client, server } = await start(
        t,
        response(200, JSON.stringify({ error: 0, ...answer })),
        {
          keys: null,
        },
      )
      assert.deepEqual(await client.send(name as CommandName, body), answer)
      const [request] = server.requests
      assert.deepEqual(bodyOf(request), { c: name, ...body })
      assert.equal(request!.method, 'POST')
      assert.equal(request!.path, 'key' in body ? '/command?shardkey=k1' : '/command')
      assert.equal(request!.headers['content-type'], 'application/json')
      assert.equal(request!.headers['authorization'], undefined)
    })
  }
  it('keeps the key whole in the query', async (t) => {
    const { client, server } = await start(t, response(200, '{"error":0}'))
    await client.send('meta', { key: 'a=b._-', meta: { title: 't' } })
    const url = new URL(server.requests[0]!.path, server.url)
    assert.equal(url.searchParams.get('shardkey'), 'a=b._-')
  })
  for (const path of ['/docs/server', '/docs/server/']) {
    it(`goes under the server's path ${path}`, async (t) => {
      const { server } = await start(t, accepted)
      const { client } = connect(t, new URL(path, server.url))
      await forcesave(client)
      assert.equal(server.requests[0]!.path, '/docs/server/command?shardkey=k1')
    })
  }
  it('resolves without `users`, which servers before 8.2 do not send', async (t) => {
    const { client } = await start(t, accepted)
    assert.deepEqual(await client.send('info', { key: 'k1' }), { key: 'k1' })
  })
  it('takes ids of users that are numbers as their text', async (t) => {
    const { client } = await start(t, response(200, '{"error":0,"users":[1319,"u2",0]}'))
    const { users } = await client.send('info', { key: 'k1' })
    assert.deepEqual(users, ['1319', 'u2', '0'])
  })
  it('reads a list of forgotten files over 1 MB', async (t) => {
    const list = Array.from({ length: 50_000 }, (_, index) => `forgotten-key-of-a-file-${index}`)
    const { client } = await start(t, response(200, JSON.stringify({ error: 0, keys: list })))
    assert.deepEqual(await client.send('getForgottenList', {}), { keys: list })
  })
  it('resolves when the answer comes byte by byte', async (t) => {
    const { client } = await start(t, (socket) => {
      const bytes = Array.from(accepted)
      const next = (): void => {
        const byte = bytes.shift()
        if (byte !== undefined) socket.write(byte, () => setImmediate(next))
      }
      next()
    })
    assert.deepEqual(await forcesave(client), { key: 'k1' })
  })
})

describe('the token of a command', () => {
  const verify = (value: unknown, now: number) => {
    const verdict = verifyToken(value, keys, token, now)
    assert.ok(verdict.ok)
    const { iat, exp, ...claims } = verdict.claims
    assert.equal(Number(exp) - Number(iat), 300)
    return claims
  }
  it('is in the body and signs the body', async (t) => {
    const { client, clock, server } = await start(t, accepted)
    await forcesave(client)
    const { token: sent, ...body } = bodyOf(server.requests[0])
    assert.deepEqual(verify(sent, clock.now()), body)
    assert.equal(server.requests[0]!.headers['authorization'], undefined)
  })
  it('is in the header of the option and signs the body as payload', async (t) => {
    const inHeader: TokenOptions = {
      ...token,
      in: 'header',
      header: 'AuthorizationJwt',
      prefix: 'JWT ',
    }
    const { client, clock, server } = await start(t, accepted, { token: inHeader })
    await forcesave(client)
    const body = bodyOf(server.requests[0])
    assert.deepEqual(body, { c: 'forcesave', key: 'k1', userdata: 'u' })
    const [prefix, sent] = server.requests[0]!.headers['authorizationjwt']!.split(' ')
    assert.equal(prefix, 'JWT')
    assert.deepEqual(verify(sent, clock.now()), { payload: body })
  })
})

describe('a command by GET, as before Docs 4.2', () => {
  const queryOf = ({ requests: [request] }: FaultyServer) => {
    assert.equal(request!.method, 'GET')
    assert.equal(request!.body, '')
    const { pathname, searchParams } = new URL(request!.path, 'http://x')
    assert.equal(pathname, '/coauthoring/CommandService.ashx')
    return Object.fromEntries(searchParams)
  }
  it('goes to the older address only, with its fields and its token in the query', async (t) => {
    const { client, clock, server } = await start(t, response(200, '{"error":0}'), {
      commandMethod: 'GET',
    })
    await client.send('drop', { key: 'k 1&é', users: ['u1'] })
    const { token: sent, ...fields } = queryOf(server)
    assert.deepEqual(fields, { c: 'drop', key: 'k 1&é', users: '["u1"]' })
    const verdict = verifyToken(sent, keys, token, clock.now())
    assert.ok(verdict.ok)
    const { c, key, users } = verdict.claims
    assert.deepEqual({ c, key, users }, { c: 'drop', key: 'k 1&é', users: ['u1'] })
    assert.equal(server.requests.length, 1)
  })
  it('bears its token in the header where the option says so', async (t) => {
    const change = { commandMethod: 'GET', token: { ...token, in: 'header' } } as const
    const { client, server } = await start(t, accepted, change)
    await forcesave(client)
    assert.deepEqual(queryOf(server), { c: 'forcesave', key: 'k1', userdata: 'u' })
    assert.match(server.requests[0]!.headers['authorization']!, /^Bearer eyJ/)
  })
  it('gives nothing away of its query when it fails', async (t) => {
    const { client } = connect(t, await closedPort(), { commandMethod: 'GET' })
    const error = await failure(forcesave(client), 'UNREACHABLE')
    assert.doesNotMatch(error.message, /userdata|c=/)
  })
})

describe('bad input 29: an answer of the Docs server that is not 0', () => {
  it('has the numbers that were seen', () => {
    assert.deepEqual(COMMAND_ERRORS, {
      0: 'none',
      1: 'unknown key',
      2: 'callback URL not correct',
      3: 'internal error',
      4: 'nothing to save',
      5: 'unknown command',
      6: 'bad token',
      7: 'expired token',
    })
  })
  for (const error of [1, 2, 3, 4, 5, 6, 7, 99, -1]) {
    it(`${error} is COMMAND_REJECTED`, async (t) => {
      const { client } = await start(t, response(200, JSON.stringify({ error })))
      const rejected = await failure(forcesave(client), 'COMMAND_REJECTED')
      assert.equal(rejected.error, error)
      assert.equal(rejected.key, 'k1')
      assert.equal(neverArrived(rejected), false)
    })
  }
})

describe('bad input 27: an answer that no Docs server gives is BAD_RESPONSE', () => {
  const html = '<html>Sign in</html>'
  const cases: [what: string, raw: string, retryable: boolean][] = [
    ['HTTP 500', response(500, '{"error":0,"key":"k1"}'), true],
    ['HTTP 502 with HTML', response(502, html), true],
    ['HTTP 429', response(429), true],
    ['a redirect', response(301, '', { location: '/command' }), false],
    ['HTTP 204', 'HTTP/1.1 204 No Content\r\n\r\n', false],
    ['HTTP 403', response(403, html), false],
    ['HTML', response(200, html), true],
    ['nothing', response(200, ''), true],
    ['null', response(200, 'null'), true],
    ['an array', response(200, '[{"error":0}]'), true],
    ['a text', response(200, '"ok"'), true],
    ['no error', response(200, '{"key":"k1"}'), true],
    ['error as a text', response(200, '{"error":"0","key":"k1"}'), true],
    ['error as a fraction', response(200, '{"error":0.5,"key":"k1"}'), true],
    ['error null', response(200, '{"error":null,"key":"k1"}'), true],
    ['another key', response(200, '{"error":0,"key":"k2"}'), true],
    ['a key that is no text', response(200, '{"error":4,"key":{}}'), true],
    ['more than 1 MB', response(200, `{"error":0,"x":"${'x'.repeat(1024 * 1024)}"}`), true],
    ['an error page without end', 'HTTP/1.1 500 X\r\ncontent-length: 99999999\r\n\r\n<html>', true],
  ]
  for (const [what, raw, retryable] of cases) {
    it(what, async (t) => {
      const { client, server } = await start(t, raw)
      const error = await failure(forcesave(client), 'BAD_RESPONSE')
      assert.equal(error.retryable, retryable)
      assert.equal(error.key, 'k1')
      assert.equal(server.requests.length, 1, 'nothing is sent again')
    })
  }
  it('fields of another type', async (t) => {
    const { client } = await start(
      t,
      response(200, '{"error":0,"url":5,"users":"u","keys":[5],"quota":[]}'),
    )
    await failure(client.send('getForgotten', { key: 'k1' }), 'BAD_RESPONSE')
    await failure(client.send('info', { key: 'k1' }), 'BAD_RESPONSE')
    await failure(client.send('getForgottenList', {}), 'BAD_RESPONSE')
    for (const users of ['[null]', '[{}]', '[true]', '[1e400]', '{}', '5']) {
      const other = await start(t, response(200, `{"error":0,"users":${users}}`))
      await failure(other.client.send('info', { key: 'k1' }), 'BAD_RESPONSE')
    }
    await failure(client.send('license', {}), 'BAD_RESPONSE')
    await failure(client.send('version', {}), 'BAD_RESPONSE')
  })
})

describe('the older address', () => {
  const byAddress =
    (current: string, older: string | (() => string)) =>
    (socket: Socket, { path }: Received): void =>
      void socket.write(
        path.startsWith('/command') ? current : typeof older === 'string' ? older : older(),
      )
  const paths = (server: FaultyServer) => server.requests.map(({ path }) => path.split('?')[0])
  const CURRENT = '/command'
  const OLDER = '/coauthoring/CommandService.ashx'

  it('is asked where /command is not found, and kept once it answers, also with an error', async (t) => {
    const { client, server } = await start(
      t,
      byAddress(response(404, '<html>'), response(200, '{"error":4}')),
    )
    await failure(forcesave(client), 'COMMAND_REJECTED')
    await failure(forcesave(client), 'COMMAND_REJECTED')
    assert.deepEqual(paths(server), [CURRENT, OLDER, OLDER])
    assert.equal(server.requests[1]!.path, `${OLDER}?shardkey=k1`)
    assert.equal(server.requests[0]!.body, server.requests[1]!.body)
  })
  it('is not kept while it gives no answer of a Docs server', async (t) => {
    const older = [response(404), response(200, '<html>'), accepted]
    const { client, server } = await start(
      t,
      byAddress(response(404), () => older.shift()!),
    )
    await failure(forcesave(client), 'BAD_RESPONSE')
    await failure(forcesave(client), 'BAD_RESPONSE')
    await forcesave(client)
    assert.deepEqual(paths(server), [CURRENT, OLDER, CURRENT, OLDER, CURRENT, OLDER])
  })
})

describe('bad input 28: no answer is UNREACHABLE and says whether the command arrived', () => {
  const UNKNOWN = /it is not known whether the command arrived/

  it('certainly not, where nobody listens', async (t) => {
    const { client } = connect(t, await closedPort())
    const error = await failure(forcesave(client), 'UNREACHABLE')
    assert.match(error.message, /ECONNREFUSED.*the command was not sent/)
    assert.equal(neverArrived(error), true)
    assert.equal(error.retryable, true)
    assert.equal(error.key, 'k1')
  })
  it('certainly not, where the name is none', async (t) => {
    const { client } = connect(t, new URL('http://no-such-host.invalid'))
    assert.equal(neverArrived(await failure(forcesave(client), 'UNREACHABLE')), true)
  })
  it('certainly not, where there is no TLS', async (t) => {
    // The greeting of TLS is no request: the server got nothing of the command.
    const server = createServer((socket) => socket.destroy())
    await once(server.listen(0, '127.0.0.1'), 'listening')
    t.after(() => server.close())
    const { port } = server.address() as AddressInfo
    const { client } = connect(t, new URL(`https://127.0.0.1:${port}`))
    assert.equal(neverArrived(await failure(forcesave(client), 'UNREACHABLE')), true)
  })
  const breaks: Record<string, (socket: Socket) => void> = {
    'reset after the request': (socket) => socket.resetAndDestroy(),
    'closed after the request': (socket) => socket.end(),
    'closed within the headers': (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-le'),
    'closed within the body': (socket) => socket.end(accepted.slice(0, -3)),
    'no HTTP': (socket) => socket.end('SSH-2.0-OpenSSH_9.6\r\n'),
  }
  for (const [what, answer] of Object.entries(breaks)) {
    it(`not known: ${what}`, async (t) => {
      const { client, server } = await start(t, answer)
      const error = await failure(forcesave(client), 'UNREACHABLE')
      assert.match(error.message, UNKNOWN)
      assert.equal(neverArrived(error), false)
      assert.equal(server.requests.length, 1, 'a command is never sent twice')
    })
  }
  const silences: Record<string, (socket: Socket) => void> = {
    'it never answers': () => {},
    'it stops within the headers': (socket) => void socket.write('HTTP/1.1 200 OK\r\n'),
    'it stops within the body': (socket) => void socket.write(accepted.slice(0, -1)),
  }
  for (const [what, answer] of Object.entries(silences)) {
    it(`not known, by the deadline: ${what}`, async (t) => {
      const { client, clock, server } = await start(t, answer)
      const work = failure(forcesave(client), 'UNREACHABLE')
      await server.received(1)
      await clock.advance(TIMEOUT)
      const error = await work
      assert.match(error.message, /within 15000 ms/)
      assert.match(error.message, UNKNOWN)
      assert.equal(neverArrived(error), false)
      const [socket] = server.sockets
      if (socket !== undefined) await once(socket, 'close')
    })
  }
  it('by one deadline, also over both addresses', async (t) => {
    const { client, clock, server } = await start(t, (socket, { path }) => {
      if (path.startsWith('/command')) socket.write(response(404))
    })
    const work = failure(forcesave(client), 'UNREACHABLE')
    await server.received(2)
    await clock.advance(TIMEOUT)
    await work
  })
})

describe('a signal', () => {
  it('aborted before: nothing is sent', async (t) => {
    const { client, server } = await start(t, accepted)
    const reason = new Error('enough')
    await assert.rejects(forcesave(client, AbortSignal.abort(reason)), (error) => error === reason)
    assert.equal(server.requests.length, 0)
  })
  for (const reason of [new Error('enough'), 'a text', 5]) {
    it(`aborted in the same tick: rejects with its reason, ${String(reason)}`, async (t) => {
      const { client } = await start(t, () => {})
      const controller = new AbortController()
      const work = forcesave(client, controller.signal)
      controller.abort(reason)
      await assert.rejects(work, (error) => error === reason)
    })
  }
  it('aborted while it waits: rejects with its reason and ends the request', async (t) => {
    const { client, server } = await start(t, () => {})
    const controller = new AbortController()
    const work = forcesave(client, controller.signal)
    await server.received(1)
    const [socket] = server.sockets
    controller.abort()
    await assert.rejects(work, (error) => error === controller.signal.reason)
    await once(socket!, 'close')
  })
  it('aborted after: the call is settled already', async (t) => {
    const { client } = await start(t, accepted)
    const controller = new AbortController()
    const result = await forcesave(client, controller.signal)
    controller.abort()
    assert.deepEqual(result, { key: 'k1' })
  })
  it('serves 10,000 calls, and nothing stays on it', async (t) => {
    const { client } = await start(t, accepted)
    const warnings: Error[] = []
    const onWarning = (warning: Error): void => void warnings.push(warning)
    process.on('warning', onWarning)
    t.after(() => process.off('warning', onWarning))
    const { signal } = new AbortController()
    // In part at once: Node warns of a leak from the eleventh listener on.
    for (let round = 0; round < 100; round++) {
      await Promise.all(Array.from({ length: 100 }, () => forcesave(client, signal)))
    }
    assert.equal(getEventListeners(signal, 'abort').length, 0)
    assert.deepEqual(warnings, [])
  })
})
