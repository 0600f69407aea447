/** The figures as `bench/RESULTS.md`. */
import { availableParallelism, cpus, totalmem } from 'node:os'
import { REMEMBERED_SAVES, type Beside, type OnDocuments } from './documents.js'
import type { Figures } from './row.js'
import { targets } from './targets.js'

/** `[in the process, in Redis]`, bytes. */
type Bytes = [number, number]

export interface Growth {
  name: string
  pending: Bytes
  settled: Bytes
  withFew: Figures
  withMany: Figures
  withRemembered: Figures
}

export interface Results {
  /** Figures at 1, 32 and 256 in flight. */
  rows: { name: string; levels: Figures[] }[]
  callbacks: { name: string; rate: number; cpu: number }[]
  /** Memory, Redis. */
  documents: OnDocuments[]
  growth: Growth[]
  idleCommands: number
  /** Memory, bytes. */
  garbagePerSave: number
  seconds: number
  /** Of the machine in the minute before, without this run. */
  loadBefore: number
  redisVersion: string
  repeats: number
  window: number
  many: number
  remembered: number
  idleMs: number
  warmUp: number
}

const whole = (value: number): string => Math.round(value).toLocaleString('en')
const two = (value: number): string => value.toFixed(2)

function table(head: string[], lines: string[][]): string {
  const cells = [head, ...lines]
  const widths = head.map((_cell, column) =>
    Math.max(...cells.map((line) => line[column]?.length ?? 0)),
  )
  const lineOf = (line: string[]): string =>
    `| ${line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`
  return [lineOf(head), rule, ...lines.map(lineOf)].join('\n')
}

const each = (levels: Figures[], pick: (figures: Figures) => string): string =>
  levels.map(pick).join(', ')

const saves = ({ rows }: Results): string =>
  table(
    [
      ...['', 'saves/s', 'share of fair', 'share of by hand', 'CPU ms/save'],
      ...['p50, p99 ms at 1', 'at 32'],
    ],
    rows.map(({ name, levels }) => [
      name,
      each(levels, ({ rate }) => whole(rate)),
      each(levels, ({ ofFair }) => two(ofFair)),
      each(levels, ({ share }) => two(share)),
      each(levels, ({ cpu }) => two(cpu)),
      ...levels.slice(0, 2).map(({ p50, p99 }) => `${two(p50)}, ${two(p99)}`),
    ]),
  )

const inRedis = ({ rows }: Results): string =>
  table(
    ['', 'commands', 'round trips', 'CPU ms of Redis', 'saves/s one core of it carries'],
    rows
      .filter(({ levels: [one] }) => (one?.commands ?? 0) > 2)
      .map(({ name, levels }) => [
        name,
        each(levels, ({ commands }) => commands.toFixed(0)),
        each(levels, ({ reads }) => reads.toFixed(1)),
        each(levels, ({ redisCpu }) => two(redisCpu)),
        each(levels, ({ redisCpu }) => whole(1000 / redisCpu)),
      ]),
  )

const onDocuments = ({ documents }: Results): string => {
  const cells = (all: Beside[]): string[] =>
    all.map(({ cpu, ratio }) => `${two(cpu)} (${two(ratio)})`)
  return table(
    [
      ...['CPU ms/save', '256 keys', 'one key', 'one key, own forcesaves'],
      ...['new keys', `${REMEMBERED_SAVES} remembered`],
    ],
    documents.map(({ name, hot, remembered }) => [name, ...cells(hot), ...cells(remembered)]),
  )
}

const callbacks = ({ callbacks }: Results): string =>
  table(
    ['', 'callbacks/s', 'CPU ms each'],
    callbacks.map(({ name, rate, cpu }) => [name, whole(rate), cpu.toFixed(3)]),
  )

const sizes = ({ growth }: Results): string =>
  table(
    ['', 'pending: process', 'Redis', 'settled: process', 'Redis'],
    growth.map(({ name, pending, settled }) => {
      const only = (bytes: number): string => (name === 'redis' ? whole(bytes) : '')
      return [
        name,
        ...[whole(pending[0]), only(pending[1])],
        ...[whole(settled[0]), only(settled[1])],
      ]
    }),
  )

const growing = ({ growth, many, remembered }: Results): string =>
  table(
    [
      'saves/s (share of by hand)',
      '100 pending',
      `${whole(many)} pending`,
      `${whole(remembered)} keys`,
    ],
    growth.map(({ name, withFew, withMany, withRemembered }) => [
      name,
      ...[withFew, withMany, withRemembered].map(
        ({ rate, share }) => `${whole(rate)} (${two(share)})`,
      ),
    ]),
  )

export function report(results: Results): string {
  const model = cpus()[0]?.model.trim() ?? 'unknown'
  const memory = Math.round(totalmem() / 1024 ** 3)
  const { repeats, window, seconds, redisVersion, idleMs, idleCommands, loadBefore } = results
  return `# What it costs

\`npm run bench\` on ${availableParallelism()} cores (${model}), ${memory} GB, Node ${process.versions.node}, Redis ${redisVersion}
(appendonly, fsync each second), ${new Date().toISOString().slice(0, 10)}, in ${seconds} s. The cores are shared by the application, Redis and the
Docs server, so ratios matter and not the figures. Load average in the minute before: ${loadBefore.toFixed(1)} (0 on a quiet machine; what else
runs takes most from the rows with the most processes).

## Saves

From the call of \`forcesave\` to its verdict, with a callback and an \`onSave\` that does nothing in between, at 1, 32 and 256 in
flight. Medians of ${repeats} windows of ${window} ms, the rows in turn, after ${results.warmUp / 1000} s of warm-up each; a share is that of the
throughput in the same round. The Docs server is a stand-in in a process of its own, without delays. By hand: a map by userdata, with the
same HTTP client and a prepared key (\`bench/by-hand.ts\`); \`fair\`: with the same libraries what every application has to check
(\`bench/fair.ts\`); \`floor\`: no rules, no library between (\`bench/floor.ts\`), with four small writes to Redis, with a BullMQ job
per save (\`bench/floor-redis.ts\`). CPU is that of all processes of the application.

${saves(results)}

Of one save in Redis, those commands included that scripts run; round trips are reads from its sockets.

${inRedis(results)}

## Busy documents

256 at once on keys of their own and on one key, where calls share their forcesaves or, with userdata, do not; 8 at once on keys
that remember nothing and on keys that remember as many saves as are kept. In brackets: beside the first of the same round.

${onDocuments(results)}

## Plain callbacks

Status 1, 32 at once, signed in body and header; the bare handler checks the body's token and answers.

${callbacks(results)}

## Bytes of a command

Over ${whole(results.many)} commands of as many documents: the heap with the pending call, and Redis's \`used_memory\`. Settled: what is left of
the document for the hour of \`retention\`.

${sizes(results)}

A save in memory leaves ${whole(results.garbagePerSave / 1024)} KB of garbage (\`--trace-gc\`, 32 in flight).

## Growth

32 in flight beside what is pending or remembered; by hand in turn with it, with nothing of that${results.many === 10_000 ? '; windows of 5.2 s beside 10,000 pending, longer than the 5 s after which a wait is looked up' : ''}.

${growing(results)}

An idle process with a worker: ${idleCommands.toFixed(1)} Redis commands/s, over ${idleMs / 1000} s.

## Targets

${table(
  ['', 'target', 'here', ''],
  targets(results).map(({ what, target, value, met }) => [
    what,
    target,
    value,
    met ? 'met' : '**missed**',
  ]),
)}
`
}
