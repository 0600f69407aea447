/** Raw bytes over a socket, and what comes back: a fuzzer must be able to say what no HTTP client says. */
import { connect, type Socket } from 'node:net'

export interface Answer {
  status: number
  /** The header without its first line and without the date. */
  head: string
  body: string
}

/** `keep`: the connection goes on. `end`: we hang up after a while. `cut`: we are gone at once. */
export type Ending = 'keep' | 'end' | 'cut'

export interface Line {
  /** All answers that come, the connection's end included; rejects after `limitMs`. */
  send: (bytes: Buffer, ending: Ending, limitMs: number) => Promise<Answer[]>
  close: () => void
}

/** ms */
const PATIENCE = 15

/** A connection that is made when it is needed, and made again after its end. */
export function createLine(port: number): Line {
  let socket: Socket | undefined

  function open(): Socket {
    const opened = connect({ port, host: '127.0.0.1', noDelay: true })
    opened.on('error', () => {})
    opened.on('close', () => {
      if (socket === opened) socket = undefined
    })
    return (socket = opened)
  }

  function send(bytes: Buffer, ending: Ending, limitMs: number): Promise<Answer[]> {
    const line = ending === 'keep' ? (socket ?? open()) : open()
    return new Promise((resolve, reject) => {
      let text = ''
      const over = (): void => {
        clearTimeout(timer)
        line.off('data', onData).off('close', over)
        const answers = answersOf(text)
        if (ending !== 'keep' || /^connection: close/im.test(answers.at(-1)?.head ?? '')) {
          line.destroy()
          if (socket === line) socket = undefined
        }
        resolve(answers)
      }
      const onData = (chunk: Buffer): void => {
        text += chunk.toString('latin1')
        if (ending === 'keep' && answersOf(text).length > 0) over()
      }
      const timer = setTimeout(() => {
        line.off('data', onData).off('close', over)
        line.destroy()
        reject(new Error(`no answer within ${limitMs} ms`))
      }, limitMs)
      line.on('data', onData).on('close', over)
      line.write(bytes, () => {
        if (ending === 'cut') line.resetAndDestroy()
      })
      // The server drops a request whose sender has hung up, so it gets a moment to answer.
      if (ending === 'end') setTimeout(() => line.end(), PATIENCE)
    })
  }

  return { send, close: () => socket?.destroy() }
}

/** The answers that are there whole; `100 Continue` is none. The server always tells the length. */
function answersOf(text: string): Answer[] {
  const answers: Answer[] = []
  let rest = text
  for (;;) {
    const end = rest.indexOf('\r\n\r\n')
    const [, status] = /^HTTP\/1\.1 (\d{3})/.exec(rest) ?? []
    if (end < 0 || status === undefined) return answers
    const head = rest.slice(rest.indexOf('\r\n') + 2, end + 2).replace(/^Date: .*\r\n/im, '')
    const length = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0)
    const body = rest.slice(end + 4, end + 4 + length)
    // The answer to a HEAD has a length and no body.
    const whole = body.length === length || rest.length === end + 4
    if (!whole) return answers
    rest = rest.slice(end + 4 + body.length)
    if (!status.startsWith('1')) answers.push({ status: Number(status), head, body })
  }
}

export interface Request {
  method?: string
  path: string
  /** In order; a name may come more than once. Without Content-Length the body's own is added. */
  headers?: [name: string, value: string][]
  body?: Buffer
  /** Sends the body in chunks of this size instead of telling its length. */
  chunk?: number
}

export function write({ method = 'POST', path, headers = [], body, chunk }: Request): Buffer {
  const lines = [`${method} ${path} HTTP/1.1`, 'Host: x']
  for (const [name, value] of headers) lines.push(`${name}: ${value}`)
  const has = (wanted: string): boolean => headers.some(([name]) => name.toLowerCase() === wanted)
  if (chunk !== undefined) lines.push('Transfer-Encoding: chunked')
  else if (body !== undefined && !has('content-length'))
    lines.push(`Content-Length: ${body.length}`)
  const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
  if (body === undefined) return head
  return Buffer.concat([head, chunk === undefined ? body : chunked(body, chunk)])
}

function chunked(body: Buffer, size: number): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; at < body.length; at += size) {
    const part = body.subarray(at, at + size)
    parts.push(Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n'))
  }
  return Buffer.concat([...parts, Buffer.from('0\r\n\r\n')])
}
