/**
 * Editors in browsers: what `DocsAPI.DocEditor` of the simulated server loads and talks to. Each one is an
 * {@link Editor} like those of a test; a stream of events holds its connection.
 */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../clock.js'
import { pageFile } from '../pages.js'
import type { TextFile } from './content.js'
import type { OpenOptions } from './core.js'
import type { Editor } from './editor.js'
import { answer, parseJson, readBody } from './http.js'
import type { Change } from './text.js'
import { verifySigned } from './tokens.js'

const HOME = '/web-apps/apps/simulated'
const PAGES = new Map([
  ['/web-apps/apps/api/documents/api.js', ['editor-api.js', 'text/javascript']],
  [`${HOME}/editor.html`, ['editor.html', 'text/html; charset=utf-8']],
  [`${HOME}/editor.js`, ['editor.js', 'text/javascript']],
  [`${HOME}/editor.css`, ['editor.css', 'text/css']],
])
const POLICY = `default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'`

/** How long an editor that was opened may take to listen, and a document's file to arrive, in ms. */
const PATIENCE = 10_000
const LONGEST_FILE = 1024 * 1024

/** What a real `DocsAPI` calls with `onError`; the numbers are those of its editors. */
const ERRORS = {
  ...{ download: -4, token: -20, expired: -21, disconnected: -1 },
  // The number under which the connection is refused (`docs-server.md`, "The editor's token").
  incomplete: -4006,
} as const

interface Parts {
  clock: Clock
  open: (key: string, options: OpenOptions) => Promise<Editor>
  /** Undefined: tokens are off. */
  secret: string | undefined
  /** How many edits a key has received: the number of the last one. */
  edits: (key: string) => number
}

interface Session {
  readonly editor: Editor
  readonly name: string
  stream: ServerResponse | undefined
}

export interface WebEditors {
  /** Answers the request, if it is one of a browser's editor. */
  handle(request: IncomingMessage, response: ServerResponse, path: string): Promise<boolean>
  /** Something has happened to this document: its editors are told. */
  changed(key: string): void
}

export function createWebEditors({ clock, open, secret, edits }: Parts): WebEditors {
  const sessions = new Map<string, Session>()
  const opening = new Map<string, Promise<TextFile>>()

  const stateOf = ({ editor }: Session): object => ({
    revision: edits(editor.key),
    warnings: editor.warnings,
    users: [...sessions.values()]
      .filter(({ editor: other }) => other.key === editor.key && other.connected)
      .map(({ name }) => name),
  })
  const tell = (session: Session): void =>
    void session.stream?.write(`data: ${JSON.stringify(stateOf(session))}\n\n`)
  const changed = (key: string): void => {
    // What is told of happens in this turn, a moment after it is told of.
    queueMicrotask(() => {
      for (const session of sessions.values()) if (session.editor.key === key) tell(session)
    })
  }
  const leave = (id: string, how: 'close' | 'vanish'): void => {
    const session = sessions.get(id)
    sessions.delete(id)
    void session?.editor[how]()
    session?.stream?.end()
  }

  async function openDocument(given: unknown): Promise<object> {
    const verified =
      secret === undefined ? { body: given } : verifySigned(given, undefined, secret, clock)
    if ('error' in verified) return failure(verified.error === 7 ? 'expired' : 'token')
    if (secret !== undefined && isIncomplete(verified.body, given)) return failure('incomplete')
    const { key, url, type, callbackUrl, user, name } = read(verified.body)
    let file
    try {
      // All who come at once get the file of the first.
      const loading = opening.get(key) ?? load(url, type)
      opening.set(key, loading)
      file = await loading
    } catch {
      return failure('download')
    } finally {
      opening.delete(key)
    }
    const editor = await open(key, { user, name, callbackUrl, file })
    const id = randomUUID()
    const session: Session = { editor, name, stream: undefined }
    sessions.set(id, session)
    clock.after(PATIENCE, () => {
      if (session.stream === undefined) leave(id, 'vanish')
    })
    void editor.ready.then(() => tell(session))
    return { session: id, ...stateOf(session), text: editor.text }
  }

  function listen(id: string, response: ServerResponse): void {
    const session = sessions.get(id)
    if (session === undefined) return answer(response, 404, '')
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    session.stream = response
    response.on('close', () => leave(id, 'vanish'))
    changed(session.editor.key)
  }

  function act(action: string, fields: Readonly<Record<string, unknown>>): object {
    const session = sessions.get(text(fields.session))
    if (session?.editor.connected !== true) return failure('disconnected')
    const { editor } = session
    if (action === 'close') leave(text(fields.session), 'close')
    if (action === 'save') editor.saveButton()
    if (action !== 'sync') return stateOf(session)
    const change = isChange(fields.change) ? fields.change : undefined
    const theirs = editor.exchange(Number(fields.revision), change)
    return { ...stateOf(session), text: editor.text, theirs }
  }

  async function handle(
    request: IncomingMessage,
    response: ServerResponse,
    path: string,
  ): Promise<boolean> {
    const page = PAGES.get(path)
    const [, action = ''] = path.split(`${HOME}/`)
    if (request.method === 'GET' && page !== undefined) {
      const [name = '', type = ''] = page
      response.setHeader('content-security-policy', POLICY)
      response.setHeader('cache-control', 'no-store')
      answer(response, 200, await pageFile(name), type)
    } else if (request.method === 'GET' && action === 'events') {
      listen(new URL(request.url ?? '', 'http://docs').searchParams.get('session') ?? '', response)
    } else if (request.method === 'POST' && ['open', 'sync', 'save', 'close'].includes(action)) {
      const body = parseJson((await readBody(request)) ?? '')
      const reply = action === 'open' ? await openDocument(body) : act(action, fieldsOf(body))
      answer(response, 200, JSON.stringify(reply), 'application/json')
    } else return false
    return true
  }

  return { handle, changed }
}

/** The file that a document is opened from, as the application serves it. */
async function load(url: string, type: string): Promise<TextFile> {
  const response = await fetch(url, { signal: AbortSignal.timeout(PATIENCE) })
  const bytes = await response.arrayBuffer()
  if (!response.ok || bytes.byteLength > LONGEST_FILE) throw new Error('no file to open')
  // As an editor of a browser has it.
  return { type, text: new TextDecoder().decode(bytes).replace(/\r\n?/g, '\n') }
}

/** What is used of an editor's config; what is missing is empty. */
function read(
  config: unknown,
): Record<'key' | 'url' | 'type' | 'callbackUrl', string> & Record<'user' | 'name', string> {
  const { document, editorConfig } = fieldsOf(config)
  const { key, url, fileType } = fieldsOf(document)
  const { callbackUrl, user } = fieldsOf(editorConfig)
  const { id, name } = fieldsOf(user)
  return {
    ...{ key: text(key), url: text(url), type: text(fileType), callbackUrl: text(callbackUrl) },
    user: text(id) || 'anonymous',
    name: text(name) || 'Anonymous',
  }
}

/**
 * A token has to hold the permissions, which the page of a real one always sends, and the mode where the
 * page sends it: what is not signed could be changed by whoever has the page.
 */
function isIncomplete(signed: unknown, sent: unknown): boolean {
  const { document, editorConfig } = fieldsOf(signed)
  const { permissions } = fieldsOf(document)
  if (typeof permissions !== 'object' || permissions === null) return true
  const isSent = fieldsOf(fieldsOf(sent).editorConfig).mode !== undefined
  return isSent && fieldsOf(editorConfig).mode === undefined
}

function failure(code: keyof typeof ERRORS): object {
  return { error: ERRORS[code] }
}

function isChange(value: unknown): value is Change {
  const { at, remove, insert } = fieldsOf(value)
  const isCount = (number: unknown): boolean => Number.isSafeInteger(number) && Number(number) >= 0
  return isCount(at) && isCount(remove) && typeof insert === 'string'
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '')

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}
