/** One command as the doctor asks it: with or without a token, at either address, and the bare answer. */
import { readFields, readResponse } from '../client/response.js'
import { isDocsError } from '../errors.js'
import { TOKEN_DEFAULTS } from '../check-token.js'
import type { CommandName, CommandResponses } from '../protocol/command.js'
import { createKeys, signToken } from '../protocol/token.js'
import { ask, jsonOf, postJson, type Answer } from './ask.js'
import type { Context, Credential } from './finding.js'

/** Commands that change nothing. */
export type Harmless = Extract<
  CommandName,
  'version' | 'license' | 'getForgottenList' | 'getForgotten'
>

export const UNSIGNED: Credential = { secret: null, in: 'body', offset: 0 }

export function sendCommand(
  context: Context,
  url: URL,
  name: Harmless,
  { secret, in: place, offset }: Credential,
  key?: string,
): Promise<Answer> {
  const command = { c: name, ...(key !== undefined && { key }) }
  const send = (body: object, headers?: Record<string, string>): Promise<Answer> => {
    if (context.known.method !== 'GET') return postJson(context, url, JSON.stringify(body), headers)
    const asked = new URL(
      `${url.origin}${url.pathname}?${new URLSearchParams({ ...body }).toString()}`,
    )
    return ask(context, { method: 'GET', url: asked, ...(headers && { headers }) })
  }
  if (secret === null) return send(command)
  const keys = createKeys([secret])
  const now = context.clock.now() + offset
  if (place === 'body') {
    const token = signToken(command, keys, TOKEN_DEFAULTS, now)
    return send({ ...command, token })
  }
  const token = signToken({ payload: command }, keys, TOKEN_DEFAULTS, now)
  const header = { [TOKEN_DEFAULTS.header]: TOKEN_DEFAULTS.prefix + token }
  return send(command, header)
}

/** The `error` of an answer; undefined: no Docs server has answered this. */
export function errorOf(answer: Answer): number | undefined {
  if (answer.status !== 200) return undefined
  const json = jsonOf(answer)
  if (typeof json !== 'object' || json === null || !('error' in json)) return undefined
  return typeof json.error === 'number' ? json.error : undefined
}

/** Why there is no response to a command. */
export interface Unanswered {
  why: string
  /** The Docs server's `error`, where it answered with one. */
  error?: number
}

export const isUnanswered = (response: object): response is Unanswered => 'why' in response

/** What a command is answered with. `key`: where it has one. */
export async function answered<Name extends Harmless>(
  context: Context,
  name: Name,
  key?: string,
): Promise<CommandResponses[Name] | Unanswered> {
  const { commands, credential } = context.known
  if (commands === undefined) return { why: 'not asked: see commands' }
  if (credential === undefined) return { why: 'not asked: see secret' }
  const url = new URL(commands)
  if (key !== undefined) url.searchParams.set('shardkey', key)
  const { status, headers, text } = await sendCommand(context, url, name, credential, key)
  try {
    const response = readResponse({ status, headers, text }, name, key)
    const { error } = response
    if (error !== 0) return { why: `the Docs server answered ${name} with error ${error}`, error }
    return readFields(response, name, key)
  } catch (error) {
    if (isDocsError(error)) return { why: error.message }
    throw error
  }
}
