/** The little HTTP that the simulated server needs: bounded bodies, one POST, plain answers. */
import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { Clock } from '../clock.js'
import type { Reply } from './reply.js'

/** Longest command and longest reply, in bytes. */
const LONGEST_BODY = 1024 * 1024
/** How long the server waits for a reply, in ms (docs-server.md "Callbacks"). */
const REPLY_TIMEOUT = 10 * 60 * 1000

/** The body as text; `undefined` when it is too long. */
export async function readBody(message: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of message as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > LONGEST_BODY) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

/** Parsed JSON, or the text itself where it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}

/** A command as it was sent, in the body or, as before Docs 4.2, in the query; `undefined` when it is too long. */
export async function commandIn(request: IncomingMessage): Promise<unknown> {
  if (request.method !== 'GET') {
    const text = await readBody(request)
    return text === undefined ? undefined : parseJson(text)
  }
  const { searchParams } = new URL(request.url ?? '', 'http://docs')
  const fields: Record<string, unknown> = Object.fromEntries(searchParams)
  for (const name of ['users', 'meta']) {
    if (typeof fields[name] === 'string') fields[name] = parseJson(fields[name])
  }
  return fields
}

export function answer(
  response: ServerResponse,
  status: number,
  body: string | Uint8Array,
  contentType = 'text/plain',
): void {
  const length = Buffer.byteLength(body)
  response.writeHead(status, { 'content-type': contentType, 'content-length': length }).end(body)
}

/** Posts a callback. Rejects when no answer comes: refused, reset, cut short, timed out, stopped. */
export function post(
  url: string,
  body: string,
  headers: Record<string, string>,
  { clock, signal }: { clock: Clock; signal: AbortSignal },
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const send = url.startsWith('https:') ? httpsRequest : httpRequest
    // A connection of its own for each callback, so that none is left open behind it.
    const options = { method: 'POST', agent: false, signal } as const
    const request = send(url, {
      ...options,
      headers: { ...headers, 'content-length': Buffer.byteLength(body) },
    })
    const cancelTimeout = clock.after(REPLY_TIMEOUT, () => {
      request.destroy(new Error('no reply within ten minutes'))
    })
    request.on('close', cancelTimeout)
    request.on('error', reject)
    request.on('response', (response) => {
      readBody(response).then((text) => {
        if (text === undefined) reject(new Error('the reply is too long'))
        else resolve({ status: response.statusCode ?? 0, body: parseJson(text) })
      }, reject)
    })
    request.end(body)
  })
}
