/**
 * An error of ioredis without the command that it hangs on it: its arguments are a password, or a
 * whole document with the links to its files, and neither may reach a log.
 */
export function withoutCommand(error: unknown): unknown {
  if (error instanceof Error) Reflect.deleteProperty(error, 'command')
  return error
}
