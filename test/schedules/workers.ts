/** Schedules in several processes of this machine: each takes the next hundreds of seeds. */
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { emptySummary, merge, type Summary } from './summary.js'
import type { Kind } from './kind.js'

/** What a worker is told to do. */
export interface Task extends Kind {
  first: number
  count: number
}

/** Seeds that one takes at a time. */
const PORTION = 500

export async function runInWorkers(
  workers: number,
  task: Task,
  progress: (summary: Summary) => void,
): Promise<Summary> {
  const summary = emptySummary()
  let next = task.first
  const end = task.first + task.count

  const work = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const worker = fork(fileURLToPath(new URL('./worker.ts', import.meta.url)))
      const give = (): void => {
        if (next >= end) return worker.disconnect()
        const count = Math.min(PORTION, end - next)
        worker.send({ ...task, first: next, count } satisfies Task)
        next += count
      }
      worker.on('message', (done) => {
        merge(summary, done as Summary)
        progress(summary)
        give()
      })
      worker.on('error', reject)
      worker.on('exit', (code, signal) => {
        if (code === 0) resolve()
        else reject(new Error(`a worker ended with ${code ?? signal}`))
      })
      give()
    })

  await Promise.all(Array.from({ length: workers }, work))
  return summary
}
