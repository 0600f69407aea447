/**
 * Any number of schedules from the command line:
 *   npm run schedules -- 200000          that many, from a random first seed
 *   npm run schedules -- --seed 123      that one, with a line for each thing that happens
 *   npm run schedules -- 1000 --first 1  a thousand, from seed 1
 * With `--redis`, two processes of the application over a real Redis.
 */
import { parseArgs } from 'node:util'
import { startRedis } from '../support/redis.js'
import { runMany } from './many.js'
import { openRedis } from './redis.js'
import { runSchedule, type ScheduleOptions } from './schedule.js'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seed: { type: 'string' }, first: { type: 'string' }, redis: { type: 'boolean' } },
})

if (values.redis) {
  await using server = await startRedis('--appendonly', 'no')
  const redis = await openRedis(server.url)
  await run({ redis })
  await redis.close()
} else await run({})

async function run(options: ScheduleOptions): Promise<void> {
  if (values.seed !== undefined) {
    const { trace, violations } = await runSchedule(Number(values.seed), {
      ...options,
      traced: true,
    })
    console.log(trace.join('\n'))
    console.log(violations.length === 0 ? 'no violation' : violations.join('\n'))
    process.exitCode = violations.length === 0 ? 0 : 1
    return
  }
  const count = Number(positionals[0] ?? 5000)
  const first = Number(values.first ?? Math.floor(Math.random() * 2 ** 31))
  const begun = performance.now()
  const { calls, ends, conflicts, deaths, failed } = await runMany(first, count, options)
  const seconds = (performance.now() - begun) / 1000
  for (const { seed, violations } of failed) console.log(`seed ${seed}: ${violations.join('; ')}`)
  console.log(
    `${count} schedules from seed ${first}, ${calls} calls, ${failed.length} with a violation, ${seconds.toFixed(0)} s`,
  )
  if (values.redis) console.log(`${conflicts} conflicts, ${deaths} processes died`)
  console.log(ends)
  if (failed.length > 0) process.exitCode = 1
}
