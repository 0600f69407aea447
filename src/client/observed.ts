/** Tells each command's end as an event, how long it took, and the inspector all of it. */
import { isDocsError } from '../errors.js'
import type { Events } from '../events.js'
import type { Watch } from '../inspector/watch.js'
import type { Stats } from '../stats.js'
import { neverArrived, type CommandClient } from './commands.js'

export function observed(
  client: CommandClient,
  events: Events,
  stats: Stats,
  watch: Watch,
): CommandClient {
  return {
    async send(name, body, options) {
      const { key } = body as { key?: string }
      const begun = stats.now()
      const answered = watch.command(name, body)
      try {
        const response = await client.send(name, body, options)
        answered({ response })
        events.emit('command', { name, key, error: 0 })
        return response
      } catch (error) {
        const sent = !(isDocsError(error) && neverArrived(error))
        answered({ error, sent })
        const number = isDocsError(error, 'COMMAND_REJECTED') ? error.error : undefined
        events.emit('command', { name, key, error: number ?? null })
        throw error
      } finally {
        stats.took('command', begun)
      }
    },
  }
}
