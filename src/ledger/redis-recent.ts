/** The last states that this process has written of documents it no longer works on. */
import type { DocumentState } from '../settlement/state.js'

export interface Written {
  readonly version: string
  readonly state: DocumentState
}

/** Documents. */
const MAX_RECENT = 256

/**
 * Only for writes: an outdated state makes a write start again, but a wait would never notice. Keyed
 * by the names of documents in Redis.
 */
export class Recent {
  readonly #written = new Map<string, Written>()

  remember(name: string, written: Written): void {
    const [oldest] = this.#written.keys()
    if (this.#written.size >= MAX_RECENT && oldest !== undefined) this.#written.delete(oldest)
    this.#written.set(name, written)
  }

  /** Removes it as well: the write that follows remembers the next one. */
  take(name: string): Written | undefined {
    const written = this.#written.get(name)
    this.#written.delete(name)
    return written
  }

  clear(): void {
    this.#written.clear()
  }
}
