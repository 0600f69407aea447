/**
 * The commands about forgotten files. With several Docs servers behind one address (the option `nodes`) each is
 * asked itself: `getForgottenList` has no key, so a balancer sends it to one of them only.
 */
import type { CallOptions } from '../call-options.js'
import type { CommandClient } from '../client/commands.js'
import { isDocsError } from '../errors.js'
import type { Logger } from '../events.js'

/** Where a forgotten file lies; undefined: where `server` routes its key. */
export type Node = URL | undefined

export interface Listed {
  /** Each key once, and the first node that has it. */
  keys: ReadonlyMap<string, Node>
  /** Why a node could not be asked, one error each. */
  failures: readonly unknown[]
}

export interface ForgottenCommands {
  /** Asks every node. Rejects where none has answered. */
  list: (options?: CallOptions) => Promise<Listed>
  /** The link of the file under this key on this node. */
  urlOn: (node: Node, key: string, options?: CallOptions) => Promise<string | undefined>
  /** Whether there was one to delete on this node. */
  deleteOn: (node: Node, key: string, options?: CallOptions) => Promise<boolean>
  /** The link of the first node that has one. Rejects where none has one and a node did not answer. */
  url: (key: string, options?: CallOptions) => Promise<string | undefined>
  /** Deletes the file whose link `url` gives; rejects where a node before it did not answer. */
  delete: (key: string, options?: CallOptions) => Promise<boolean>
}

export function createForgottenCommands(
  client: CommandClient,
  nodes: readonly URL[],
  logger: Logger,
): ForgottenCommands {
  const places: readonly Node[] = nodes.length === 0 ? [undefined] : nodes

  const urlOn: ForgottenCommands['urlOn'] = async (node, key, options) =>
    (await unlessUnknown(client.send('getForgotten', { key }, { ...options, node })))?.url

  const deleteOn: ForgottenCommands['deleteOn'] = async (node, key, options) =>
    (await unlessUnknown(client.send('deleteForgotten', { key }, { ...options, node }))) !==
    undefined

  /** What each place says of this key, in their order. */
  const askAll = (key: string, options: CallOptions | undefined) =>
    Promise.allSettled(places.map((node) => urlOn(node, key, options)))

  return {
    urlOn,
    deleteOn,
    async list(options) {
      const answers = await Promise.allSettled(
        places.map((node) => client.send('getForgottenList', {}, { ...options, node })),
      )
      const keys = new Map<string, Node>()
      const failures: unknown[] = []
      for (const [index, answer] of answers.entries()) {
        const node = places[index]
        if (answer.status === 'rejected') failures.push(answer.reason)
        else for (const key of answer.value.keys) if (!keys.has(key)) keys.set(key, node)
      }
      if (failures.length === places.length) throw failures[0]
      for (const error of failures) {
        logger.warn({ err: error }, 'a Docs server of `nodes` did not list its forgotten files')
      }
      return { keys, failures }
    },
    async url(key, options) {
      const answers = await askAll(key, options)
      for (const answer of answers) {
        if (answer.status === 'fulfilled' && answer.value !== undefined) return answer.value
      }
      const failed = answers.find(({ status }) => status === 'rejected')
      if (failed?.status === 'rejected') throw failed.reason
      return undefined
    },
    async delete(key, options) {
      for (const [index, answer] of (await askAll(key, options)).entries()) {
        if (answer.status === 'rejected') throw answer.reason
        if (answer.value !== undefined) return deleteOn(places[index], key, options)
      }
      return false
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
