/** Forgotten files: final saves that nobody took (`docs-server.md`, "What our reply does"). */
import type { CallOptions } from '../call-options.js'
import type { CommandClient } from '../client/commands.js'
import type { Downloader, DownloadLimits } from '../client/download.js'
import { DocsError, isDocsError, toPlainError } from '../errors.js'
import type { Logger } from '../events.js'
import type { Ledger } from '../ledger/ledger.js'
import type { Arrival, SearchResult } from '../settlement/event.js'
import { saveName } from '../protocol/save-name.js'
import { limitsIn } from '../saves/save.js'
import { filetypeOf, fingerprintOf } from './fingerprint.js'
import { createForgottenCommands, type ForgottenCommands, type Node } from './nodes.js'

/** `error` of a command that the Docs server does not know (`docs-server.md`, "Commands"). */
const UNKNOWN_COMMAND = 5

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
  /** The longest file of this call, in bytes. Default: the option of that name. */
  maxDownload?: number | undefined
  /** The longest time that each of its downloads may take, in ms. Default: the option of that name. */
  downloadTimeout?: number | undefined
  /** Told the result of each file as it comes. What it throws is logged. */
  onResult?: ((result: RecoveryResult) => unknown) | undefined
}

/**
 * The forgotten files of the Docs server: final saves that nobody took (`docs/docs-server.md`, "What our
 * reply does"). Errors are those of a command; `BAD_OPTION` for a key outside the alphabet.
 */
export interface Forgotten {
  /**
   * The keys of all forgotten files on the Docs server, those of other applications included; with `nodes`
   * those of each, every key once. Rejects where one of them does not answer.
   */
  list(options?: CallOptions): Promise<string[]>
  /** The link to a forgotten file, or undefined when there is none under this key. */
  url(key: string, options?: CallOptions): Promise<string | undefined>
  /** Whether there was one to delete; with `nodes` it deletes the one whose link `url` gives. */
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
   * `onSave` goes on. Errors: those of a command where the list cannot be had, `TIMEOUT`, `CLOSED`. With `nodes`
   * the files of those that answer are recovered first; then it rejects with the error of the one that did not.
   * @example
   * const { recovered, failed } = await docs.forgotten.recover({
   *   onResult: (result) => console.log(result.key, result.outcome),
   * })
   */
  recover(options?: RecoverOptions): Promise<Recovery>
}

/** What is done with forgotten files one at a time. */
export interface ForgottenFiles extends ForgottenCommands {
  /** What is found, as a save that is named by its bytes. */
  arrival: (
    key: string,
    url: string,
    ref: string,
    node?: Node,
    limits?: DownloadLimits,
  ) => Promise<Arrival>
  /** Rule 13: a file found for a key that is not open joins the key's saves. */
  search: (key: string, since: number, file: FileOfKey) => Promise<void>
  /** Deletes the file that is stored as the save of this name. */
  deleteStored: (key: string, name: string, node?: Node, limits?: DownloadLimits) => Promise<void>
}

/** Which file a key stands for. */
export interface FileOfKey {
  readonly ref: string | undefined
  /** Whether a forgotten file of this key is known to be no older than what is stored. */
  readonly vouched: boolean
}

export interface ForgottenParts {
  client: CommandClient
  /** The option `nodes`. */
  nodes: readonly URL[]
  ledger: Ledger
  downloader: Downloader
  logger: Logger
}

export function createForgotten({
  client,
  nodes,
  ledger,
  downloader,
  logger,
}: ForgottenParts): ForgottenFiles {
  const commands = createForgottenCommands(client, nodes, logger)

  async function arrival(
    key: string,
    url: string,
    ref: string,
    node?: Node,
    limits: DownloadLimits = {},
  ): Promise<Arrival> {
    const link = downloader.allowed(url)
    const filetype = filetypeOf(link)
    const wrong = downloader.whyNot(url)
    const failure =
      wrong &&
      new DocsError('BAD_RESPONSE', `a forgotten file cannot be fetched: ${wrong}`, {
        ...{ key, retryable: false },
      })
    return {
      name:
        link === undefined
          ? nameOf(key, url)
          : nameOf(key, await fingerprintOf(link, downloader, limits)),
      status: 2,
      trigger: 'forgotten',
      markedReplay: false,
      facts: { filetype, users: [] },
      payload: {
        ref,
        userdata: undefined,
        body: {
          key,
          status: 2,
          url,
          filetype,
          ...(node && { node: node.href }),
          ...limitsIn({ ...limits }),
        },
      },
      ...(failure ? { failure: toPlainError(failure) } : {}),
    }
  }

  /** Where the document itself is, and then on every other node: the number of nodes may have changed. */
  async function findOn(
    places: readonly Node[],
    key: string,
  ): Promise<{ url: string; node: Node } | undefined> {
    for (const node of places) {
      const url = await commands.urlOn(node, key)
      if (url !== undefined) return { url, node }
    }
    return undefined
  }

  async function look(key: string, ref: string | undefined): Promise<Arrival | undefined> {
    const found = await findOn([undefined, ...nodes], key)
    if (found === undefined) return undefined
    if (ref !== undefined) return await arrival(key, found.url, ref, found.node)
    throw new DocsError(
      'STORAGE_FAILED',
      'the Docs server holds a forgotten file under this key, and no callback has told its ref: fetch it with docs.forgotten.url(key), or set the option refOf and call docs.forgotten.recover()',
      { key, retryable: false },
    )
  }

  /** The node that a save of `recover()` was found on: elsewhere another file may lie under its key. */
  function nodeOf(address: unknown): Node {
    if (address === undefined) return undefined
    const node = nodes.find(({ href }) => href === address)
    if (node !== undefined) return node
    throw new DocsError('BAD_OPTION', 'nodes: the Docs server of this file is not among them')
  }

  return {
    ...commands,
    arrival,
    async search(key, since, { ref, vouched }) {
      let found: SearchResult = {}
      try {
        const save = await look(key, ref)
        if (save !== undefined) found = vouched ? { save, vouched } : { save }
      } catch (error) {
        if (!isDocsError(error)) throw error
        const isUnsupported = error.code === 'COMMAND_REJECTED' && error.error === UNKNOWN_COMMAND
        found = isUnsupported ? { unsupported: true } : { failure: toPlainError(error) }
      }
      await ledger.apply(key, { type: 'searched', since, ...found })
    },
    async deleteStored(key, name, found, given) {
      try {
        const { saves } = await ledger.read(key)
        const save = saves.find((other) => other.name === name)
        const node = found ?? nodeOf(save?.payload?.body['node'])
        // The file is read again, which must not fail for what it was stored in spite of.
        const limits = given ?? limitsIn(save?.payload?.body ?? {})
        const url = await commands.urlOn(node, key)
        const link = url === undefined ? undefined : downloader.allowed(url)
        if (link === undefined) return
        if (nameOf(key, await fingerprintOf(link, downloader, limits)) !== name) {
          logger.info({ key }, 'a forgotten file is stored, and a newer one is there by now')
          return
        }
        await commands.deleteOn(node, key)
      } catch (error) {
        logger.warn({ err: error, key }, 'a forgotten file is stored and could not be deleted')
      }
    },
  }
}

const nameOf = (key: string, fingerprint: string): string =>
  saveName({ key, status: 2, mark: `forgotten ${fingerprint}` })
