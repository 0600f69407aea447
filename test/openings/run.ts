/**
 * Any number of openings from the command line:
 *   npm run openings -- 10000           that many, from a random first seed
 *   npm run openings -- --seed 123      that one, with a line for each thing that happens
 *   npm run openings -- 1000 --first 1  a thousand, from seed 1
 * With `--redis`, two processes of the application over a real Redis.
 */
import { parseArgs } from 'node:util'
import { openRedis, type SharedRedis } from '../schedules/redis.js'
import { startRedis } from '../support/redis.js'
import { runOpenings } from './many.js'
import { runOpening } from './schedule.js'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seed: { type: 'string' }, first: { type: 'string' }, redis: { type: 'boolean' } },
})

async function run(redis?: SharedRedis): Promise<void> {
  const options = redis === undefined ? {} : { redis }
  if (values.seed !== undefined) {
    const { trace, violations } = await runOpening(Number(values.seed), {
      ...options,
      traced: true,
    })
    console.log(trace.join('\n'))
    console.log(violations.join('\n') || 'no violation')
    process.exitCode = violations.length === 0 ? 0 : 1
    return
  }
  const count = Number(positionals[0] ?? 2000)
  const first = Number(values.first ?? Math.floor(Math.random() * 2 ** 31))
  // Errors are part of the game here, and nobody reads where they come from.
  Error.stackTraceLimit = 0
  const begun = performance.now()
  const { failed, opened, keys } = await runOpenings(first, count, options)
  for (const { seed, violations } of failed) console.log(`seed ${seed}: ${violations.join('; ')}`)
  const seconds = (performance.now() - begun) / 1000
  console.log(
    `${count} openings from seed ${first}, ${opened} times opened under ${keys} keys, ` +
      `${failed.length} with a violation; ${(count / seconds).toFixed(0)} per second`,
  )
  if (failed.length > 0) process.exitCode = 1
}

if (values.redis) {
  await using server = await startRedis('--appendonly', 'no')
  const redis = await openRedis(server.url)
  await run(redis)
  await redis.close()
} else await run()
