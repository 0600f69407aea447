/** The application's own functions, called so that none of their faults stops what goes on here. */

/** Calls a listener: what it throws, rejects with, or returns in place of a promise goes to `complain`. */
export function harmless(listener: () => unknown, complain: (error: unknown) => void): void {
  const call = async (): Promise<void> => {
    await listener()
  }
  call().catch(complain)
}

/** What `value` is made of, or `otherwise` where looking at it throws. */
export function attempt<Result>(look: () => Result, otherwise: Result): Result {
  try {
    return look()
  } catch {
    return otherwise
  }
}
