/**
 * One random schedule: people type, close and reopen, the application calls, and all goes wrong that the
 * troubles of its world say (`troubles.ts`). All of it on virtual time, from one seed; `checker.ts` looks on.
 */
import type { Transition } from '../../src/settlement/machine.js'
import type { RedisStore } from '../../src/ledger/redis-store.js'
import { virtualClock, type Core } from '../../src/testing/index.js'
import { createApplication } from './application.js'
import { createCalls } from './calls.js'
import { Checker, emptyOutcome, type Acknowledged, type Outcome } from './checker.js'
import { createSteppedClock } from './clocks.js'
import { createDocsServer } from './docs-server.js'
import { createNetwork } from './network.js'
import { People } from './people.js'
import { startProcesses } from './processes.js'
import { createSharedQueue } from './queue.js'
import { createRandom } from './random.js'
import type { SharedRedis } from './redis.js'
import { createStorage } from './storage.js'
import { drawWorld, type Trouble, type World } from './troubles.js'

export interface ScheduleOptions {
  /** A state machine that is broken, to see that the checker finds it. */
  machine?: Transition
  /** A world of a certain kind, instead of one drawn at random. */
  world?: Partial<World>
  /** These troubles, instead of ones drawn at random. */
  troubles?: readonly Trouble[] | undefined
  long?: boolean | undefined
  /** Keep a line for each thing that happens. */
  traced?: boolean
  /** Two processes over this Redis, instead of one on its own. */
  redis?: SharedRedis
  /** A way to Redis that is broken. */
  store?: (store: RedisStore) => RedisStore
}

/** The longest time in which wake-ups get lost, ms. */
const LONGEST_CUT = 3000
/** Within this time a call ends when Redis fails at its deadline, ms. */
const TRY_AGAIN = 5000
/** A clock that is set puts a deadline off by this at the most: then the process that waits ends it, ms. */
const LEDGER_AWAY = 2000
/** Until nothing more is on its way, ms: the latest message, and what it sets off. */
const QUIET = 15 * 60_000

/** In memory nothing is done outside of promises: all of them are through when a tick's turn comes. */
const tick = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve))

export async function runSchedule(seed: number, options: ScheduleOptions = {}): Promise<Outcome> {
  const random = createRandom(seed)
  const stage = await options.redis?.open(() => clock.now())
  const { troubles, long } = options
  const world: World = {
    ...drawWorld(random, { kept: stage !== undefined, troubles, long }),
    ...options.world,
  }
  const clock = virtualClock(undefined, stage?.settled ?? tick)
  const start = clock.now()
  const outcome = emptyOutcome(seed, kindsOf(world))
  const trace = (line: string): void => {
    if (options.traced) outcome.trace.push(`${clock.now() - start} ${line}`)
  }
  const violate = (invariant: string, what: string): void => {
    outcome.violations.push(`${invariant}: ${what}, at ${clock.now() - start} ms`)
    trace(`VIOLATION ${invariant}: ${what}`)
  }
  trace(JSON.stringify(world))

  const theCore = (): Core => server.core
  const storage = createStorage({ world, random, core: theCore, violate, trace })
  const checker = new Checker({ outcome, core: theCore, storage: () => storage, violate })
  const about = new WeakMap<object, Acknowledged>()
  const network = createNetwork({
    ...{ clock, random, world, core: theCore, trace },
    async receive(request, sent) {
      const running = processes.pick()
      if (running === undefined) return undefined
      const { docs, death, name } = running
      if (stage !== undefined) trace(`${name} receives the callback`)
      const reply = await Promise.race([docs.receive(request), death.then(() => undefined)])
      const known = about.get(sent)
      if (reply?.status === 200 && reply.body.error === 0 && known !== undefined) {
        checker.acknowledged(known)
      }
      return reply
    },
  })
  const appClock = createSteppedClock(clock)
  const serverClock = createSteppedClock(clock)
  const queue = createSharedQueue(clock, random)
  const processes = startProcesses({
    ...{ count: stage === undefined ? 1 : 2, clock: appClock, random, trace },
    start: createApplication({
      ...{ world, random, network, storage, stage, queue },
      ...{ machine: options.machine, store: options.store },
    }),
  })
  const server = createDocsServer({
    ...{ world, clock: serverClock, random, checker },
    deliver(callback) {
      about.set(callback, checker.sent(callback.body))
      return network.deliver(callback)
    },
  })
  const { core } = server
  const url = processes.pick()?.docs.callbackUrl('file') ?? ''
  const people = new People({ world, core, url, random, clock, trace })
  const lateness =
    20 * world.latency +
    (world.cuts ? LONGEST_CUT : 0) +
    (world.outages > 0 ? TRY_AGAIN : 0) +
    (world.appClock > 0 ? LEDGER_AWAY : 0)
  const calls = createCalls({
    ...{ world, clock, random, core, checker, processes, outcome, lateness, violate, trace },
  })
  const pending: Promise<void>[] = []

  await people.act(random.pick(world.keys))
  for (let step = 0; step < world.steps; step += 1) {
    await clock.advance(pause())
    mayGoWrong()
    const key = random.pick(world.keys)
    const action = random.next()
    if (action < 0.36) pending.push(calls.forcesave(key))
    else if (action < 0.39) pending.push(calls.info(key))
    else if (action < 0.39 + world.sweeps) {
      pending.push(random.chance(0.5) ? calls.recover() : calls.sessions())
    } else await people.act(key)
  }
  await clock.advance(Math.max(...world.timeouts) + 30_000)
  if (calls.pending > 0) await clock.advance(QUIET)
  if (calls.pending > 0) violate('I2', `${calls.pending} calls hang`)

  await calmDown()
  await clock.advance(QUIET)
  const ends: Promise<void>[] = []
  for (let times = 0; times < 3; times += 1) {
    if (core.forgotten.length > 0) ends.push(calls.recover())
    await clock.advance(120_000)
  }
  for (const key of world.keys) await checker.ended(key)
  const closed = processes.close()
  await clock.advance(30_000)
  await closed
  await Promise.all([...pending, ...ends])
  await clock.advance(10_000)
  if (clock.pending > 0) violate('I7', `${clock.pending} timers are left`)
  if (stage !== undefined) {
    outcome.conflicts = stage.conflicts
    for (const what of await stage.close()) violate('I7', `${what} is left in Redis for ever`)
  }
  return outcome

  function pause(): number {
    if (random.chance(world.longPauses)) return random.whole(0, world.longestPause)
    return random.pick([0, 1, random.whole(0, 100), random.whole(0, world.pause)])
  }

  function mayGoWrong(): void {
    if (random.chance(world.restarts)) {
      trace('the Docs server restarts')
      people.comeBack()
      server.restart()
    }
    if (random.chance(world.deaths)) replace()
    if (random.chance(world.ledgerLosses)) loseLastSecond()
    if (random.chance(world.serverClock)) {
      const wrong = serverClock.step(random, world.longestStep)
      trace(`the clock of the Docs server is wrong by ${wrong} ms`)
    }
    if (random.chance(world.appClock)) {
      const wrong = appClock.step(random, world.longestStep)
      trace(`the clock of the application is wrong by ${wrong} ms`)
    }
    if (world.cuts && random.chance(0.02)) cut()
  }

  async function calmDown(): Promise<void> {
    trace('all goes well from now on, and everybody leaves')
    for (const part of [network, storage, server, processes, appClock, serverClock]) part.mend()
    people.leave()
    // Who had a connection on its way leaves, too.
    await clock.advance(20_000)
    people.leave()
  }

  function replace(): void {
    const dies = random.chance(0.7)
    if (dies) outcome.deaths += 1
    const away = random.chance(0.5) ? 0 : random.logNormal(3000, 120_000)
    processes.replace(dies ? 'dies' : 'is shut down', away)
  }

  function loseLastSecond(): void {
    if (stage === undefined) return
    trace('Redis loses its last second')
    queue.lose(clock.now() - 1000)
    void stage.loseLastSecond()
  }

  function cut(): void {
    const running = processes.pick()
    if (running === undefined) return
    trace(`${running.name} hears no wake-ups`)
    const mend = stage?.cut(running)
    clock.after(random.whole(100, LONGEST_CUT), () => {
      trace(`${running.name} hears wake-ups again`)
      mend?.()
    })
  }
}

function kindsOf({ name, troubles, otherSaves }: World): string[] {
  if (name === 'troubled') return [...troubles]
  return [`${name}, otherSaves ${otherSaves}`]
}
