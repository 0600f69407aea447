/**
 * One random schedule in which people open one file by its ref: they come at once, come back, and open late what they
 * were given; the Docs server and the application restart; all goes wrong that its troubles say (`../schedules/`).
 * Where a process dies its memory is gone, but for the keys of files, which are where the option `keys` puts them.
 */
import { createMemoryBackend } from '../../src/backends/memory.js'
import type { Backend, BackendParts } from '../../src/backends/backend.js'
import { assembleDocs } from '../../src/docs.js'
import { createMemoryKeyStore, type KeyStore } from '../../src/keys/store.js'
import { createRedisLedger } from '../../src/ledger/redis.js'
import { createTimerSchedule } from '../../src/recovery/schedule.js'
import { virtualClock, type Core } from '../../src/testing/index.js'
import { SECRET } from '../schedules/application.js'
import { createDocsServer } from '../schedules/docs-server.js'
import { createNetwork } from '../schedules/network.js'
import { startProcesses, type Process } from '../schedules/processes.js'
import { createSharedQueue } from '../schedules/queue.js'
import { createRandom, type Random } from '../schedules/random.js'
import type { SharedRedis } from '../schedules/redis.js'
import { drawWorld, TROUBLE_NAMES, type Trouble, type World } from '../schedules/troubles.js'
import { OpenedFile } from './file.js'
import { Visitors } from './people.js'

export interface OpeningOptions {
  traced?: boolean
  troubles?: readonly Trouble[] | undefined
  /** Two processes over this Redis, instead of one on its own. */
  redis?: SharedRedis
  /** Where keys live, broken on purpose. */
  keys?: (store: KeyStore) => KeyStore
}

export interface Opening {
  seed: number
  violations: string[]
  trace: string[]
  /** How many keys were given out. */
  keys: number
  opened: number
}

/** These do not belong here: edits that are thrown away, and clocks by which configs and view-only times never end. */
const LEFT_OUT: ReadonlySet<Trouble> = new Set([
  ...(['discarded edits', 'ledger loses a second'] as const),
  ...(["the application's clock", "the Docs server's clock"] as const),
  ...(['same key again', 'view only', 'second tabs'] as const),
])
/** In these `open()` is told all that there is to know, at once. */
const CALM: ReadonlySet<Trouble> = new Set([
  ...(['slow conversions', 'same digits', 'no lastsave', 'odd lastsave'] as const),
  ...(['slow onSave', 'retention', 'impatience'] as const),
])
const QUIET = 15 * 60_000
const tick = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve))

function drawTroubles(random: Random): Trouble[] {
  const possible = TROUBLE_NAMES.filter((name) => !LEFT_OUT.has(name))
  const count = random.pick([0, 1, 1, 2, 3])
  return [...new Set(Array.from({ length: count }, () => random.pick(possible)))]
}

export async function runOpening(seed: number, options: OpeningOptions = {}): Promise<Opening> {
  const random = createRandom(seed)
  const stage = await options.redis?.open(() => clock.now())
  const troubles = options.troubles ?? drawTroubles(random)
  const world: World = {
    ...drawWorld(random, { kept: stage !== undefined, troubles }),
    ...{ viewOnlyFor: 5 * 60_000, longPauses: 0.08, longestPause: 12 * 60_000 },
    steps: random.whole(10, 60),
  }
  const clock = virtualClock(undefined, stage?.settled ?? tick)
  const start = clock.now()
  const opening: Opening = { seed, violations: [], trace: [], keys: 0, opened: 0 }
  const trace = (line: string): void => {
    if (options.traced) opening.trace.push(`${clock.now() - start} ${line}`)
  }
  const violate = (invariant: string, what: string): void => {
    opening.violations.push(`${invariant}: ${what}, at ${clock.now() - start} ms`)
    trace(`VIOLATION ${invariant}: ${what}`)
  }
  trace(JSON.stringify(world))

  const core = (): Core => server.core
  const file = new OpenedFile({ random, world, core, violate, trace })
  const queue = createSharedQueue(clock, random)
  const shared = createMemoryKeyStore(clock)
  const keys = options.keys?.(shared) ?? shared
  const network = createNetwork({
    ...{ clock, random, world, core, trace },
    async receive(request) {
      const running = processes.pick()
      if (running === undefined) return undefined
      return Promise.race([running.docs.receive(request), running.death.then(() => undefined)])
    },
  })
  const processes = startProcesses({
    ...{ count: stage === undefined ? 1 : 2, clock, random, trace },
    start: (process) =>
      assembleDocs(
        {
          ...{ server: 'http://127.0.0.1:8000', publicUrl: 'http://app' },
          secret: world.signed ? SECRET : null,
          onSave: (save) => file.onSave(save, process),
          otherSaves: world.otherSaves,
          ...(world.retention === undefined ? {} : { retention: world.retention }),
        },
        {
          ...{ clock: process.clock, http: network.http },
          createBackend: (given) => backendOf(process, given),
        },
      ),
  })
  const server = createDocsServer({
    ...{ world, clock, random, checker: file },
    deliver: (callback) => network.deliver(callback),
  })
  const isCalm =
    world.outages === 0 && !world.cuts && troubles.every((trouble) => CALM.has(trouble))
  const people = new Visitors({
    ...{ world, random, clock, core, processes, file, isCalm, violate, trace },
  })

  function backendOf(process: Process, given: BackendParts): Backend {
    if (stage === undefined) return { ...createMemoryBackend(given), keys }
    const { store, subscribe, disconnect } = stage.connect(process, { ...world, random })
    const ledger = createRedisLedger({ ...given, store, subscribe, ownTime: true })
    return {
      ledger,
      keys: farAway(keys, process, random, world.latency),
      startQueue: (run, report) =>
        queue.join({ process, ledger, run, report, retries: given.retries }),
      startSchedule: (every, sweep) => createTimerSchedule(process.clock, every, sweep),
      close: () => Promise.resolve(disconnect()),
    }
  }

  for (let step = 0; step < world.steps; step += 1) {
    await clock.advance(pause())
    if (random.chance(world.restarts)) {
      trace('the Docs server restarts')
      people.comeBack()
      server.restart()
    }
    if (random.chance(world.deaths)) {
      const away = random.chance(0.5) ? 0 : random.logNormal(3000, 120_000)
      processes.replace(random.chance(0.7) ? 'dies' : 'is shut down', away)
    }
    if (random.chance(world.sweeps)) recover()
    else await people.act()
  }

  trace('all goes well from now on, and everybody leaves')
  for (const part of [network, file, server, processes]) part.mend()
  for (let times = 0; times < 3; times += 1) {
    people.leave()
    await clock.advance(times === 0 ? 20_000 : QUIET)
    people.leave()
    recover()
    await clock.advance(120_000)
  }
  if (people.opening > 0) violate('O5', `${people.opening} calls of open() hang`)
  await file.ended()
  const closed = processes.close()
  await clock.advance(30_000)
  await closed
  await clock.advance(10_000)
  if (clock.pending > 0) violate('I7', `${clock.pending} timers are left`)
  for (const what of (await stage?.close()) ?? [])
    violate('I7', `${what} is left in Redis for ever`)
  return { ...opening, keys: file.keys, opened: file.given }

  function pause(): number {
    if (random.chance(world.longPauses)) return random.whole(0, world.longestPause)
    return random.pick([0, 1, random.whole(0, 100), random.whole(0, world.pause)])
  }

  function recover(): void {
    const process = processes.pick()
    if (process === undefined) return
    trace(`recover from ${process.name}`)
    void Promise.race([process.docs.forgotten.recover(), process.death]).catch((error: unknown) =>
      trace(`recover ended ${String(error)}`),
    )
  }
}

/** On the way to where keys live, and back. */
function farAway(keys: KeyStore, { clock }: Process, random: Random, latency: number): KeyStore {
  const travel = async <Reply>(work: () => Promise<Reply>): Promise<Reply> => {
    const way = (): Promise<void> =>
      new Promise((resolve) => clock.after(random.whole(0, latency), resolve))
    await way()
    const reply = await work()
    await way()
    return reply
  }
  return {
    get: (ref) => travel(() => keys.get(ref)),
    set: (ref, text, before) => travel(() => keys.set(ref, text, before)),
    byHash: (hash) => travel(() => keys.byHash(hash)),
  }
}
