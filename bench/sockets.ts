/** The cheapest client there is for callbacks, so that the sender is not what is measured. */
import { connect, type Socket } from 'node:net'

export interface Poster {
  /** Sends a request as it stands; rejects unless the answer is 200 `{"error":0}`. */
  post: (request: Buffer) => Promise<void>
  close: () => void
}

export const requestOf = (url: string, body: string, authorization: string): Buffer => {
  const { pathname, host } = new URL(url)
  return Buffer.from(
    `POST ${pathname} HTTP/1.1\r\nhost: ${host}\r\ncontent-type: application/json\r\n` +
      `authorization: Bearer ${authorization}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  )
}

export function createPoster(url: string): Poster {
  const { hostname, port } = new URL(url)
  const idle: Line[] = []
  const all = new Set<Line>()

  interface Line {
    socket: Socket
    done: ((error?: Error) => void) | undefined
  }

  function newLine(): Line {
    const socket = connect(Number(port), hostname).setNoDelay(true)
    const line: Line = { socket, done: undefined }
    let text = ''
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      text += chunk
      if (!text.endsWith('}')) return
      const ok = text.startsWith('HTTP/1.1 200') && text.endsWith('\r\n\r\n{"error":0}')
      const answer = text
      text = ''
      idle.push(line)
      line.done?.(ok ? undefined : new Error(`a callback was answered ${answer}`))
    })
    const end = (): void => {
      all.delete(line)
      const at = idle.indexOf(line)
      if (at >= 0) idle.splice(at, 1)
      line.done?.(new Error('a connection was closed'))
    }
    socket.on('error', end).on('close', end)
    all.add(line)
    return line
  }

  return {
    post: (request) =>
      new Promise((resolve, reject) => {
        const line = idle.pop() ?? newLine()
        line.done = (error) => {
          line.done = undefined
          if (error === undefined) resolve()
          else reject(error)
        }
        line.socket.write(request)
      }),
    close: () => {
      for (const { socket } of all) socket.destroy()
    },
  }
}
