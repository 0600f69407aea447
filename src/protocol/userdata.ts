/**
 * Our id and the application's userdata in one string, and back (`settlement.md` 1). The userdata
 * of a command is the only thing in its callback that tells which command it belongs to.
 *
 * Form: `<prefix>:<id>:<userdata>`. userdata is never empty on the wire: the Docs server does not
 * send an empty one back (`docs-server.md`, "Commands").
 */

/** As `newId` makes it: it has no `:`. */
const ID = /^[0-9A-Za-z_-]{22}$/

export const isId = (value: string): boolean => ID.test(value)

/** The id of a command outside of this package: its own and the key it is about. */
export const handleOf = (key: string, id: string): string => `${id}.${key}`

/** The most bytes an application's userdata may have: long ones break the callback's header. */
export const MAX_USERDATA = 1024

export function packUserdata(prefix: string, id: string, userdata = ''): string {
  return `${prefix}:${id}:${userdata}`
}

export interface Unpacked {
  /** Undefined when this userdata is not of our making. */
  commandId: string | undefined
  /** The application's own, or whatever came. */
  userdata: unknown
}

export function unpackUserdata(prefix: string, value: unknown): Unpacked {
  const foreign = { commandId: undefined, userdata: value }
  if (typeof value !== 'string' || !value.startsWith(`${prefix}:`)) return foreign
  const idEnd = value.indexOf(':', prefix.length + 1)
  const id = value.slice(prefix.length + 1, idEnd)
  if (idEnd === -1 || !ID.test(id)) return foreign
  return { commandId: id, userdata: value.slice(idEnd + 1) }
}
