/**
 * Somebody opens a file with a key that is no longer its own: from a config of long ago, say. Two sessions of one file
 * would overwrite each other, so whoever is in the older one is disconnected.
 */
import type { CommandClient } from '../client/commands.js'
import type { Logger } from '../events.js'
import type { KeyBook } from '../keys/book.js'

export interface StaleParts {
  book: KeyBook
  client: CommandClient
  logger: Logger
  /** Aborted by `close()`. */
  closing: AbortSignal
}

/** What is done, in the background, about somebody who has opened a key of ours. */
export function createStale(parts: StaleParts): (key: string, ref: string) => void {
  const { book, client, logger, closing } = parts

  async function joined(key: string, ref: string): Promise<void> {
    if (await book.noteJoin(key, ref)) return
    logger.warn(
      { key, ref },
      'somebody opened a file with an older key than its current one, and is disconnected: the page is to ask open() for a config each time',
    )
    await client.send('drop', { key }, { signal: closing })
  }

  return (key, ref) => {
    if (book.read(key) === undefined) return
    joined(key, ref).catch((error: unknown) => {
      if (!closing.aborted) logger.warn({ err: error, key, ref }, 'a key could not be looked up')
    })
  }
}
