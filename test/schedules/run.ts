/**
 * Any number of schedules from the command line:
 *   npm run schedules -- 200000          that many, from a random first seed
 *   npm run schedules -- --seed 123      that one, with a line for each thing that happens
 *   npm run schedules -- 1000 --first 1  a thousand, from seed 1
 */
import { parseArgs } from 'node:util'
import { runSchedule, type Outcome } from './schedule.js'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seed: { type: 'string' }, first: { type: 'string' } },
})

if (values.seed !== undefined) {
  const outcome = await runSchedule(Number(values.seed), { traced: true })
  console.log(outcome.trace.join('\n'))
  console.log(outcome.violations.length === 0 ? 'no violation' : outcome.violations.join('\n'))
  process.exitCode = outcome.violations.length === 0 ? 0 : 1
} else {
  const count = Number(positionals[0] ?? 5000)
  const first = Number(values.first ?? Math.floor(Math.random() * 2 ** 31))
  const failed: Outcome[] = []
  const ends: Record<string, number> = {}
  let calls = 0
  const begun = performance.now()
  for (let index = 0; index < count; index += 1) {
    const outcome = await runSchedule(first + index)
    calls += outcome.calls
    for (const [end, times] of Object.entries(outcome.ends)) ends[end] = (ends[end] ?? 0) + times
    if (outcome.violations.length > 0) {
      failed.push(outcome)
      console.log(`seed ${outcome.seed}: ${outcome.violations.join('; ')}`)
    }
  }
  const seconds = (performance.now() - begun) / 1000
  console.log(
    `${count} schedules from seed ${first}, ${calls} calls, ${failed.length} with a violation, ${seconds.toFixed(0)} s`,
  )
  console.log(ends)
  if (failed.length > 0) process.exitCode = 1
}
