/** Reads a command's response: always HTTP 200 with a JSON object, the verdict in `error` (`docs-server.md`). */
import { DocsError } from '../errors.js'
import type { CommandName, CommandResponse, CommandResponses } from '../protocol/command.js'
import { userId, userIds } from '../protocol/user-id.js'
import type { HttpResponse } from './http.js'

/** A fault of the server or of a proxy that may be over the next time. */
export function isPassing(status: number): boolean {
  return status >= 500 || status === 429 || status === 408
}

/**
 * The response to `name`, whatever its `error` is.
 *
 * @throws DocsError `BAD_RESPONSE` when no Docs server can have answered this to this command
 */
export function readResponse(
  { status, text }: HttpResponse,
  name: CommandName,
  key: string | undefined,
): CommandResponse {
  if (status !== 200) {
    const message =
      `${name} was answered with HTTP ${status}, and a Docs server answers every command with 200; ` +
      'see that `server` is its address and what stands in between lets POST through'
    throw new DocsError('BAD_RESPONSE', message, { key, retryable: isPassing(status) })
  }
  const response = parse(text)
  if (!isObject(response)) throw unlike(name, key, 'not a JSON object')
  if (!Number.isSafeInteger(response['error'])) throw unlike(name, key, 'without a whole `error`')
  const about = response['key']
  if (key !== undefined && about !== undefined && about !== key) {
    throw unlike(name, key, 'about another key')
  }
  return response as CommandResponse
}

type Check = (value: unknown) => boolean
const isText: Check = (value) => typeof value === 'string'
const isTexts: Check = (value) => Array.isArray(value) && value.every(isText)
const areUsers: Check = (value) =>
  Array.isArray(value) && value.every((user) => userId(user) !== undefined)

/** What a response has to hold beside `error` and `key`. */
const FIELDS: {
  [Name in CommandName]: Record<Exclude<keyof CommandResponses[Name], 'key'>, Check>
} = {
  forcesave: {},
  info: { users: (value) => value === undefined || areUsers(value) },
  meta: {},
  drop: {},
  version: { version: isText },
  license: { license: isObject, server: isObject, quota: isObject },
  getForgottenList: { keys: isTexts },
  getForgotten: { url: isText },
  deleteForgotten: {},
}

/**
 * An accepted command's response as its type says, without `error`.
 *
 * @throws DocsError `BAD_RESPONSE` when a field is missing or of another type
 */
export function readFields<Name extends CommandName>(
  { error: _error, ...fields }: CommandResponse,
  name: Name,
  key: string | undefined,
): CommandResponses[Name] {
  for (const [field, check] of Object.entries<Check>(FIELDS[name])) {
    if (!check(fields[field])) throw unlike(name, key, `without a proper \`${field}\``)
  }
  const { users } = fields
  const ids = name === 'info' && Array.isArray(users) ? { users: userIds(users) } : {}
  // A response may leave the key out (`docs-server.md`, "Commands"); the types promise it.
  return { ...fields, ...ids, ...(key === undefined ? {} : { key }) } as CommandResponses[Name]
}

function unlike(name: CommandName, key: string | undefined, what: string): DocsError {
  const message = `${name} was answered with a response ${what}; see that \`server\` is a Docs server's address`
  return new DocsError('BAD_RESPONSE', message, { key })
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
