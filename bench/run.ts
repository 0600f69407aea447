/**
 * `npm run bench`: what this package costs, side by side with the hand-written ways, in one run of
 * less than ten minutes. Writes `bench/RESULTS.md`.
 *
 *     npm run bench -- --quick            in less than a minute; prints, and writes nothing
 *     npm run bench -- --profile folder   with a CPU profile of each process of the first table
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { startRedis } from '../test/support/redis.js'
import { onDocuments } from './documents.js'
import { allocatedIn } from './garbage.js'
import { lookInto } from './redis-info.js'
import { start } from './remote.js'
import { report, type Growth, type Results } from './report.js'
import { compared, figuresOf, startRow } from './row.js'
import type { Compared, Figures, Row, RowParts, Sample } from './row.js'
import { median } from './statistics.js'

const { values } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, profile: { type: 'string' } },
})
const { quick, profile } = values
const REPEATS = quick ? 2 : 5
const WINDOW = quick ? 150 : 600
/** Of each row, before anything is measured: code that is compiled while it is measured costs more. */
const WARM_UP = quick ? 300 : 10_000
/** A wait is looked up every 5 s: longer than that, so that this is in the figures. */
const GROWTH = quick ? { repeats: 1, ms: 500 } : { repeats: 3, ms: 5_200 }
const IDLE = quick ? 2_000 : 15_000
const MANY = quick ? 500 : 10_000
const REMEMBERED = quick ? 2_000 : 20_000
const LEVELS = [1, 32, 256]
const SECRET = 'bench-bench-bench-bench-bench-bench'

const watchdog = setTimeout(() => {
  process.stderr.write('the bench took too long and was ended\n')
  process.exit(1)
}, 1_200_000)
const say = (text: string): void => void process.stderr.write(`${text}\n`)
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

const begun = Date.now()
const [loadBefore = 0] = loadavg()
// As docs/running-in-production.md wants it, with Redis's default of one fsync a second.
const redis = await startRedis('--appendfsync', 'everysec')
const look = await lookInto(redis.url)
const docs = await start('docs-server', [SECRET])
const server = await docs.call<string>('url')
const started: Row[] = []

async function row(name: string, kinds: string[], prefix: string, traceGc = false): Promise<Row> {
  const settings = { server, secret: SECRET, redis: redis.url, prefix }
  const parts: RowParts = { name, kinds, settings, docs, look, profile, traceGc }
  const one = await startRow(parts)
  started.push(one)
  return one
}

async function idle(): Promise<number> {
  const one = await row('idle', ['redis'], 'idle')
  await pause(1_000)
  const before = await look.counts()
  await pause(IDLE)
  const after = await look.counts()
  await one.stop()
  return ((after.commands - before.commands - 1) / IDLE) * 1000
}

async function compare(rows: Row[]): Promise<Results['rows']> {
  for (const one of rows) await one.load({ lanes: 32, ms: WARM_UP })
  const samples = new Map<string, Compared[]>()
  const [byHand, fair] = rows
  for (const lanes of LEVELS) {
    for (let repeat = 0; repeat < REPEATS; repeat += 1) {
      let besideHand: Sample | undefined
      let besideFair: Sample | undefined
      for (const one of rows) {
        const name = `${one.name} ${lanes}`
        const sample = await one.load({ lanes, ms: WINDOW })
        if (one === byHand) besideHand = sample
        if (one === fair) besideFair = sample
        const all = samples.get(name) ?? []
        samples.set(name, [...all, compared(sample, besideHand ?? sample, besideFair)])
      }
    }
  }
  return rows.map(({ name }) => ({
    name,
    levels: LEVELS.map((lanes) => figuresOf(samples.get(`${name} ${lanes}`) ?? [])),
  }))
}

async function flood(rows: Row[]): Promise<Results['callbacks']> {
  const rates = new Map<string, { rate: number; cpu: number }[]>()
  for (let repeat = 0; repeat <= REPEATS; repeat += 1) {
    for (const { name, callers } of rows) {
      const [caller] = callers
      if (caller === undefined) continue
      const url = await caller.call<string>('callbackUrl')
      const before = await caller.call<NodeJS.CpuUsage>('cpu')
      const rate = await docs.call<number>('flood', { url, lanes: 32, ms: WINDOW })
      const { user, system } = await caller.call<NodeJS.CpuUsage>('cpu')
      const cpu = (user + system - before.user - before.system) / 1000 / ((rate * WINDOW) / 1000)
      // The first round warms up.
      if (repeat > 0) rates.set(name, [...(rates.get(name) ?? []), { rate, cpu }])
    }
  }
  return [...rates].map(([name, all]) => ({
    name,
    rate: median(all.map(({ rate }) => rate)),
    cpu: median(all.map(({ cpu }) => cpu)),
  }))
}

/** Bytes that a save leaves behind for the collector, in one process that does nothing else. */
async function garbage(): Promise<number> {
  const one = await row('garbage', ['memory'], 'none', true)
  const [caller] = one.callers
  await one.load({ lanes: 32, ms: WARM_UP })
  const before = caller?.output().length ?? 0
  const { saves } = await one.load({ lanes: 32, ms: quick ? 500 : 5_000 })
  const allocated = allocatedIn(caller?.output().slice(before) ?? '')
  await one.stop()
  return allocated / saves
}

async function held(calls: number): Promise<void> {
  for (let tries = 0; (await docs.call<number>('held')) < calls; tries += 1) {
    if (tries > 1_200) throw new Error('the pending commands did not arrive')
    await pause(50)
  }
  await pause(500)
}

async function grow(one: Row, reference: Row, prefix: string, isRedis: boolean): Promise<Growth> {
  const [caller] = one.callers
  if (caller === undefined) throw new Error('nobody can call')
  const size = async (): Promise<[number, number]> => {
    await pause(200)
    return [await caller.call<number>('heap'), (await look.counts()).memory]
  }
  const { repeats } = GROWTH
  const measured = async (ms = WINDOW): Promise<Figures> => {
    const samples: Compared[] = []
    for (let repeat = 0; repeat < repeats; repeat += 1) {
      const beside = await reference.load({ lanes: 32, ms: WINDOW })
      samples.push(compared(await one.load({ lanes: 32, ms }), beside))
    }
    return figuresOf(samples)
  }
  // Code is warm, and BullMQ has the thousand finished jobs that it keeps.
  for (const warm of [reference, one]) await warm.load({ lanes: 256, ms: quick ? 300 : 2_500 })
  const empty = await size()
  await caller.call('pend', MANY)
  await held(MANY)
  const full = await size()
  const withMany = await measured(GROWTH.ms)
  const before = await size()
  await docs.call('release')
  await caller.call('settled')
  await pause(500)
  const after = await size()
  await caller.call('pend', 100)
  await held(100)
  const withFew = await measured()
  await docs.call('release')
  await caller.call('settled')
  const url = await caller.call<string>('callbackUrl')
  if (isRedis) await look.copy(prefix, REMEMBERED)
  else await docs.call('save', { url, keys: REMEMBERED, name: 'remembered' })
  const withRemembered = await measured()
  const each = (from: [number, number], to: [number, number]): [number, number] => [
    (to[0] - from[0]) / MANY,
    (to[1] - from[1]) / MANY,
  ]
  const pending = each(empty, full)
  const less = each(before, after)
  return {
    name: one.name,
    pending,
    settled: [pending[0] + less[0], pending[1] + less[1]],
    withFew,
    withMany,
    withRemembered,
  }
}

async function inOne<Result>(
  kind: string,
  prefix: string,
  work: (one: Row) => Promise<Result>,
): Promise<Result> {
  const one = await row(kind, [kind], prefix)
  const result = await work(one)
  await one.stop()
  return result
}

try {
  say('an idle process')
  const idleCommands = await idle()
  say('saves')
  const byHand = await row('by hand', ['by-hand'], 'none')
  const memory = await row('memory', ['memory'], 'none')
  const inRedis = await row('Redis, one process', ['redis'], 'one')
  const rows = [
    byHand,
    await row('fair', ['fair'], 'none'),
    memory,
    inRedis,
    await row('Redis, two processes', ['redis', 'redis'], 'two'),
    await row('Redis, four processes', ['redis', 'redis', 'redis', 'redis'], 'four'),
    await row('Redis, two and a worker', ['web', 'web', 'worker'], 'three'),
    await row('floor', ['floor'], 'none'),
    await row('floor, Redis', ['floor-redis'], 'floor'),
    await row('floor, BullMQ', ['floor-bull'], 'floor-bull'),
  ]
  const figures = await compare(rows)
  say('callbacks')
  const bare = await row('bare Koa handler', ['bare'], 'none')
  const callbacks = await flood([bare, memory, inRedis])
  say('documents')
  const documents = [
    await onDocuments(memory, REPEATS, WINDOW),
    await onDocuments(inRedis, REPEATS, WINDOW),
  ]
  for (const one of [...rows.slice(1), bare]) await one.stop()
  say('garbage')
  const garbagePerSave = await garbage()
  say('growth')
  const growth = [
    await inOne('memory', 'none', (one) => grow(one, byHand, 'none', false)),
    await inOne('redis', 'growth', (one) => grow(one, byHand, 'growth', true)),
  ]
  await byHand.stop()
  const seconds = Math.round((Date.now() - begun) / 1000)
  const text = report({
    ...{ rows: figures, callbacks, documents, growth, idleCommands, garbagePerSave },
    ...{ seconds, loadBefore },
    ...{ redisVersion: look.version, repeats: REPEATS, window: WINDOW },
    ...{ many: MANY, remembered: REMEMBERED, idleMs: IDLE, warmUp: WARM_UP },
  })
  if (quick) process.stdout.write(text)
  else {
    const where = readFileSync('bench/where-the-time-goes.md', 'utf8')
    writeFileSync('bench/RESULTS.md', `${text}\n${where}`)
  }
} finally {
  clearTimeout(watchdog)
  for (const one of started) await one.stop()
  await docs.stop()
  look.close()
  await redis.stop()
}
