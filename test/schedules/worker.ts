/** A process that runs the schedules it is told to, and sends what they came to (`workers.ts`). */
import { inspect } from 'node:util'
import { runMany } from './many.js'
import type { Task } from './workers.js'

// Errors are part of the game here, and nobody reads where they come from.
Error.stackTraceLimit = 0

process.on('message', (task: Task) => {
  const { first, count, troubles, long } = task
  runMany(first, count, { troubles, long }).then(
    (summary) => process.send?.(summary),
    (error: unknown) => {
      process.stderr.write(`${inspect(error)}\n`)
      process.exit(1)
    },
  )
})
