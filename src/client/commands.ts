/**
 * One command: sign, post, decode, a typed error for everything else.
 * Facts: `docs-server.md`, "Commands"; `test/wire/rejected-commands.jsonl`.
 */
import type { Signal } from '../abort.js'
import type { Clock } from '../clock.js'
import { commandRejected, DocsError } from '../errors.js'
import type {
  CommandMethod,
  CommandName,
  CommandRequests,
  CommandResponse,
  CommandResponses,
} from '../protocol/command.js'
import { signToken, type Keys, type TokenOptions } from '../protocol/token.js'
import { startDeadline } from './deadline.js'
import { HttpFailure, type Http, type HttpResponse } from './http.js'
import { readFields, readResponse } from './response.js'

export interface CommandClientOptions {
  /** Where the Docs server is; may have a path prefix, with or without a slash at its end. */
  server: URL
  /** `null`: tokens are off. */
  keys: Keys | null
  token: TokenOptions
  /** Before Docs 4.2: `'GET'`, with all of it in the query, at the older address only. Default `'POST'`. */
  commandMethod?: CommandMethod
  /** How long one `send` may take, in milliseconds. */
  timeout: number
  clock: Clock
  http: Http
}

export interface SendOptions {
  signal?: Signal | undefined
  /** One of several Docs servers behind `server`, to be asked itself. Default: `server`. */
  node?: URL | undefined
}

export interface CommandClient {
  /**
   * Sends one command and resolves with its response once that says `error: 0`.
   *
   * @throws DocsError `COMMAND_REJECTED` for another `error`; `UNREACHABLE` without an answer (with
   * {@link neverArrived} where that is certain); `BAD_RESPONSE` for an answer that is none of a Docs
   * server. An abort rejects with the signal's reason.
   * @example const { users } = await client.send('info', { key, userdata }, { signal })
   */
  send<Name extends CommandName>(
    name: Name,
    body: CommandRequests[Name],
    options?: SendOptions,
  ): Promise<CommandResponses[Name]>
}

/** Since Docs 8.2, and before that, still answered by newer ones (`docs-server.md`, "Commands"). */
export const COMMAND_PATHS = {
  current: '/command',
  older: '/coauthoring/CommandService.ashx',
} as const

const MAX_RESPONSE = 1024 * 1024
/** `getForgottenList` names every forgotten file there is. */
const MAX_LIST = 64 * 1024 * 1024

const ACCEPT: Record<string, string> = { accept: 'application/json' }
const POST_HEADERS: Record<string, string> = { 'content-type': 'application/json', ...ACCEPT }

const placeOf = ({ pathname }: URL): string => pathname.replace(/\/+$/, '')
const serverOf = (node: URL): string => node.origin + placeOf(node)

const notArrived = new WeakSet<DocsError>()

/** Whether the command that failed with `error` certainly did not reach the Docs server. */
export function neverArrived(error: DocsError): boolean {
  return notArrived.has(error)
}

/** @example const client = createCommandClient({ server, keys, token, timeout, clock, http }) */
export function createCommandClient(options: CommandClientOptions): CommandClient {
  const { keys, token, commandMethod = 'POST', timeout, clock, http } = options
  /** Those that are before Docs 8.2. */
  const older = new Set<string>()

  /** What goes over the wire, the same to both addresses. */
  interface Command {
    name: CommandName
    key: string | undefined
    node: URL
    headers: Record<string, string>
    body: Readonly<Record<string, unknown>>
    /** The body, where it is posted. */
    text: string
  }

  function prepare(name: CommandName, fields: object, node: URL): Command {
    const body = { c: name, ...fields }
    const key = (fields as { key?: string }).key
    const headers = commandMethod === 'GET' ? ACCEPT : POST_HEADERS
    const text = JSON.stringify(body)
    const about = { name, key, node, headers, body, text }
    if (keys === null) return about
    if (token.in === 'header') {
      const signed = signToken({ payload: body }, keys, token, clock.now())
      return { ...about, headers: { ...headers, [token.header]: token.prefix + signed } }
    }
    const signed = signToken(body, keys, token, clock.now())
    // A token has no character that JSON writes otherwise, and a body has fields.
    const withToken = `${text.slice(0, -1)},"token":"${signed}"}`
    return { ...about, body: { ...body, token: signed }, text: withToken }
  }

  function request(path: string, command: Command, signal: Signal): Promise<HttpResponse> {
    const { name, key, node, headers, body, text } = command
    const maxBytes = name === 'getForgottenList' ? MAX_LIST : MAX_RESPONSE
    const { origin } = node
    const place = placeOf(node) + path
    if (commandMethod === 'GET') {
      const query = new URLSearchParams()
      for (const [field, value] of Object.entries(body)) {
        if (value === undefined) continue
        query.set(field, typeof value === 'string' ? value : JSON.stringify(value))
      }
      const asked = `${place}?${query.toString()}`
      return http.request({ method: 'GET', origin, path: asked, headers, signal, maxBytes })
    }
    const asked = key === undefined ? place : `${place}?shardkey=${encodeURIComponent(key)}`
    return http.request({
      ...{ method: 'POST', origin, path: asked, headers, signal, maxBytes },
      body: text,
    })
  }

  async function ask(command: Command, signal: Signal): Promise<CommandResponse> {
    const { name, key, node } = command
    const server = serverOf(node)
    if (commandMethod === 'POST' && !older.has(server)) {
      const response = await request(COMMAND_PATHS.current, command, signal)
      if (response.status !== 404) return readResponse(response, name, key)
    }
    const response = await request(COMMAND_PATHS.older, command, signal)
    const read = readResponse(response, name, key)
    // Only an answer of a Docs server shows that it is an old one: a 404 can be a proxy's, for a moment.
    older.add(server)
    return read
  }

  function unanswered(failure: HttpFailure, { name, key, node }: Command): DocsError {
    if (failure.kind === 'too long') {
      const message = `the answer to ${name} is no Docs server's: ${failure.message}`
      return new DocsError('BAD_RESPONSE', message, { key, cause: failure })
    }
    const certain = failure.kind === 'not sent'
    const error = new DocsError(
      'UNREACHABLE',
      `no answer to ${name} from ${serverOf(node)}: ${failure.message}; ` +
        (certain ? 'the command was not sent' : 'it is not known whether the command arrived'),
      { key, cause: failure },
    )
    if (certain) notArrived.add(error)
    return error
  }

  return {
    async send(name, fields, { signal, node = options.server } = {}) {
      signal?.throwIfAborted()
      const command = prepare(name, fields, node)
      const { key } = command
      const deadline = startDeadline(clock, timeout, signal)
      let response
      try {
        response = await ask(command, deadline.own)
      } catch (error) {
        if (deadline.ended() === 'aborted') signal?.throwIfAborted()
        if (!(error instanceof HttpFailure)) throw error
        throw unanswered(
          deadline.ended() === 'expired'
            ? new HttpFailure('broken', `none within ${timeout} ms (commandTimeout)`)
            : error,
          command,
        )
      } finally {
        deadline.release()
      }
      if (response.error !== 0) throw commandRejected(response.error, name, key)
      return readFields(response, name, key)
    },
  }
}
