/** Hearing of what other processes have written. Messages only wake: one that is lost costs a poll, no more. */
import type { Cluster, Redis } from 'ioredis'
import type { Logger } from '../events.js'
import { withoutCommand } from './redis-error.js'

/** Calls `wake` for each message, and `wakeAll` when messages may have been lost. */
export type Subscribe = (wake: (message: string) => void, wakeAll: () => void) => void

/** @param subscriber a connection for this alone; who closes it ends the messages */
export function subscribeOver(
  subscriber: Redis | Cluster,
  channel: string,
  logger: Logger,
): Subscribe {
  return (wake, wakeAll) => {
    subscriber.on('message', (_channel: string, message: string) => wake(message))
    const begin = (): void => {
      // Subscribe, wait until that is done, then read once: nothing falls in between.
      subscriber.subscribe(channel).then(wakeAll, (error: unknown) => {
        logger.debug({ err: withoutCommand(error) }, 'not subscribed yet')
      })
    }
    subscriber.on('ready', begin)
    if (subscriber.status === 'ready') begin()
  }
}
