/**
 * One random schedule: people type, close and reopen, the application calls, conversions are slow,
 * overlap and fail, `onSave` is slow and fails, requests, responses, callbacks and replies get lost.
 * All of it on virtual time, from one seed; the invariants of `settlement.md` are checked.
 */
import { assembleDocs } from '../../src/docs.js'
import { isDocsError } from '../../src/errors.js'
import type { Transition } from '../../src/ledger/document.js'
import { createMemoryBackend } from '../../src/backends/memory.js'
import { createMemoryLedger } from '../../src/ledger/memory.js'
import { createCore, virtualClock, type Core, type Editor } from '../../src/testing/index.js'
import { createNetwork } from './network.js'
import { createRandom, type Random } from './random.js'
import { createStorage } from './storage.js'

export interface Outcome {
  seed: number
  /** One line each: the invariant, and what was seen. */
  violations: string[]
  calls: number
  /** How the calls ended: `saved 4`, `unchanged 6`, `TIMEOUT`: outcome and rule. */
  ends: Record<string, number>
  trace: string[]
}

export interface ScheduleOptions {
  /** A state machine with a rule broken, to see that the checker finds it. */
  machine?: Transition
  /** A world of a certain kind, instead of one drawn at random. */
  world?: Partial<World>
  /** Keep a line for each thing that happens. */
  traced?: boolean
}

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
  }
}

export async function runSchedule(seed: number, options: ScheduleOptions = {}): Promise<Outcome> {
  const random = createRandom(seed)
  const world = { ...drawWorld(random), ...options.world }
  const clock = virtualClock()
  const start = clock.now()
  const outcome: Outcome = { seed, violations: [], calls: 0, ends: {}, trace: [] }
  const trace = (line: string): void => {
    if (options.traced) outcome.trace.push(`${clock.now() - start} ${line}`)
  }
  const violate = (invariant: string, what: string): void => {
    outcome.violations.push(`${invariant}: ${what}, at ${clock.now() - start} ms`)
    trace(`VIOLATION ${invariant}: ${what}`)
  }
  const theCore = (): Core => core
  const storage = createStorage({ ...world, clock, random, core: theCore, violate, trace })
  const network = createNetwork({
    ...{ clock, random, loss: world.loss, core: theCore, trace },
    receive: (request) => docs.receive(request),
  })
  const docs = assembleDocs(
    {
      server: 'http://127.0.0.1:8000',
      publicUrl: 'http://app',
      secret: null,
      onSave: storage.onSave,
      otherSaves: world.otherSaves,
    },
    {
      clock,
      http: network.http,
      ...(options.machine === undefined
        ? {}
        : {
            createBackend: (parts) => ({
              ...createMemoryBackend(parts),
              ledger: createMemoryLedger({ ...parts, ...pickMachine(options) }),
            }),
          }),
    },
  )
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
    docs.callbackUrl('file'),
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
    else people.act(key)
  }
  await clock.advance(200_000)
  if (outcome.calls > ended) violate('I2', `${outcome.calls - ended} calls hang`)
  people.leave()
  await clock.advance(60_000)
  const closed = docs.close()
  await clock.advance(20_000)
  await closed
  await Promise.all(pending)
  await clock.advance(10_000)
  if (clock.pending > 0) violate('I7', `${clock.pending} timers are left`)
  return outcome

  function restart(): void {
    trace('the Docs server restarts')
    theCore().restart()
  }

  async function ask(key: string): Promise<void> {
    trace(`info ${key}`)
    const begun = clock.now()
    await docs.info(key).catch((error: unknown) => {
      if (!isDocsError(error)) throw error
    })
    if (clock.now() > begun + 15_000) violate('I2', 'an info ended after its deadline')
  }

  async function call(key: string): Promise<void> {
    const userdata = `u${outcome.calls}`
    outcome.calls += 1
    const number = outcome.calls
    const timeout = random.pick([60_000, 60_000, 5000, 20_000])
    const calledAt = clock.now()
    const edits = theCore().edits(key)
    trace(`call ${number} forcesave ${key}, ${edits} edits`)
    let end: string
    try {
      const result = await docs.forcesave(key, { timeout, userdata })
      const stored = storage.holds(key)
      end = `${result.outcome}${result.certain ? '' : '?'}`
      trace(`call ${number} ${JSON.stringify(result)}`)
      if (result.key !== key) violate('I6', `call ${number} got the outcome of ${result.key}`)
      if (result.outcome === 'saved' && result.userdata !== userdata) {
        violate('I6', `call ${number} got the userdata of another call`)
      }
      // What a stranger's save holds may be missing where the result says that it is not certain.
      const excused =
        !result.certain &&
        (people.strangersSaved(key) > clock.now() - 30_000 ||
          storage.wentBack(key) ||
          people.haveLeft(key) ||
          people.joinedAt(key) >= calledAt)
      if (stored < edits && !excused && !network.unseen(key)) {
        violate(
          'I1',
          `call ${number} ended ${end} with edit ${stored} of ${edits} stored in ${key}`,
        )
      }
    } catch (error) {
      if (!isDocsError(error)) throw error
      end = error.code
      trace(`call ${number} ${error.code} ${error.message}`)
    }
    ended += 1
    outcome.ends[end] = (outcome.ends[end] ?? 0) + 1
    if (clock.now() > calledAt + timeout) violate('I2', `call ${number} ended after its deadline`)
  }
}

const pickMachine = ({ machine }: ScheduleOptions): { machine?: Transition } =>
  machine === undefined ? {} : { machine }

const linesOf = (bytes: Uint8Array): number =>
  Buffer.from(bytes).toString().split('\n').filter(Boolean).length

/** Those who edit. */
class People {
  readonly #editors = new Map<string, Editor[]>()
  readonly #joinedAt = new Map<string, number>()
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
    this.#count += 1
    const user = `u${this.#count}`
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
