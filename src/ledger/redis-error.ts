/** What Redis or ioredis says, as an error of this package. */
import { DocsError } from '../errors.js'

/**
 * An error of ioredis without the command that it hangs on it: its arguments are a password, or a
 * whole document with the links to its files, and neither may reach a log.
 */
export function withoutCommand(error: unknown): unknown {
  if (error instanceof Error) Reflect.deleteProperty(error, 'command')
  return error
}

export function unreachable(cause: unknown): DocsError {
  const what = cause instanceof Error ? cause.message : String(cause)
  return new DocsError('UNREACHABLE', `Redis did not do what it was asked: ${what}`, {
    cause: withoutCommand(cause),
  })
}
