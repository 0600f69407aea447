/**
 * A ledger that tells the key book of what comes about keys of ours. That a save has come is kept before the save is
 * recorded, and so before it can be acknowledged: a key whose file has changed never passes for an unused one.
 */
import type { Ledger } from '../ledger/ledger.js'
import type { Arrival, LedgerEvent } from '../settlement/event.js'
import type { KeyBook } from './book.js'

/** `joined`: somebody has opened a key of ours. */
export function noting(
  ledger: Ledger,
  book: KeyBook,
  joined: (key: string, ref: string) => void,
): Ledger {
  return {
    ...ledger,
    apply(key, event) {
      const save = saveIn(event)
      if (save !== undefined && book.read(key) !== undefined) {
        return book.noteSave(key, save.payload.ref).then(() => ledger.apply(key, event))
      }
      if (event.type === 'presence' && event.joined.length > 0 && event.ref !== undefined) {
        joined(key, event.ref)
      }
      return ledger.apply(key, event)
    },
  }
}

/** The save that this event brings. */
const saveIn = (event: LedgerEvent): Arrival | undefined =>
  event.type === 'arrived' || event.type === 'found' || event.type === 'searched'
    ? event.save
    : undefined
