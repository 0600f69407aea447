/** What Redis refuses to do, as against a Redis that is away: waiting does not mend it, somebody has to. */

/**
 * Redis begins such an answer with a word in capitals: NOPERM, READONLY, OOM. By the words and not by the class,
 * since an application may have passed in a connection of another copy of ioredis.
 */
export const isRefusal = (error: unknown): boolean =>
  error instanceof Error && /^[A-Z]{2,} /.test(error.message)
