/** What is under way, by document key, so that a test can wait until nothing is. */
export class Activity {
  readonly #counts = new Map<string, number>()
  readonly #waiting = new Set<{ key: string | undefined; resolve: () => void }>()

  /** Something begins; call what is returned when it is over. */
  begin(key: string): () => void {
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1)
    let over = false
    return () => {
      if (over) return
      over = true
      const left = (this.#counts.get(key) ?? 0) - 1
      if (left > 0) this.#counts.set(key, left)
      else this.#counts.delete(key)
      if (left === 0) this.#wake()
    }
  }

  /** Resolves when nothing is under way for the key, or for any. */
  idle(key?: string): Promise<void> {
    if (this.#isIdle(key)) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.add({ key, resolve }))
  }

  #isIdle(key: string | undefined): boolean {
    return key === undefined ? this.#counts.size === 0 : !this.#counts.has(key)
  }

  #wake(): void {
    for (const waiter of this.#waiting) {
      if (!this.#isIdle(waiter.key)) continue
      this.#waiting.delete(waiter)
      waiter.resolve()
    }
  }
}
