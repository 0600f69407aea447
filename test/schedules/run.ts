/**
 * Any number of schedules from the command line:
 *   npm run schedules -- 200000                 that many, from a random first seed
 *   npm run schedules -- --seed 123             that one, with a line for each thing that happens
 *   npm run schedules -- 1000 --first 1         a thousand, from seed 1
 *   npm run schedules -- 1000 --trouble ghosts  in a world with that trouble alone (or several:
 *                                               --trouble ghosts --trouble lost), `none` or `long`
 *   npm run schedules -- 1000000 --workers 2    in two processes
 * With `--redis`, two processes of the application over a real Redis.
 */
import { parseArgs } from 'node:util'
import { startRedis } from '../support/redis.js'
import { kindOf } from './kind.js'
import { runMany } from './many.js'
import { openRedis } from './redis.js'
import { runSchedule, type ScheduleOptions } from './schedule.js'
import { doubtsOf, tableOf, type Summary } from './summary.js'
import { runInWorkers } from './workers.js'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: 'string' },
    first: { type: 'string' },
    trouble: { type: 'string', multiple: true },
    workers: { type: 'string' },
    redis: { type: 'boolean' },
  },
})
const kind = kindOf(values.trouble)
const count = Number(positionals[0] ?? 5000)
const first = Number(values.first ?? Math.floor(Math.random() * 2 ** 31))

if (values.redis) {
  await using server = await startRedis('--appendonly', 'no')
  const redis = await openRedis(server.url)
  if (values.seed === undefined) await report(() => runMany(first, count, { ...kind, redis }))
  else await show(Number(values.seed), { ...kind, redis })
  await redis.close()
} else if (values.seed !== undefined) {
  await show(Number(values.seed), kind)
} else if (values.workers === undefined) {
  await report(() => runMany(first, count, kind))
} else {
  const workers = Number(values.workers)
  await report(() => runInWorkers(workers, { ...kind, first, count }, tellProgress()))
}

async function show(seed: number, options: ScheduleOptions): Promise<void> {
  const { trace, kinds, violations } = await runSchedule(seed, { ...options, traced: true })
  console.log(trace.join('\n'))
  console.log(`${kinds.join(', ')}: ${violations.join('\n') || 'no violation'}`)
  process.exitCode = violations.length === 0 ? 0 : 1
}

async function report(run: () => Promise<Summary>): Promise<void> {
  // Errors are part of the game here, and nobody reads where they come from.
  Error.stackTraceLimit = 0
  const begun = performance.now()
  const summary = await run()
  const seconds = (performance.now() - begun) / 1000
  const { calls, conflicts, deaths, violated, failed, ends } = summary
  for (const { seed, violations } of failed) console.log(`seed ${seed}: ${violations.join('; ')}`)
  console.log(tableOf(summary))
  for (const line of doubtsOf(summary)) console.log(`not certain, ${line}`)
  console.log(ends)
  console.log(
    `${count} schedules from seed ${first}, ${calls} calls, ${violated} with a violation; ` +
      `${deaths} processes died${values.redis ? `, ${conflicts} conflicts` : ''}; ` +
      `${seconds.toFixed(0)} s, ${(count / seconds).toFixed(0)} schedules per second`,
  )
  if (violated > 0) process.exitCode = 1
}

function tellProgress(): (summary: Summary) => void {
  let told = 0
  return ({ schedules, violated }) => {
    if (schedules < told + 20_000) return
    told = schedules
    console.error(`${schedules} schedules, ${violated} with a violation`)
  }
}
