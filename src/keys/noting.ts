/**
 * A ledger that tells the key book of what comes about keys of ours. That a save has come is kept before the save is
 * recorded, and so before it can be acknowledged: a key whose file has changed never passes for an unused one.
 */
import type { Ledger } from '../ledger/ledger.js'
import type { LedgerEvent } from '../settlement/event.js'
import type { KeyBook } from './book.js'

/** `joined`: somebody has opened a key of ours. */
export function noting(
  ledger: Ledger,
  book: KeyBook,
  joined: (key: string, ref: string) => void,
): Ledger {
  const noted = async (key: string, ref: string, event: LedgerEvent): Promise<void> => {
    await book.noteSave(key, ref)
    await ledger.apply(key, event)
  }
  return {
    ...ledger,
    apply(key, event) {
      const ref = refOfSave(event)
      if (ref !== undefined && book.read(key) !== undefined) return noted(key, ref, event)
      if (event.type === 'presence' && event.joined.length > 0 && event.ref !== undefined) {
        joined(key, event.ref)
      }
      return ledger.apply(key, event)
    },
  }
}

/** The ref of the save that this event brings. */
function refOfSave(event: LedgerEvent): string | undefined {
  const brings =
    event.type === 'arrived' || event.type === 'found' || event.type === 'searched'
      ? event.save
      : undefined
  return brings?.payload.ref
}
