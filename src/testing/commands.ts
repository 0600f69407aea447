/** The command service: a command's body in, its response out (docs-server.md "Commands"). */
import type { CommandResponse } from '../protocol/command.js'
import { FORCESAVE } from './callbacks.js'
import type { Document } from './document.js'
import { LICENSE, VERSION } from './license.js'

/** What the commands act upon. */
export interface CommandTarget {
  document(key: string): Document | undefined
  readonly forgotten: readonly string[]
  forgottenLink(key: string): string | undefined
  deleteForgotten(key: string): boolean
}

/** `undefined` for a member that is not there, whatever `body` is. */
type Fields = Readonly<Record<string, unknown>>

/** Runs a command. It may send callbacks before it resolves: `info` does, and a replay. */
export async function runCommand(target: CommandTarget, body: unknown): Promise<CommandResponse> {
  const fields: Fields = typeof body === 'object' && body !== null ? { ...body } : {}
  switch (fields.c) {
    case 'version':
      return structuredClone(VERSION)
    case 'license':
      return structuredClone(LICENSE)
    case 'getForgottenList':
      return { error: 0, keys: [...target.forgotten] }
    default: {
      // The response repeats the key as it was sent, a wrong one too (`rejected-commands.jsonl`).
      const key = fields.key === undefined ? {} : { key: fields.key }
      return { ...key, ...(await runOnKey(target, fields)) }
    }
  }
}

async function runOnKey(target: CommandTarget, fields: Fields): Promise<CommandResponse> {
  const { c, key } = fields
  if (typeof c !== 'string' || !KEYED.has(c)) return { error: 5 }
  if (typeof key !== 'string') return { error: 1 }
  if (c === 'getForgotten') {
    const url = target.forgottenLink(key)
    return url === undefined ? { error: 1 } : { error: 0, url }
  }
  if (c === 'deleteForgotten') return { error: target.deleteForgotten(key) ? 0 : 1 }
  const document = target.document(key)
  return document === undefined ? { error: 1 } : runOnDocument(document, c, fields)
}

async function runOnDocument(
  document: Document,
  c: string,
  fields: Fields,
): Promise<CommandResponse> {
  const { userdata, callback, users, meta } = fields
  switch (c) {
    case 'forcesave':
      return { error: await document.forcesave({ type: FORCESAVE.command, userdata }) }
    case 'info':
      // `callback` is undocumented (docs-server.md "Commands").
      await document.info(userdata, typeof callback === 'string' ? callback : undefined)
      return { error: 0, users: document.users }
    case 'drop':
      document.drop(Array.isArray(users) ? users : undefined)
      return { error: 0 }
    default:
      // `meta`: the new title goes to the editors, who are not simulated.
      return { error: typeof meta === 'object' && meta !== null ? 0 : 5 }
  }
}

const KEYED: ReadonlySet<string> = new Set([
  'forcesave',
  'info',
  'meta',
  'drop',
  'getForgotten',
  'deleteForgotten',
])
