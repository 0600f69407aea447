/** One row of the tables: an application of one process or several, and what it did. */
import type { RedisCounts, RedisLook } from './redis-info.js'
import { start, type Remote } from './remote.js'
import { median, type Load, type Measured } from './statistics.js'

/** Of one load; per save where that makes sense. */
export interface Sample extends Measured {
  redisCpu: number
  commands: number
  reads: number
}

/** Beside the hand-written ways in the same round, since what else the machine does changes. */
export interface Compared extends Sample {
  /** Of the throughput of `fair`, and of that by hand. */
  ofFair: number
  share: number
  /** More at p50 than by hand, ms. */
  later: number
}

export interface Row {
  name: string
  /** What calls are made in. */
  callers: Remote[]
  load: (load: Load) => Promise<Sample>
  stop: () => Promise<void>
}

export interface RowParts {
  name: string
  /** Of each process; the workers come last. */
  kinds: string[]
  settings: { server: string; secret: string; redis: string; prefix: string }
  docs: Remote
  look: RedisLook
  profile?: string | undefined
  /** Whether its collections of garbage are told (`garbage.ts`). */
  traceGc?: boolean
}

export async function startRow(parts: RowParts): Promise<Row> {
  const { name, kinds, settings, docs, look, profile, traceGc } = parts
  const { server, secret, redis, prefix } = settings
  const words = [server, secret, redis, prefix]
  const processes: Remote[] = []
  for (const kind of kinds)
    processes.push(await start('application', [kind, ...words], { profile, traceGc }))
  const callers = processes.filter((_process, index) => kinds[index] !== 'worker')
  const urls = await Promise.all(callers.map((caller) => caller.call<string>('callbackUrl')))

  async function cpu(): Promise<number> {
    const all = await Promise.all(processes.map((one) => one.call<NodeJS.CpuUsage>('cpu')))
    return all.reduce((sum, { user, system }) => sum + (user + system) / 1000, 0)
  }

  return {
    name,
    callers,
    async load({ lanes, ...others }) {
      await docs.call('targets', urls)
      const before: [number, RedisCounts] = [await cpu(), await look.counts()]
      const shares = callers
        .map((_caller, index) => Math.floor((lanes + index) / callers.length))
        .toReversed()
      const all = await Promise.all(
        callers.flatMap((caller, index) => {
          const share = shares[index] ?? 0
          return share === 0 ? [] : [caller.call<Measured>('load', { lanes: share, ...others })]
        }),
      )
      const after = await look.counts()
      const saves = all.reduce((sum, one) => sum + one.saves, 0)
      return {
        saves,
        elapsed: Math.max(...all.map(({ elapsed }) => elapsed)),
        p50: median(all.map(({ p50 }) => p50)),
        p99: Math.max(...all.map(({ p99 }) => p99)),
        cpu: ((await cpu()) - before[0]) / saves,
        redisCpu: (after.cpu - before[1].cpu) / saves,
        // This look's own is one of each.
        commands: (after.commands - before[1].commands - 1) / saves,
        reads: (after.reads - before[1].reads - 1) / saves,
      }
    },
    async stop() {
      await Promise.all(processes.map((one) => one.stop()))
    },
  }
}

/** The medians of several samples. */
export interface Figures {
  rate: number
  p50: number
  p99: number
  cpu: number
  redisCpu: number
  commands: number
  reads: number
  ofFair: number
  share: number
  later: number
}

const rateOf = ({ saves, elapsed }: Sample): number => (saves / elapsed) * 1000

export const compared = (sample: Sample, byHand: Sample, fair = byHand): Compared => ({
  ...sample,
  ofFair: rateOf(sample) / rateOf(fair),
  share: rateOf(sample) / rateOf(byHand),
  later: sample.p50 - byHand.p50,
})

export function figuresOf(samples: readonly Compared[]): Figures {
  const middle = (pick: (sample: Compared) => number): number => median(samples.map(pick))
  return {
    rate: middle(rateOf),
    p50: middle(({ p50 }) => p50),
    p99: middle(({ p99 }) => p99),
    cpu: middle(({ cpu }) => cpu),
    redisCpu: middle(({ redisCpu }) => redisCpu),
    commands: middle(({ commands }) => commands),
    reads: middle(({ reads }) => reads),
    ofFair: middle(({ ofFair }) => ofFair),
    share: middle(({ share }) => share),
    later: middle(({ later }) => later),
  }
}
