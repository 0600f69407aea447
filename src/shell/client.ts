/** The client that a command works with, beside an application that runs. */
import type { Docs } from '../api.js'
import { createDocs } from '../docs.js'
import { DocsError, isDocsError } from '../errors.js'
import { resolveOptions, type DocsOptions } from '../options.js'
import { RejectSave } from '../saves/reject-save.js'
import { UsageError } from './arguments.js'
import type { Command } from './command.js'
import type { Settings } from './settings.js'

/**
 * Without an application nothing would be found open, and "everything is saved" would be said of documents that
 * nobody looked at: so it is looked for first.
 *
 * @throws UsageError for options that `createDocs()` refuses; DocsError `UNREACHABLE`
 */
export async function openClient(command: Command, settings: Settings): Promise<Docs> {
  const { docs, redis } = settings
  try {
    if (!command.needsRedis || redis === undefined) {
      // It serves no callbacks, so nothing is ever handed over.
      return createDocs({ ...docs, onSave: refuse })
    }
    const options = { ...docs, redis, worker: false } as const
    // Before the client listens there, too.
    await findApplication(redis, resolveOptions(options).prefix)
    return createDocs(options)
  } catch (error) {
    throw isDocsError(error, 'BAD_OPTION') ? new UsageError(error.message) : error
  }
}

function refuse(): never {
  throw new RejectSave('a command stores nothing')
}

async function findApplication(
  redis: NonNullable<DocsOptions['redis']>,
  prefix: string,
): Promise<void> {
  const { listenersOn } = await import('../backends/redis-listeners.js')
  const { unreachable } = await import('../doctor/redis.js')
  const listeners = await listenersOn(redis, prefix).catch((error: unknown) => {
    const { what, fix = [] } = unreachable(error)
    throw new DocsError('UNREACHABLE', `Redis: ${[what, ...fix].join('; ')}`)
  })
  if (listeners !== 0) return
  throw new DocsError(
    'UNREACHABLE',
    `no application with the prefix ${JSON.stringify(prefix)} is connected to this Redis; start it, or give its own prefix (--prefix)`,
  )
}
