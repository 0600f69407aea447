/** An HTTP server at the level of the socket, so that it can misbehave in every way there is. */
import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import type { TestContext } from 'node:test'

export interface Received {
  method: string
  path: string
  /** By lower-case name. */
  headers: Record<string, string>
  body: string
}

export interface FaultyServer {
  url: URL
  /** Every request, in order. */
  requests: Received[]
  /** The connections that are open now. */
  sockets: Set<Socket>
  /** Resolves when `count` requests have come in all. */
  received(count: number): Promise<void>
}

/** Starts a server that hands each request, once it is there whole, to `answer`. It ends with the test. */
export async function startServer(
  t: TestContext,
  answer: (socket: Socket, request: Received) => void,
): Promise<FaultyServer> {
  const requests: Received[] = []
  const sockets = new Set<Socket>()
  const waiting: { count: number; wake: () => void }[] = []
  const server = createServer((socket) => {
    let text = ''
    sockets.add(socket)
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
    socket.on('data', (data) => {
      text += data.toString('latin1')
      const request = parse(text)
      if (request === undefined) return
      text = ''
      requests.push(request)
      for (const { count, wake } of waiting) if (requests.length >= count) wake()
      answer(socket, request)
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.after(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return {
    url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    requests,
    sockets,
    received: (count) =>
      new Promise((resolve) => {
        if (requests.length >= count) resolve()
        else waiting.push({ count, wake: resolve })
      }),
  }
}

/** A response as it goes over the wire, with its Content-Length unless `headers` has another idea. */
export function response(status: number, body = '', headers: Record<string, string> = {}): string {
  const all = { 'content-length': String(Buffer.byteLength(body)), ...headers }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  return `HTTP/1.1 ${status} Whatever\r\n${lines.join('')}\r\n${body}`
}

/** An address of this machine where nobody listens. */
export async function closedPort(): Promise<URL> {
  const server = createServer()
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  await once(server.close(), 'close')
  return new URL(`http://127.0.0.1:${port}`)
}

function parse(text: string): Received | undefined {
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const [first = '', ...lines] = text.slice(0, end).split('\r\n')
  const [method = '', path = ''] = first.split(' ')
  const headers = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
    }),
  )
  const body = Buffer.from(text.slice(end + 4), 'latin1')
  if (body.length < Number(headers['content-length'] ?? 0)) return undefined
  return { method, path, headers, body: body.toString('utf8') }
}
