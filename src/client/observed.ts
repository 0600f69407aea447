/** Tells each command's end as an event, and how long it took. */
import { isDocsError } from '../errors.js'
import type { Events } from '../events.js'
import type { Stats } from '../stats.js'
import type { CommandClient } from './commands.js'

export function observed(client: CommandClient, events: Events, stats: Stats): CommandClient {
  return {
    async send(name, body, options) {
      const { key } = body as { key?: string }
      const begun = stats.now()
      try {
        const response = await client.send(name, body, options)
        events.emit('command', { name, key, error: 0 })
        return response
      } catch (error) {
        const answered = isDocsError(error, 'COMMAND_REJECTED') ? error.error : undefined
        events.emit('command', { name, key, error: answered ?? null })
        throw error
      } finally {
        stats.took('command', begun)
      }
    },
  }
}
