/** Forgotten files: final saves that nobody took (`docs-server.md`, "What our reply does"). */
import { randomUUID } from 'node:crypto'
import type { CallOptions } from '../call-options.js'
import type { CommandClient } from '../client/commands.js'
import type { Downloader } from '../client/download.js'
import { DocsError, isDocsError, toPlainError } from '../errors.js'
import type { Logger } from '../events.js'
import type { Ledger } from '../ledger/ledger.js'
import type { Arrival } from '../ledger/state.js'
import { saveName } from '../protocol/save-name.js'

export interface Forgotten {
  list(options?: CallOptions): Promise<string[]>
  /** The link to a forgotten file, or undefined when there is none under this key. */
  url(key: string, options?: CallOptions): Promise<string | undefined>
  /** Whether there was one to delete. */
  delete(key: string, options?: CallOptions): Promise<boolean>
}

export interface ForgottenParts {
  client: CommandClient
  ledger: Ledger
  downloader: Downloader
  logger: Logger
}

export function createForgotten({
  client,
  ledger,
  downloader,
  logger,
}: ForgottenParts): Forgotten & {
  search: (key: string, id: string, ref: string | undefined) => Promise<void>
  deleteStored: (key: string) => Promise<void>
} {
  const forgotten: Forgotten = {
    list: async (options) => (await client.send('getForgottenList', {}, options)).keys,
    async url(key, options) {
      const response = await unlessUnknown(client.send('getForgotten', { key }, options))
      return response?.url
    },
    async delete(key, options) {
      return (await unlessUnknown(client.send('deleteForgotten', { key }, options))) !== undefined
    },
  }

  /** What is found, as a save. Its path is the same for every forgotten file of a key: never its name. */
  function arrival(key: string, url: string, ref: string): Arrival {
    const link = downloader.allowed(url)
    const filetype = /\.([0-9a-z]{1,10})$/i.exec(link?.pathname ?? '')?.[1]
    const failure = new DocsError(
      'BAD_RESPONSE',
      'the link of a forgotten file is not on the Docs server: nothing was fetched; add its origin to downloadOrigins if it is yours',
      { key, retryable: false },
    )
    return {
      name: saveName({ key, status: 2, mark: randomUUID() }),
      status: 2,
      trigger: 'forgotten',
      markedReplay: false,
      facts: { filetype, users: [] },
      payload: { ref, userdata: undefined, body: { key, status: 2, url, filetype } },
      ...(link !== undefined ? {} : { failure: toPlainError(failure) }),
    }
  }

  async function look(key: string, ref: string | undefined): Promise<Arrival | undefined> {
    const url = await forgotten.url(key)
    if (url === undefined) return undefined
    if (ref !== undefined) return arrival(key, url, ref)
    throw new DocsError(
      'STORAGE_FAILED',
      'the Docs server holds a forgotten file under this key, and no callback has told its ref: fetch it with docs.forgotten.url(key)',
      { key, retryable: false },
    )
  }

  return {
    ...forgotten,
    /** Rule 8: a file found for a key that is not open joins the key's saves. */
    async search(key, id, ref) {
      let found: { save?: Arrival; failure?: ReturnType<typeof toPlainError> } = {}
      try {
        const save = await look(key, ref)
        if (save !== undefined) found = { save }
      } catch (error) {
        if (!isDocsError(error)) throw error
        found = { failure: toPlainError(error) }
      }
      await ledger.apply(key, { type: 'searched', id, ...found })
    },
    /** A file that stays there after all is stored once more by a later search: harmless. */
    async deleteStored(key) {
      try {
        await forgotten.delete(key)
      } catch (error) {
        logger.warn({ err: error, key }, 'a forgotten file is stored and could not be deleted')
      }
    },
  }
}

/** Error 1 of these commands: there is no such file (`test/wire/final-save-forgotten-after-500s.jsonl`). */
async function unlessUnknown<Response>(response: Promise<Response>): Promise<Response | undefined> {
  try {
    return await response
  } catch (error) {
    if (isDocsError(error, 'COMMAND_REJECTED') && error.error === 1) return undefined
    throw error
  }
}
