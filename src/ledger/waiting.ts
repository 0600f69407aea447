/** A wait in a ledger: it is looked at whenever something may have changed, until it can end. */
import { onAbort, type Signal } from '../abort.js'

export interface Wait<Seen extends unknown[]> {
  /** Ends the wait if it can end now. */
  look: (...seen: Seen) => void
  reject: (reason: unknown) => void
}

/**
 * Adds a wait to `waits`; `look` answers its outcome, `pending`, or `unknown` when there is nothing
 * to wait for. It ends with that, with the signal's reason, or with what `reject` is given.
 */
export function addWait<Seen extends unknown[], Outcome>(
  waits: Set<Wait<Seen>>,
  signal: Signal | undefined,
  look: (...seen: Seen) => Outcome | 'unknown' | 'pending',
  begin: (wait: Wait<Seen>) => void,
): Promise<Outcome | undefined> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted()
    const end = (): void => {
      waits.delete(wait)
      cancelAbort?.()
    }
    const wait: Wait<Seen> = {
      look(...seen) {
        if (!waits.has(wait)) return
        const found = look(...seen)
        if (found === 'pending') return
        end()
        resolve(found === 'unknown' ? undefined : found)
      },
      reject(reason) {
        end()
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- the caller's own reason
        reject(reason)
      },
    }
    waits.add(wait)
    const cancelAbort = signal && onAbort(signal, () => wait.reject(signal.reason))
    begin(wait)
  })
}
