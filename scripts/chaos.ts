/**
 * `npm run chaos -- --minutes 5`: web processes, workers and Redis are killed and restarted while
 * documents are typed into and saved. Then all is calmed, and the history of what was stored is
 * checked against the invariants of `settlement.md`. Exit code 1 on any violation.
 *
 * `--hostile 10`: so many forged, broken and repeated callbacks per second; 0 for none.
 * `--alone`: nothing but the application's calls saves, and it says so (`otherSaves: false`).
 * `--break`: spoils the record of the run, once for each invariant, and reports what the checks find.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Process } from '../test/processes/fleet.js'
import { createAttacker, type Attack } from '../test/processes/hostile.js'
import { violationsOf, type CallRecord } from '../test/processes/history.js'
import { tamperings } from '../test/processes/tamper.js'
import { startTown } from '../test/processes/town.js'
import { createTraffic, recordOf } from '../test/processes/traffic.js'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '5' },
    people: { type: 'string', default: '40' },
    break: { type: 'boolean', default: false },
    hostile: { type: 'string', default: '10' },
    alone: { type: 'boolean', default: false },
  },
})
const duration = Number(values.minutes) * 60_000
const people = Number(values.people)
const hostile = Number(values.hostile)
if (!(duration > 0) || !(people > 0)) throw new Error('--minutes and --people are numbers above 0')
if (!(hostile >= 0)) throw new Error('--hostile is a number of attacks per second, or 0')

/** In ms: what a killed Redis stays away for, and how often things are killed. */
const AWAY = [100, 1_000] as const
const REDIS = [5_000, 10_000] as const
const PROCESS = [2_000, 5_000] as const
/** How many rounds of typing and saving a document gets. */
const ROUNDS = 12
/** A document of the calm at the end is given this long, ms. */
const CALM = 120_000

const between = ([least, most]: readonly [number, number]): number =>
  least + Math.random() * (most - least)

const otherSaves = !values.alone
const town = await startTown({
  failing: 0.03,
  settings: { trouble: { failing: 0.05, slow: 0.03 }, options: { otherSaves, maxBody: 300_000 } },
})
// Most conversions are short; some are overtaken by the next, or by the final save.
town.server.conversion.delay = () => (Math.random() < 0.05 ? Math.random() * 2_000 : 5)
const slots = await Promise.all([
  ...['web', 'web', 'web'].map(async () => ({
    kind: 'web' as const,
    process: await town.startWeb(),
  })),
  ...['worker', 'worker'].map(async () => ({
    kind: 'worker' as const,
    process: await town.startWorker(),
  })),
])
const webs = (): Process[] =>
  slots.filter(({ kind }) => kind === 'web').map(({ process }) => process)
const traffic = createTraffic({ town, webs, timeout: 60_000, pause: 1_000 })
const attacker = createAttacker(town)
const kills = { redis: 0, web: 0, worker: 0 }
const begun = Date.now()
let documents = 0
const isOver = (): boolean => Date.now() - begun > duration
/** Ends the pauses of the killers. */
const calm = new AbortController()
const pause = (ms: number): Promise<void> =>
  sleep(ms, undefined, { signal: calm.signal }).catch(() => {})

async function killRedis(): Promise<void> {
  for (;;) {
    await pause(between(REDIS))
    if (isOver()) return
    kills.redis += 1
    await town.redis.kill()
    await sleep(between(AWAY))
    await town.redis.start()
  }
}

async function killProcesses(): Promise<void> {
  for (;;) {
    await pause(between(PROCESS))
    if (isOver()) return
    const slot = slots[Math.floor(Math.random() * slots.length)]
    if (slot === undefined) return
    const { kind, process } = slot
    kills[kind] += 1
    await process.kill()
    slot.process =
      kind === 'web'
        ? await town.startWeb({ port: Number(new URL(process.url).port) })
        : await town.startWorker()
  }
}

async function person(): Promise<void> {
  while (!isOver()) {
    documents += 1
    await traffic.livelySession(`document-${documents}`, ROUNDS, otherSaves)
  }
}

const progress = setInterval(() => {
  town.witness.look()
  const seconds = Math.round((Date.now() - begun) / 1000)
  console.log(`${seconds} s: ${traffic.calls.length} calls, ${JSON.stringify(kills)}`)
}, 10_000)
const killers = Promise.all([killRedis(), killProcesses()])
const attacked = hostile === 0 ? Promise.resolve() : attacker.run(hostile, calm.signal)
const everyone = Promise.all(Array.from({ length: people }, person))
await sleep(duration)
calm.abort()
await Promise.all([killers, attacked])
const calmed = await Promise.race([everyone.then(() => true), sleep(CALM, false, { ref: false })])
const settledAfter = Math.round((Date.now() - begun - duration) / 1000)
// Everything works again without a restart.
const last = Array.from({ length: 10 }, (_, index) => `last-${index}`)
const healthy = await Promise.race([
  Promise.all(last.map((key) => traffic.session(key, 3))).then(() => true),
  sleep(CALM, false, { ref: false }),
])
clearInterval(progress)

const exits = await Promise.all(slots.map(({ process }) => process.stop()))
const run = await recordOf(town, traffic.calls, attacker.attacks)
const violations = values.break
  ? Object.entries(tamperings).flatMap(([invariant, spoil]) => {
      const found = violationsOf(spoil(run)).filter((one) => one.invariant === invariant)
      return found.length > 0 ? found.slice(0, 1) : [{ invariant, what: 'SPOILED AND NOT FOUND' }]
    })
  : violationsOf(run)
const entries = [...run.histories.values()].flat()
const count = (type: string): number => entries.filter((entry) => entry.type === type).length
const retaken = [...run.histories.values()].reduce((sum, history) => {
  const stored = history.filter(({ type }) => type === 'stored').map(({ save }) => save)
  return sum + stored.length - new Set(stored).size
}, 0)
const others = [
  ...(calmed ? [] : [`some documents were not at rest ${CALM / 1000} s after the end`]),
  ...(healthy ? [] : ['documents opened after the end could not be saved']),
  ...exits
    .filter(({ code }) => code !== 0)
    .map(({ code, signal }) => `a process ended ${code} ${signal}`),
]

console.log(`
Chaos over ${values.minutes} minutes, ${people} people at once
  documents        ${documents + last.length}
  calls            ${traffic.calls.length}: ${JSON.stringify(endsOf(traffic.calls))}
  outcomes         ${traffic.elsewhere.asked} asked for in another process, ${traffic.elsewhere.died} after the first had died
  saves stored     ${count('stored')} of ${count('start')} begun; ${retaken} stored again after a death
  final saves      ${run.finals.length} acknowledged, ${town.server.forgotten.length} kept as forgotten files
  killed           Redis ${kills.redis}, web processes ${kills.web}, workers ${kills.worker}
  attacks          ${attacker.attacks.length}${attacksBy(attacker.attacks)}
  at rest          ${settledAfter} s after the last kill
  violations       ${violations.length + others.length}`)
for (const { invariant, what } of violations) console.log(`    ${invariant}: ${what}`)
if (violations.length > 0) {
  const path = join(tmpdir(), `chaos-${process.pid}.json`)
  writeFileSync(
    path,
    JSON.stringify({ ...run, histories: [...run.histories], deaths: [...run.deaths] }),
  )
  console.log(`    all of it is in ${path}`)
}
for (const what of others) console.log(`    ${what}`)
await town[Symbol.asyncDispose]()
// Documents that never came to rest would keep this process for ever.
process.exit(violations.length + others.length > 0 ? 1 : 0)

function attacksBy(attacks: Attack[]): string {
  const counts = new Map<string, number>()
  for (const { kind, status = 'no answer' } of attacks) {
    const line = `${kind}: ${status}`
    counts.set(line, (counts.get(line) ?? 0) + 1)
  }
  return [...counts]
    .map(([line, times]) => `\n    ${line} (${times} times)`)
    .sort()
    .join('')
}

function endsOf(calls: CallRecord[]): Record<string, number> {
  const ends: Record<string, number> = {}
  for (const { end = 'none', certain } of calls) {
    const name = certain === false ? `${end}, not certain` : end
    ends[name] = (ends[name] ?? 0) + 1
  }
  return ends
}
