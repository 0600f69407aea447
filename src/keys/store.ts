/**
 * The port behind which the current key of each file lives, and its implementation in this process.
 *
 * Contract: `set` replaces the text of a file only if that is still `before` (undefined: there is none), in one step
 * over all processes, and answers whether it did. What `set` has kept is what `get` answers next, in every process.
 */
import type { Clock } from '../clock.js'
import { sha256 } from '../protocol/sha256.js'
import { KEY_KEPT } from './record.js'

export interface KeyStore {
  get(ref: string): Promise<string | undefined>
  set(ref: string, text: string, before: string | undefined): Promise<boolean>
  /** The text of the file whose ref has this hash, where texts can be found by that. */
  byHash(hash: string): Promise<string | undefined>
}

/** A Map, in the order of the last change, so that the oldest are found first when they expire. */
export function createMemoryKeyStore(clock: Clock): KeyStore {
  const texts = new Map<string, { text: string; at: number }>()

  function expire(now: number): void {
    for (const [hash, { at }] of texts) {
      if (at + KEY_KEPT > now) break
      texts.delete(hash)
    }
  }
  const byHash = (hash: string): Promise<string | undefined> =>
    Promise.resolve(texts.get(hash)?.text)

  return {
    byHash,
    get: (ref) => byHash(sha256(ref)),
    set(ref, text, before) {
      const [hash, now] = [sha256(ref), clock.now()]
      expire(now)
      if (texts.get(hash)?.text !== before) return Promise.resolve(false)
      texts.delete(hash)
      texts.set(hash, { text, at: now })
      return Promise.resolve(true)
    },
  }
}
