/** What stands before the web processes: passes each request on to the next one that takes it. */
import { createServer, request as send, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A request as it went by. */
export interface Heard {
  at: number
  path: string
  headers: IncomingHttpHeaders
  body: Buffer
  /** Of the answer, once there is one. */
  status?: number
}

export interface Balancer extends AsyncDisposable {
  readonly url: string
  /** Where the web processes listen. */
  targets: string[]
  /** Tells of each request before it is passed on. */
  listen: (listener: (heard: Heard) => void) => void
}

export async function startBalancer(): Promise<Balancer> {
  let turn = 0
  let listener: (heard: Heard) => void = () => {}
  const server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = []
    let heard: Heard | undefined
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => {
      const { url: path = '', headers } = incoming
      heard = { at: Date.now(), path, headers, body: Buffer.concat(chunks) }
      listener(heard)
      pass(balancer.targets.length)
    })

    /** Only a connection that was refused is tried elsewhere: else the request may have got there. */
    function pass(tries: number): void {
      turn += 1
      const target = balancer.targets[turn % balancer.targets.length]
      if (tries === 0 || target === undefined) return void outgoing.writeHead(502).end()
      const { method = 'POST', url, headers } = incoming
      const onward = send(`${target}${url}`, { method, headers, agent: false }, (answer) => {
        if (heard !== undefined) heard.status = answer.statusCode ?? 502
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(outgoing)
        answer.on('error', () => outgoing.destroy())
      })
      onward.on('error', (error: NodeJS.ErrnoException) => {
        if (error.code === 'ECONNREFUSED') pass(tries - 1)
        else outgoing.destroy()
      })
      onward.end(Buffer.concat(chunks))
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const balancer: Balancer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    targets: [],
    listen: (given) => void (listener = given),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return balancer
}
