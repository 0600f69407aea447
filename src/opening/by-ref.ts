/** Calls about `{ ref }`: the file's current key is looked up, and results and errors tell the ref. */
import type { Docs } from '../api.js'
import { checkRef } from '../arguments.js'
import type { Calls } from '../calls.js'
import { isRecord } from '../check.js'
import { badOption, DocsError, isDocsError } from '../errors.js'
import type { KeyBook } from '../keys/book.js'
import type { Target } from '../target.js'

/** `calls` take keys; what this gives takes keys and refs. */
export function byRef(calls: Calls, book: KeyBook): Pick<Docs, keyof Calls> {
  async function keyOf(target: unknown): Promise<{ key: string; ref: string }> {
    if (!isRecord(target) || Object.keys(target).length !== 1) {
      throw badOption('key', target, 'give a document key, or { ref } of a file that was opened')
    }
    const { ref } = target
    checkRef(ref)
    const kept = await book.current(ref)
    if (kept !== undefined) return { key: kept.record.key, ref }
    const message =
      'no key of this file is known: open() was not called for it, or what was known of it is lost'
    throw new DocsError('NOT_OPENED', message, { ref })
  }

  /** Makes a call, and says which file it was about. */
  async function about<Result>(
    target: Target,
    call: (key: string) => Promise<Result>,
  ): Promise<Result> {
    const { key, ref } =
      typeof target === 'object' ? await keyOf(target) : { key: target, ref: refIn(target) }
    if (ref === undefined) return call(key)
    try {
      const result = await call(key)
      return isRecord(result) ? { ...result, ref } : result
    } catch (error) {
      if (isDocsError(error) && error.ref === undefined) Reflect.set(error, 'ref', ref)
      throw error
    }
  }

  const refIn = (key: unknown): string | undefined =>
    typeof key === 'string' ? book.refIn(key) : undefined

  return {
    ...calls,
    forcesave: (target, options) => about(target, (key) => calls.forcesave(key, options)),
    startForcesave: (target, options) => about(target, (key) => calls.startForcesave(key, options)),
    outcome: (id, options) => {
      const [, ...rest] = typeof id === 'string' ? id.split('.') : []
      return about(rest.join('.'), () => calls.outcome(id, options))
    },
    info: (target, options) => about(target, (key) => calls.info(key, options)),
    meta: (target, meta, options) => about(target, (key) => calls.meta(key, meta, options)),
    drop: (target, users, options) => about(target, (key) => calls.drop(key, users, options)),
  }
}
