/** Tells each command's end as an event. */
import { isDocsError } from '../errors.js'
import type { Events } from '../events.js'
import type { CommandClient } from './commands.js'

export function observed(client: CommandClient, events: Events): CommandClient {
  return {
    async send(name, body, options) {
      const { key } = body as { key?: string }
      try {
        const response = await client.send(name, body, options)
        events.emit('command', { name, key, error: 0 })
        return response
      } catch (error) {
        const answered = isDocsError(error, 'COMMAND_REJECTED') ? error.error : undefined
        events.emit('command', { name, key, error: answered ?? null })
        throw error
      }
    },
  }
}
