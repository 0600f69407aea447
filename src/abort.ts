/** Waiting for a signal, any number of times at once: a caller's, or one of our own. */

/**
 * What an `AbortSignal` is to those within this package, without the event target that makes it dear
 * in time and bytes. The application gets an `AbortSignal` ({@link toAbortSignal}).
 */
export class OwnSignal {
  #aborted = false
  #reason: unknown
  /** Mostly there is one, and then no set is made for it. */
  #tasks: (() => void) | Set<() => void> | undefined

  get aborted(): boolean {
    return this.#aborted
  }

  get reason(): unknown {
    return this.#reason
  }

  throwIfAborted(): void {
    if (this.#aborted) throw this.#reason
  }

  /** Only the first time counts. */
  abort(reason: unknown): void {
    if (this.#aborted) return
    this.#aborted = true
    this.#reason = reason
    const tasks = this.#tasks
    this.#tasks = undefined
    if (typeof tasks === 'function') tasks()
    else for (const task of tasks ?? []) task()
  }

  /** @returns what cancels it */
  whenAborted(task: () => void): () => void {
    // A function of its own, since the same task may be given twice.
    const entry = (): void => task()
    const tasks = this.#tasks
    if (tasks === undefined) this.#tasks = entry
    else if (typeof tasks === 'function') this.#tasks = new Set([tasks, entry])
    else tasks.add(entry)
    return () => {
      if (this.#tasks === entry) this.#tasks = undefined
      else if (this.#tasks instanceof Set) this.#tasks.delete(entry)
    }
  }
}

/** What tells work to end. */
export type Signal = AbortSignal | OwnSignal

/** The same as an `AbortSignal`, for the application and for libraries. */
export function toAbortSignal(signal: Signal): AbortSignal {
  if (!(signal instanceof OwnSignal)) return signal
  const controller = new AbortController()
  if (signal.aborted) controller.abort(signal.reason)
  else signal.whenAborted(() => controller.abort(signal.reason))
  return controller.signal
}

interface Group {
  tasks: Set<() => void>
  listener: () => void
}

/** One listener per signal: Node warns of a leak from the eleventh on, and 10,000 calls may share one. */
const groups = new WeakMap<AbortSignal, Group>()

/**
 * Runs `task` when `signal` is aborted. A signal that is aborted already sends nothing any more: look
 * at `signal.aborted` first. Returns what cancels it; after the last one nothing stays on the signal.
 *
 * @example const cancel = onAbort(signal, () => socket.destroy())
 */
export function onAbort(signal: Signal, task: () => void): () => void {
  if (signal instanceof OwnSignal) return signal.whenAborted(task)
  const group = groups.get(signal) ?? listen(signal)
  // A function of its own, since the same task may be given twice.
  const entry = (): void => task()
  group.tasks.add(entry)
  return () => {
    if (!group.tasks.delete(entry) || group.tasks.size > 0) return
    signal.removeEventListener('abort', group.listener)
    groups.delete(signal)
  }
}

function listen(signal: AbortSignal): Group {
  const tasks = new Set<() => void>()
  const listener = (): void => {
    for (const task of tasks) task()
  }
  const group = { tasks, listener }
  groups.set(signal, group)
  signal.addEventListener('abort', listener, { once: true })
  return group
}

/** What `work` ends with, unless the signal is aborted before: then it rejects at once. The work goes on. */
export function unlessAborted<Result>(work: Promise<Result>, signal: Signal): Promise<Result> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(new Error('aborted', { cause: signal.reason }))
    const cancel = signal.aborted ? undefined : onAbort(signal, abort)
    work.then(resolve, reject).finally(cancel)
    if (signal.aborted) abort()
  })
}
