/**
 * One random schedule: people type, close and reopen, the application calls, conversions are slow,
 * overlap and fail, `onSave` is slow and fails, requests, responses, callbacks and replies get lost.
 * All of it on virtual time, from one seed; the invariants of `settlement.md` are checked.
 */
import type { Backend, BackendParts } from '../../src/backends/backend.js'
import { createMemoryBackend } from '../../src/backends/memory.js'
import { assembleDocs } from '../../src/docs.js'
import { isDocsError } from '../../src/errors.js'
import { silentLogger } from '../../src/events.js'
import type { Transition } from '../../src/settlement/machine.js'
import { createMemoryLedger } from '../../src/ledger/memory.js'
import { createRedisLedger } from '../../src/ledger/redis.js'
import type { RedisStore } from '../../src/ledger/redis-store.js'
import { createTimerSchedule } from '../../src/recovery/schedule.js'
import type { ForcesaveResult } from '../../src/results.js'
import { createCore, virtualClock, type Core, type Editor } from '../../src/testing/index.js'
import { createNetwork } from './network.js'
import { startProcesses, type Process } from './processes.js'
import { createSharedQueue } from './queue.js'
import { createRandom, type Random } from './random.js'
import type { SharedRedis } from './redis.js'
import { createStorage } from './storage.js'

export interface Outcome {
  seed: number
  /** One line each: the invariant, and what was seen. */
  violations: string[]
  calls: number
  /** How the calls ended: `saved 4`, `unchanged 6`, `TIMEOUT`: outcome and rule. */
  ends: Record<string, number>
  trace: string[]
  /** Writes to Redis that came too late, because another process was faster. */
  conflicts: number
  /** Processes that died without a word. */
  deaths: number
}

export interface ScheduleOptions {
  /** A state machine with a rule broken, to see that the checker finds it. */
  machine?: Transition
  /** A world of a certain kind, instead of one drawn at random. */
  world?: Partial<World>
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

/** How bad a world is, drawn once per schedule: most are mild, so that calls also succeed. */
export interface World {
  loss: number
  failing: number
  slowest: number
  slowConversion: number
  failingConversion: number
  keys: string[]
  steps: number
  otherSaves: boolean
  restarts: boolean
  slowFinals: number
  /** With Redis: the longest way to it, and the longest way back, ms. */
  latency: number
  /** With Redis: processes of the application die and are shut down. */
  deaths: boolean
  /** With Redis: connections get lost over which wake-ups come. */
  cuts: boolean
  /** With Redis: probability that a command fails, before or after Redis has done it. */
  outages: number
}

function drawWorld(random: Random): World {
  return {
    loss: random.pick([0, 0, 0.02, 0.1]),
    failing: random.pick([0, 0, 0.1, 0.4, 0.75]),
    slowest: random.pick([0, 50, 500, 5000]),
    slowConversion: random.pick([20, 200, 2000, 8000]),
    failingConversion: random.pick([0, 0, 0.1, 0.3]),
    keys: random.pick([['k1'], ['k1'], ['k1', 'k2']]),
    steps: random.whole(5, 30),
    otherSaves: random.chance(0.6),
    restarts: random.chance(0.2),
    slowFinals: random.pick([0, 0, 1000, 4000]),
    ...{ latency: 0, deaths: false, cuts: false, outages: 0 },
  }
}

const drawRedisWorld = (random: Random): Partial<World> => ({
  latency: random.pick([0, 2, 20, 200]),
  deaths: random.chance(0.4),
  cuts: random.chance(0.2),
  outages: random.pick([0, 0, 0.02, 0.1]),
})

export async function runSchedule(seed: number, options: ScheduleOptions = {}): Promise<Outcome> {
  const random = createRandom(seed)
  const stage = await options.redis?.open()
  const world = {
    ...drawWorld(random),
    ...(stage === undefined ? {} : drawRedisWorld(random)),
    ...options.world,
  }
  const clock = virtualClock(undefined, stage?.settled)
  const start = clock.now()
  const outcome: Outcome = {
    ...{ seed, violations: [], calls: 0, ends: {}, trace: [] },
    ...{ conflicts: 0, deaths: 0 },
  }
  const trace = (line: string): void => {
    if (options.traced) outcome.trace.push(`${clock.now() - start} ${line}`)
  }
  const violate = (invariant: string, what: string): void => {
    outcome.violations.push(`${invariant}: ${what}, at ${clock.now() - start} ms`)
    trace(`VIOLATION ${invariant}: ${what}`)
  }
  const theCore = (): Core => core
  const storage = createStorage({ ...world, random, core: theCore, violate, trace })
  const network = createNetwork({
    ...{ clock, random, loss: world.loss, slowFinals: world.slowFinals, core: theCore, trace },
    receive(request) {
      const { docs, death, name } = processes.pick()
      if (stage !== undefined) trace(`${name} receives the callback`)
      return Promise.race([docs.receive(request), death.then(() => undefined)])
    },
  })
  const queue = createSharedQueue(clock, random)
  const processes = startProcesses({
    ...{ count: stage === undefined ? 1 : 2, clock, random, trace },
    start: (process) =>
      assembleDocs(
        {
          server: 'http://127.0.0.1:8000',
          publicUrl: 'http://app',
          secret: null,
          onSave: (save) => storage.onSave(save, process),
          otherSaves: world.otherSaves,
          logger: { ...silentLogger, error: noteMissed },
        },
        {
          clock: process.clock,
          http: network.http,
          createBackend: (parts) => createBackend(process, parts),
        },
      ),
  })
  // What a call may be late by: some ways to Redis and back, wake-ups that were lost, and commands
  // that have to be tried again.
  const lateness =
    20 * world.latency + (world.cuts ? LONGEST_CUT : 0) + (world.outages > 0 ? TRY_AGAIN : 0)
  const core: Core = createCore({
    clock,
    random: random.next,
    saveDelay: random.pick([10, 500, 2000]),
    conversion: {
      delay: () => random.whole(0, world.slowConversion),
      fails: () => random.chance(world.failingConversion),
    },
    async deliver(callback) {
      const reply = await network.deliver(callback)
      // I3, at the moment when the Docs server throws its copy away.
      const { key, status } = callback.body as { key: string; status: number; url?: string }
      if (status === 2 && reply?.status === 200 && reply.body.error === 0) {
        const bytes = theCore().file(String(callback.body.url))
        const held = bytes === undefined ? 0 : linesOf(bytes)
        if (storage.holds(key) < held)
          violate('I3', `a final save of ${key} was acknowledged and is not stored`)
      }
      return reply
    },
  })
  const people = new People(
    world.otherSaves,
    core,
    processes.pick().docs.callbackUrl('file'),
    random,
    () => clock.now(),
    trace,
  )
  const pending: Promise<void>[] = []
  let ended = 0

  for (let step = 0; step < world.steps; step += 1) {
    await clock.advance(
      random.pick([0, 1, random.whole(0, 100), random.whole(0, 1500), random.whole(0, 6000)]),
    )
    const key = random.pick(world.keys)
    const action = random.next()
    if (action < 0.4) pending.push(call(key))
    else if (action < 0.45) pending.push(ask(key))
    else if (action < 0.46 && world.restarts) restart()
    else if (action < 0.49 && world.deaths) replace()
    else if (action < 0.51 && world.cuts) cut()
    else people.act(key)
  }
  await clock.advance(200_000)
  if (outcome.calls > ended) violate('I2', `${outcome.calls - ended} calls hang`)
  people.leave()
  await clock.advance(60_000)
  const closed = processes.close()
  await clock.advance(20_000)
  await closed
  await Promise.all(pending)
  await clock.advance(10_000)
  if (clock.pending > 0) violate('I7', `${clock.pending} timers are left`)
  if (stage !== undefined) {
    outcome.conflicts = stage.conflicts
    for (const what of await stage.close()) violate('I7', `${what} is left in Redis for ever`)
  }
  return outcome

  function createBackend(process: Process, parts: BackendParts): Backend {
    const machine = options.machine === undefined ? {} : { machine: options.machine }
    if (stage === undefined) {
      return {
        ...createMemoryBackend(parts),
        ledger: createMemoryLedger({ ...parts, ...machine }),
      }
    }
    const { store, subscribe, disconnect } = stage.connect(process, { ...world, random })
    const ledger = createRedisLedger({
      ...{ ...parts, ...machine, subscribe, ownTime: true },
      store: options.store?.(store) ?? store,
    })
    return {
      ledger,
      startQueue: (run, report) =>
        queue.join({ process, ledger, run, report, retries: parts.retries }),
      startSchedule: (every, sweep) => createTimerSchedule(process.clock, every, sweep),
      close: () => Promise.resolve(disconnect()),
    }
  }

  /** A callback that says who edits is answered well also when Redis has not taken it: it is lost. */
  function noteMissed(fields: object, message?: string): void {
    if (message === 'the ledger did not take a callback' && 'key' in fields) {
      network.miss(String(fields.key))
    }
  }

  function replace(): void {
    const dies = random.chance(0.5)
    if (dies) outcome.deaths += 1
    processes.replace(dies ? 'dies' : 'is shut down')
  }

  function cut(): void {
    const process = processes.pick()
    trace(`${process.name} hears no wake-ups`)
    const mend = stage?.cut(process)
    clock.after(random.whole(100, LONGEST_CUT), () => {
      trace(`${process.name} hears wake-ups again`)
      mend?.()
    })
  }

  function restart(): void {
    trace('the Docs server restarts')
    theCore().restart()
  }

  async function ask(key: string): Promise<void> {
    const { docs, death, name } = processes.pick()
    trace(`info ${key} from ${name}`)
    const begun = clock.now()
    const asked = docs.info(key).catch((error: unknown) => {
      if (!isDocsError(error)) throw error
    })
    if ((await Promise.race([asked, death])) === 'died') return
    if (clock.now() > begun + 15_000 + lateness) violate('I2', 'an info ended after its deadline')
  }

  async function call(key: string): Promise<void> {
    const userdata = `u${outcome.calls}`
    outcome.calls += 1
    const number = outcome.calls
    const timeout = random.pick([60_000, 60_000, 5000, 20_000])
    const calledAt = clock.now()
    let answeredAt = calledAt
    const edits = theCore().edits(key)
    trace(`call ${number} forcesave ${key}, ${edits} edits`)
    let end: string
    try {
      const result = await forcesave(key, { timeout, userdata }, () => (answeredAt = clock.now()))
      if (result === 'died') {
        trace(`call ${number} died with its process`)
        ended += 1
        return
      }
      const stored = storage.holds(key)
      end = `${result.outcome}${result.certain ? '' : '?'}`
      trace(`call ${number} ${JSON.stringify(result)}`)
      if (result.key !== key) violate('I6', `call ${number} got the outcome of ${result.key}`)
      if (result.outcome === 'saved' && result.userdata !== userdata) {
        violate('I6', `call ${number} got the userdata of another call`)
      }
      // What a stranger's save holds may be missing where the result says that it is not certain.
      const excused = !result.certain
      // It was stored when the verdict was made, and a save of the same second has come since.
      const overwritten =
        result.outcome === 'saved' && holdsOf(result.stored) >= edits && storage.wentBack(key)
      if (stored < edits && !excused) {
        violate(
          'I1',
          `call ${number} ended ${end} with edit ${stored} of ${edits} stored in ${key}`,
        )
      }
    } catch (error) {
      if (!isDocsError(error)) throw error
      end = error.code
      // Here it can only mean that a command which was registered is not known.
      if (end === 'BAD_OPTION') violate('I2', `call ${number} was forgotten`)
      trace(`call ${number} ${error.code} ${error.message}`)
    }
    ended += 1
    outcome.ends[end] = (outcome.ends[end] ?? 0) + 1
    // The network here lets an answer take as long as it likes, and startForcesave() waits for it.
    if (clock.now() > Math.max(calledAt + timeout, answeredAt) + lateness) {
      violate('I2', `call ${number} ended after its deadline`)
    }
  }

  /** With several processes, one may send the command and another wait for its outcome. */
  async function forcesave(
    key: string,
    given: { timeout: number; userdata: string },
    answered: () => void,
  ): Promise<ForcesaveResult | 'died'> {
    const { docs, death, name } = processes.pick()
    if (stage !== undefined) trace(`${given.userdata} is sent by ${name}`)
    if (stage === undefined || random.chance(0.5)) {
      return Promise.race([docs.forcesave(key, given), death])
    }
    const begun = clock.now()
    const handle = await Promise.race([docs.startForcesave(key, given), death])
    if (handle === 'died') return handle
    answered()
    const other = processes.pick()
    trace(`the outcome of ${given.userdata} is waited for in ${other.name}`)
    // The deadline is in the ledger; a wait that has to end without Redis has one of its own.
    const timeout = Math.max(begun + given.timeout + 1000 - clock.now(), 1)
    const own = world.outages > 0 ? { timeout } : {}
    return Promise.race([other.docs.outcome(handle.id, own), other.death])
  }
}

const holdsOf = (stored: unknown): number =>
  typeof stored === 'object' && stored !== null && 'holds' in stored ? Number(stored.holds) : 0

const linesOf = (bytes: Uint8Array): number =>
  Buffer.from(bytes).toString().split('\n').filter(Boolean).length

/** Those who edit. */
class People {
  readonly #editors = new Map<string, Editor[]>()
  readonly #joinedAt = new Map<string, number>()
  /** Per key, who has opened it last. */
  readonly #last = new Map<string, string>()
  readonly #cameAgain = new Map<string, number>()
  readonly #mayTypeAt = new Map<Editor, number>()
  /** Per key, when a stranger (button, timer) saved last. */
  readonly #strangers = new Map<string, number>()
  readonly #otherSaves: boolean
  readonly #core: Core
  readonly #url: string
  readonly #random: Random
  readonly #now: () => number
  readonly #trace: (line: string) => void
  #count = 0

  constructor(
    otherSaves: boolean,
    core: Core,
    url: string,
    random: Random,
    now: () => number,
    trace: (line: string) => void,
  ) {
    this.#otherSaves = otherSaves
    this.#core = core
    this.#url = url
    this.#random = random
    this.#now = now
    this.#trace = trace
  }

  strangersSaved(key: string): number {
    return this.#strangers.get(key) ?? 0
  }

  /** When somebody came last who had just been there. */
  cameAgain(key: string): number {
    return this.#cameAgain.get(key) ?? 0
  }

  joinedAt(key: string): number {
    return this.#joinedAt.get(key) ?? 0
  }

  /** The final save may be under way, and that no callback has told. */
  haveLeft(key: string): boolean {
    return !(this.#editors.get(key) ?? []).some((editor) => editor.connected)
  }

  act(key: string): void {
    const editors = (this.#editors.get(key) ?? []).filter((editor) => editor.connected)
    this.#editors.set(key, editors)
    const action = this.#random.next()
    if (editors.length === 0) {
      if (action < 0.25) {
        this.#trace(`the Docs server forgets ${key}`)
        this.#core.expire(key)
      } else void this.#open(key)
      return
    }
    const editor = this.#random.pick(editors)
    if (action < 0.5) this.#type(editor)
    else if (action < 0.58 && this.#otherSaves) this.#press(key, () => editor.saveButton())
    else if (action < 0.63 && this.#otherSaves) this.#press(key, () => this.#core.timerSave(key))
    else if (action < 0.7 && editors.length < 3) void this.#open(key)
    else if (action < 0.9) {
      this.#trace(`${editor.user} closes ${key}`)
      void editor.close()
    } else if (action < 0.95) {
      this.#trace(`${editor.user} vanishes from ${key}`)
      editor.vanish()
    } else this.#type(editor)
  }

  /** All go home. */
  leave(): void {
    for (const editors of this.#editors.values()) {
      for (const editor of editors) void editor.close()
    }
  }

  async #open(key: string): Promise<void> {
    const last = this.#last.get(key)
    // Who has left comes again: by what a final save tells, it may be that of either session.
    const again = last !== undefined && this.haveLeft(key) && this.#random.chance(0.4)
    if (again) this.#cameAgain.set(key, this.#now())
    else this.#count += 1
    const user = again ? last : `u${this.#count}`
    this.#last.set(key, user)
    this.#trace(`${user} opens ${key}`)
    const editor = await this.#core.open(key, { user, callbackUrl: this.#url })
    this.#joinedAt.set(key, this.#now())
    // Nobody types before the editor has loaded.
    this.#mayTypeAt.set(editor, this.#now() + 500)
    this.#editors.set(key, [...(this.#editors.get(key) ?? []), editor])
  }

  #type(editor: Editor): void {
    if (this.#now() < (this.#mayTypeAt.get(editor) ?? 0)) return
    const number = editor.type('x')
    this.#trace(`${editor.user} types ${number} in ${editor.key}`)
  }

  #press(key: string, press: () => void): void {
    this.#trace(`button or timer in ${key}`)
    this.#strangers.set(key, this.#now())
    press()
  }
}
