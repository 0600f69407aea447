/** Waiting for a caller's signal, any number of times at once. */

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
export function onAbort(signal: AbortSignal, task: () => void): () => void {
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
export function unlessAborted<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(new Error('aborted', { cause: signal.reason }))
    const cancel = signal.aborted ? undefined : onAbort(signal, abort)
    work.then(resolve, reject).finally(cancel)
    if (signal.aborted) abort()
  })
}
