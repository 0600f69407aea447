/** What tests of the simulated Docs server over HTTP need: a storage application and a client. */
import assert from 'node:assert/strict'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo, Server } from 'node:net'
import { text } from 'node:stream/consumers'
import type { DocsServer, Reply } from '../../src/testing/index.js'

export type Body = Record<string, unknown>

/** A callback as the storage application got it. */
export interface Heard {
  path: string
  headers: IncomingHttpHeaders
  body: Body
}

export const SECRET = 'a secret of more than 32 characters'
/** Each test ends by itself well before; a wait that never ends must not hold up the others. */
export const LIMIT = { timeout: 300_000 }

const OK: Reply = { status: 200, body: { error: 0 } }

/**
 * A storage application that takes every callback, and answers once `when` has come; on `undefined`
 * it dies while answering.
 */
export async function startApp(
  reply: (body: Body) => Reply | undefined | Promise<Reply | undefined> = () => OK,
  when: Promise<void> = Promise.resolve(),
): Promise<{ url: string; heard: Heard[] } & AsyncDisposable> {
  const heard: Heard[] = []
  const server = createServer((request, response) => {
    void text(request).then(async (json) => {
      const body = JSON.parse(json) as Body
      heard.push({ path: request.url!, headers: request.headers, body })
      await when
      const answer = await reply(body)
      if (answer === undefined) request.socket.destroy()
      else response.writeHead(answer.status).end(JSON.stringify(answer.body))
    })
  })
  return { url: await listen(server), heard, [Symbol.asyncDispose]: () => stop(server) }
}

/** Listens on a free port and answers the URL. */
export async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

export async function stop(server: Server): Promise<void> {
  await new Promise((resolve) => server.close(resolve))
}

/** Posts a command as it stands; answers the response's body. */
export async function command(
  server: DocsServer,
  body: unknown,
  { path = '/command', headers = {} }: { path?: string; headers?: Record<string, string> } = {},
): Promise<Body> {
  const response = await fetch(server.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  assert.equal(response.status, 200, 'the verdict is in the body')
  assert.match(response.headers.get('content-type')!, /^application\/json/)
  return (await response.json()) as Body
}
