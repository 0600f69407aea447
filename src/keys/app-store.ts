/** The current key of each file in the application's own database, by the option `keys`. */
import { badOption, DocsError, isDocsError } from '../errors.js'
import type { KeyStore } from './store.js'

/**
 * Where the current key of each file is kept, in the application's own database: for an application without
 * `redis` that restarts while files are open.
 */
export interface KeysOption {
  /** The text that `set` has kept for this file; undefined or null: there is none. */
  get: (ref: string) => string | undefined | null | Promise<string | undefined | null>
  /**
   * Keeps `text`, of at most 4,096 characters, if what is kept is still `before` (undefined: nothing), in one step. Answers
   * whether it did.
   */
  set: (ref: string, text: string, before: string | undefined) => boolean | Promise<boolean>
}

/** What the application throws is UNREACHABLE: the key is not known. */
async function asked<Result>(
  name: string,
  ref: string,
  ask: () => Result,
): Promise<Awaited<Result>> {
  try {
    return await ask()
  } catch (cause) {
    if (isDocsError(cause)) throw cause
    throw new DocsError('UNREACHABLE', `keys.${name}() failed: see cause`, { ref, cause })
  }
}

export const createAppKeyStore = (keys: KeysOption): KeyStore => ({
  async get(ref) {
    const text: unknown = await asked('get', ref, () => keys.get(ref))
    if (text === undefined || text === null) return undefined
    if (typeof text === 'string') return text
    throw badOption('keys.get', text, 'it has to give the text that set() was given, or undefined')
  },
  async set(ref, text, before) {
    const isKept: unknown = await asked('set', ref, () => keys.set(ref, text, before))
    if (typeof isKept === 'boolean') return isKept
    throw badOption('keys.set', isKept, 'it has to say whether it has kept the text: true or false')
  },
  // Of a hash the application knows nothing: callbacks or `refOf` tell the ref.
  byHash: () => Promise.resolve(undefined),
})
