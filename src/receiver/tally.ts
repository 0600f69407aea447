/**
 * What has come to this process since it started. A call that has waited for a callback in vain ends with
 * words that lead on: no callback at all is another fault than none of its key.
 */
import { DocsError, isDocsError } from '../errors.js'
import type { Counters } from '../events.js'
import type { RejectCode } from '../protocol/reject-code.js'

/** How many keys are known, the newest. Above that it is not known whether one of a key has come. */
const MAX_KEYS = 10_000

export interface Tally {
  /** A callback of this key is believed. */
  came: (key: string) => void
  /** Hears of those that were turned away. */
  listeners: Counters
  /** The error of a call about `key`; a `TIMEOUT` with what was seen. */
  explained: (error: unknown, key: string) => unknown
}

/** `shared`: other processes may get the callbacks of the same documents. */
export function createTally({ shared }: { shared: boolean }): Tally {
  const keys = new Set<string>()
  let hasForgotten = false
  let refused = 0
  let lastCode: RejectCode | undefined

  const elsewhere = shared
    ? 'Or another process with the same `redis` has got it.'
    : 'Or another process has got it: processes that serve the same documents need the same `redis`.'

  function seen(key: string): string | undefined {
    if (keys.has(key) || hasForgotten) return undefined
    if (keys.size > 0) {
      return `Callbacks have come to this process since it started, and none of this key: see that it is the key in the editor’s config, and that its callbackUrl is one of callbackUrl(). ${elsewhere}`
    }
    if (lastCode !== undefined) {
      return `All callbacks that have come to this process since it started (${refused}) were turned away, the last one as ${lastCode}: the event \`rejected\` and the log say why.`
    }
    return `No callback has come to this process since it started: see that the Docs server reaches \`publicUrl\`, and that the editor’s callbackUrl is one of callbackUrl(). ${elsewhere}`
  }

  return {
    came(key) {
      keys.delete(key)
      keys.add(key)
      if (keys.size <= MAX_KEYS) return
      const [oldest] = keys
      if (oldest !== undefined) keys.delete(oldest)
      hasForgotten = true
    },
    listeners: {
      rejected({ code, key }) {
        // One with a key was believed.
        if (key !== undefined) return
        refused += 1
        lastCode = code
      },
    },
    explained(error, key) {
      const words = isDocsError(error, 'TIMEOUT') ? seen(key) : undefined
      if (words === undefined) return error
      const { message } = error as DocsError
      return new DocsError('TIMEOUT', `${message}. ${words}`, { key })
    },
  }
}
