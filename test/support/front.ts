/** What stands in front of a server: an HTTP proxy that answers itself, or changes what goes through. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'

export interface Passed {
  status: number
  headers: Record<string, string>
  body: string
}

export interface Exchange {
  request: IncomingMessage
  response: ServerResponse
  path: string
  /** Sends the request on, with another body where one is given, and answers with what comes back. */
  pass: (change?: {
    body?: (sent: string) => string
    answer?: (answer: Passed) => void
  }) => Promise<void>
}

export interface Front extends AsyncDisposable {
  url: string
}

/** `target`: where requests go that are passed. */
export async function startFront(
  target: string,
  handle: (exchange: Exchange) => void | Promise<void>,
): Promise<Front> {
  const server = createServer((request, response) => {
    const path = request.url ?? ''
    const pass: Exchange['pass'] = async ({ body, answer } = {}) => {
      const sent = (await buffer(request)).toString()
      const { 'content-type': type = '', authorization } = request.headers
      const reply = await fetch(target + path, {
        method: request.method ?? 'GET',
        redirect: 'manual',
        headers: { 'content-type': type, ...(authorization && { authorization }) },
        ...(request.method === 'POST' && { body: body?.(sent) ?? sent }),
      })
      const passed = {
        status: reply.status,
        headers: Object.fromEntries(reply.headers),
        body: await reply.text(),
      }
      for (const name of ['content-length', 'connection', 'keep-alive', 'transfer-encoding']) {
        Reflect.deleteProperty(passed.headers, name)
      }
      answer?.(passed)
      response.writeHead(passed.status, passed.headers).end(passed.body)
    }
    // What breaks off harms nobody else.
    Promise.resolve(handle({ request, response, path, pass })).catch(() => response.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
