/** What the Docs server has sent and been answered, as its log tells; looked at now and then, since the log is bounded. */
import { editsIn, type DocsServer } from '../../src/testing/index.js'

/** A final save that was answered 200 `{"error":0}`. */
export interface AcknowledgedFinal {
  key: string
  at: number
  /** The last edit in it. */
  edits: number
}

export interface Witness {
  readonly finals: AcknowledgedFinal[]
  /** The saves that were sent: see {@link saveSent}. */
  readonly sent: Set<string>
  /** Reads on in the log. */
  look: () => void
}

/** A save by its key, the path of its link and the file that it is for. */
export const saveSent = (key: string, path: string, ref: string): string => `${key} ${path} ${ref}`

/** The file that a callback URL is for. */
function refIn(path: string): string {
  const [text = ''] = decodeURIComponent(path.slice(path.lastIndexOf('/') + 1)).split('.')
  return Buffer.from(text, 'base64url').toString()
}

interface Body {
  key: string
  status: number
  url?: string
}

/** `startedAt`: when the server was started, ms since the epoch; its log counts from there. */
export function createWitness(server: DocsServer, startedAt: number): Witness {
  const finals: AcknowledgedFinal[] = []
  const sent = new Set<string>()
  /** Not answered yet, by the number of the callback. */
  const open = new Map<number, Body>()
  let last: DocsServer['log'][number] | undefined

  return {
    ...{ finals, sent },
    look() {
      const { log } = server
      const next = last === undefined ? 0 : log.lastIndexOf(last) + 1
      if (last !== undefined && next === 0) throw new Error('the log has gone on: look more often')
      for (const entry of log.slice(next)) {
        if (entry.type === 'callback') called(entry.id, entry.path, entry.body as Body)
        if (entry.type === 'reply' && 'status' in entry) replied(entry, startedAt + entry.t)
      }
      last = log.at(-1)
    },
  }

  function called(id: number, path: string, body: Body): void {
    const { key, url } = body
    if (url !== undefined) sent.add(saveSent(key, new URL(url).pathname, refIn(path)))
    open.set(id, body)
  }

  function replied(reply: { id: number; status: number; body: unknown }, at: number): void {
    const callback = open.get(reply.id)
    open.delete(reply.id)
    if (callback === undefined) return
    const { key, status, url } = callback
    const { error } = (reply.body ?? {}) as { error?: number }
    if (reply.status !== 200 || status !== 2 || error !== 0) return
    finals.push({ key, at, edits: editsIn(server.file(url ?? '') ?? new Uint8Array()).at(-1) ?? 0 })
  }
}
