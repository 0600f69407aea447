/** The options of a process without `onSave`. */
import type { RedisOption } from './backends/backend.js'
import type { DocsOptions } from './options.js'

/**
 * Options of a process that calls and stores nothing: a script of an operator, for example. It has no `onSave`, so an
 * application with the same `redis` and `prefix` must be running. Without `recoverEvery` it leaves the
 * sweeps of that application as they are.
 * @example
 * await using docs = createDocs({ server, secret, redis: 'redis://127.0.0.1:6379', worker: false })
 * for await (const { key, error } of docs.forcesaveAll()) console.log(key, error?.code ?? 'saved')
 */
export type ClientOptions = Omit<DocsOptions, 'onSave' | 'worker' | 'redis'> & {
  /** Left out. */
  onSave?: undefined
  /** As in {@link DocsOptions}. */
  redis: RedisOption
  /** As in {@link DocsOptions}. */
  worker: false
}
