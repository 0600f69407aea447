/**
 * The commands of the Docs server's command service: one request and one response type each.
 * Facts: design notes `docs-server.md`, "Commands"; `test/wire/rejected-commands.jsonl`.
 */

/** `error` of a response, by number. 7 is in no documentation: it was seen for an expired token. */
export const COMMAND_ERRORS = {
  0: 'none',
  1: 'unknown key',
  2: 'callback URL not correct',
  3: 'internal error',
  4: 'nothing to save',
  5: 'unknown command',
  6: 'bad token',
  7: 'expired token',
} as const

/** The name of a response's `error`, for messages. */
export function commandErrorName(error: number): string {
  return (COMMAND_ERRORS as Record<number, string>)[error] ?? 'an error this version does not know'
}

/** How a command goes out: as JSON, or in the query of the address as before Docs 4.2. */
export type CommandMethod = 'POST' | 'GET'

/** What each command sends beside `c`. */
export interface CommandRequests {
  forcesave: { key: string; userdata?: string }
  info: { key: string; userdata?: string }
  meta: { key: string; meta: { title: string } }
  drop: { key: string; users?: readonly string[] }
  version: object
  license: object
  getForgottenList: object
  getForgotten: { key: string }
  deleteForgotten: { key: string }
}

/** What each command's response holds beside `error`, when `error` is 0. */
export interface CommandResponses {
  forcesave: { key: string }
  /** `users` since Docs 8.2; before that only the callback has them. */
  info: { key: string; users?: string[] }
  meta: { key: string }
  drop: { key: string }
  version: { version: string }
  license: {
    license: Record<string, unknown>
    server: Record<string, unknown>
    quota: Record<string, unknown>
  }
  getForgottenList: { keys: string[] }
  getForgotten: { key: string; url: string }
  deleteForgotten: { key: string }
}

/** The commands of the Docs server (`docs/docs-server.md`, "Commands"). */
export type CommandName =
  | 'forcesave'
  | 'info'
  | 'meta'
  | 'drop'
  | 'version'
  | 'license'
  | 'getForgottenList'
  | 'getForgotten'
  | 'deleteForgotten'

/** A request as it goes over the wire, before its token is added. */
export type CommandBody<Name extends CommandName = CommandName> = {
  c: Name
} & CommandRequests[Name]

/** A response as it came: always HTTP 200, the verdict is in `error`. */
export interface CommandResponse {
  /** 0: accepted. The others: `docs/docs-server.md`, "Commands". */
  error: number
  /** What the command has asked for. */
  [field: string]: unknown
}
