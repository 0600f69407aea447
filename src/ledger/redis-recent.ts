/** What this process wrote last of documents that it has nothing to do with any more. */
import type { DocumentState } from '../settlement/state.js'

export interface Written {
  readonly version: string
  readonly state: DocumentState
}

/** Of so many documents. */
const MAX_RECENT = 256

/**
 * Good for writing only: a write finds out whether somebody else has gone on, and who waits would not.
 * By the names of documents.
 */
export class Recent {
  readonly #written = new Map<string, Written>()

  remember(name: string, written: Written): void {
    const [oldest] = this.#written.keys()
    if (this.#written.size >= MAX_RECENT && oldest !== undefined) this.#written.delete(oldest)
    this.#written.set(name, written)
  }

  /** It is forgotten by that: who has taken it writes, and remembers what it has written. */
  take(name: string): Written | undefined {
    const written = this.#written.get(name)
    this.#written.delete(name)
    return written
  }

  clear(): void {
    this.#written.clear()
  }
}
