/** Forgotten files: final saves that nobody took (`docs-server.md`, "What our reply does"). */
import { randomUUID } from 'node:crypto'
import type { CallOptions } from '../call-options.js'
import type { CommandClient } from '../client/commands.js'
import type { Downloader } from '../client/download.js'
import { DocsError, isDocsError, toPlainError } from '../errors.js'
import type { Logger } from '../events.js'
import { hasMovedOn } from '../ledger/forgotten.js'
import type { Ledger } from '../ledger/ledger.js'
import type { Arrival } from '../ledger/event.js'
import { saveName } from '../protocol/save-name.js'

/** What became of one forgotten file. */
export type RecoveryResult =
  /** `onSave` has stored it, and it is deleted in the Docs server. */
  | { key: string; outcome: 'recovered' }
  /**
   * It stays where it is. `open`: the document is being edited or saved now, or its final save may come
   * again. `outdated`: it may be older than what is stored. `unknown-ref`: nobody has told its `ref`.
   */
  | { key: string; outcome: 'left'; reason: 'open' | 'outdated' | 'unknown-ref' }
  /** Somebody else has taken or deleted it meanwhile. */
  | { key: string; outcome: 'gone' }
  | { key: string; outcome: 'failed'; error: DocsError }

/** How many of the forgotten files ended how. */
export type Recovery = Record<RecoveryResult['outcome'], number>

/** What `forgotten.recover()` takes. */
export interface RecoverOptions extends CallOptions {
  /** Told the result of each file as it comes. What it throws is logged. */
  onResult?: ((result: RecoveryResult) => unknown) | undefined
}

/**
 * The forgotten files of the Docs server: final saves that nobody took (`docs/docs-server.md`, "What our
 * reply does"). Errors are those of a command; `BAD_OPTION` for a key outside the alphabet.
 */
export interface Forgotten {
  /** The keys of all forgotten files on the Docs server, those of other applications included. */
  list(options?: CallOptions): Promise<string[]>
  /** The link to a forgotten file, or undefined when there is none under this key. */
  url(key: string, options?: CallOptions): Promise<string | undefined>
  /** Whether there was one to delete. */
  delete(key: string, options?: CallOptions): Promise<boolean>
  /**
   * Hands each forgotten file to `onSave` (`save.trigger === 'forgotten'`), once, whatever the number of
   * processes, and deletes it in the Docs server when it is stored. In the order of their keys, four at a
   * time. One that fails harms no other and stays where it is. Resolves with how many ended how; each
   * result goes to `onResult`.
   *
   * The `ref` is what the callbacks have told, for the retention time after a document was closed, or what
   * the option `refOf` says. Nothing is stored that may be older than what is stored already: such a file is left, and so is one
   * whose document is open. A document that has been closed unheard is looked at again `nudgeAfter` ms
   * after the others.
   *
   * `timeout` (default: none) and `signal` end the call between two files: what has been handed to
   * `onSave` goes on. Errors: those of a command where the list cannot be had, `TIMEOUT`, `CLOSED`.
   * @example
   * const { recovered, failed } = await docs.forgotten.recover({
   *   onResult: (result) => console.log(result.key, result.outcome),
   * })
   */
  recover(options?: RecoverOptions): Promise<Recovery>
}

/** What is done with forgotten files one at a time. */
export interface ForgottenFiles extends Omit<Forgotten, 'recover'> {
  /** What is found, as a save. Its path is the same for every forgotten file of a key: never its name. */
  arrival: (key: string, url: string, ref: string) => Arrival
  /** Rule 8: a file found for a key that is not open joins the key's saves. */
  search: (key: string, id: string, ref: string | undefined) => Promise<void>
  /** Deletes the file that is stored as the save of this name. */
  deleteStored: (key: string, name: string) => Promise<void>
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
}: ForgottenParts): ForgottenFiles {
  const forgotten: Omit<Forgotten, 'recover'> = {
    list: async (options) => (await client.send('getForgottenList', {}, options)).keys,
    async url(key, options) {
      const response = await unlessUnknown(client.send('getForgotten', { key }, options))
      return response?.url
    },
    async delete(key, options) {
      return (await unlessUnknown(client.send('deleteForgotten', { key }, options))) !== undefined
    },
  }

  function arrival(key: string, url: string, ref: string): Arrival {
    const link = downloader.allowed(url)
    const filetype = /\.([0-9a-z]{1,10})$/i.exec(link?.pathname ?? '')?.[1]
    const wrong = downloader.whyNot(url)
    const failure =
      wrong &&
      new DocsError('BAD_RESPONSE', `a forgotten file cannot be fetched: ${wrong}`, {
        ...{ key, retryable: false },
      })
    return {
      name: saveName({ key, status: 2, mark: randomUUID() }),
      status: 2,
      trigger: 'forgotten',
      markedReplay: false,
      facts: { filetype, users: [] },
      payload: { ref, userdata: undefined, body: { key, status: 2, url, filetype } },
      ...(failure ? { failure: toPlainError(failure) } : {}),
    }
  }

  async function look(key: string, ref: string | undefined): Promise<Arrival | undefined> {
    const url = await forgotten.url(key)
    if (url === undefined) return undefined
    if (ref !== undefined) return arrival(key, url, ref)
    throw new DocsError(
      'STORAGE_FAILED',
      'the Docs server holds a forgotten file under this key, and no callback has told its ref: fetch it with docs.forgotten.url(key), or set the option refOf and call docs.forgotten.recover()',
      { key, retryable: false },
    )
  }

  return {
    ...forgotten,
    arrival,
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
    async deleteStored(key, name) {
      try {
        const state = await ledger.read(key)
        const save = state.saves.find((other) => other.name === name)
        // The key has been opened or saved since: another forgotten file may be there by now.
        if (save === undefined || hasMovedOn(state, save.turn)) {
          logger.info(
            { key },
            'a forgotten file is stored, and is left because its key is in use again',
          )
          return
        }
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
