/** The Docs server's end of the wire, for the player: real HTTP on this machine, no behaviour. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import jwt from 'jsonwebtoken'
import type { Clock } from '../../src/clock.js'
import type { CallbackBody, CommandBody, Reply } from './recording.js'

/** A command as it came over the wire, its token checked and taken out; it waits for its response. */
export interface HeldCommand {
  path: string
  body: CommandBody
  /** `undefined`: the connection is cut. */
  respond: (body: object | undefined) => void
}

export interface DocsSide {
  url: string
  /** Resolves with the next command of this name and key. */
  next: (wanted: CommandBody) => Promise<HeldCommand>
  /** Signs a callback with `secret` (null: not at all) and posts it. */
  post: (url: string, body: CallbackBody, secret: string | null) => Promise<Reply>
  close: () => Promise<void>
}

export interface DocsSideOptions {
  clock: Clock
  secret: string | null
  /** Answers a command that no `next` asked for; `undefined`: the connection is cut. */
  unasked: (body: CommandBody) => Promise<object | undefined>
  /** What a GET of a link gives; `undefined`: 404. */
  file: (link: string) => string | undefined
}

/** A callback's tokens are good for 5 minutes (`docs-server.md`, "Callbacks"). */
const LIFETIME = 300

export async function startDocsSide(options: DocsSideOptions): Promise<DocsSide> {
  const { clock, secret, unasked, file } = options
  let wanted: { body: CommandBody; take: (command: HeldCommand) => void } | undefined

  /** The body's token is looked at first, and its claims replace the body. */
  function verified(body: CommandBody): CommandBody {
    if (secret === null) return body
    const clockTimestamp = Math.floor(clock.now() / 1000)
    const claims = jwt.verify(String(body['token']), secret, { clockTimestamp }) as CommandBody
    const { iat: _iat, exp: _exp, ...rest } = claims
    return rest
  }

  async function command(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = verified(JSON.parse(await text(request)) as CommandBody)
    const respond = (answer: object | undefined): void => {
      if (answer === undefined) response.destroy()
      else response.setHeader('content-type', 'application/json').end(JSON.stringify(answer))
    }
    if (wanted?.body.c === body.c && wanted.body.key === body.key) {
      const { take } = wanted
      wanted = undefined
      take({ path: request.url ?? '', body, respond })
      return
    }
    respond(await unasked(body))
  }

  const server = createServer((request, response) => {
    if (request.method === 'POST') {
      command(request, response).catch(() => response.destroy())
      return
    }
    const found = file(`${url}${request.url ?? ''}`)
    response.writeHead(found === undefined ? 404 : 200).end(found)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  return {
    url,
    next: (body) => new Promise((take) => (wanted = { body, take })),
    async post(to, body, key) {
      const sign = (claims: object): string => {
        const iat = Math.floor(clock.now() / 1000)
        return jwt.sign({ ...claims, iat, exp: iat + LIFETIME }, key ?? '')
      }
      const headers = { 'content-type': 'application/json' }
      const signed =
        key === null
          ? { headers, body }
          : {
              headers: { ...headers, authorization: `Bearer ${sign({ payload: body })}` },
              body: { ...body, token: sign(body) },
            }
      try {
        const { headers: sent, body: content } = signed
        const init = { method: 'POST', headers: sent, body: JSON.stringify(content) }
        const response = await fetch(to, init)
        return { status: response.status, body: await response.json() }
      } catch {
        return undefined
      }
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
