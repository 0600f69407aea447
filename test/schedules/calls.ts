/** What the application calls in a schedule, and how the calls end. */
import { inspect } from 'node:util'
import { isDocsError } from '../../src/errors.js'
import type { ForcesaveResult } from '../../src/results.js'
import type { Core, VirtualClock } from '../../src/testing/index.js'
import type { Checker, Outcome } from './checker.js'
import type { Processes } from './processes.js'
import type { Random } from './random.js'
import type { World } from './troubles.js'

export interface CallsParts {
  world: World
  clock: VirtualClock
  random: Random
  core: Core
  checker: Checker
  processes: Processes
  outcome: Outcome
  /** What a call may end later than its deadline, ms. */
  lateness: number
  violate: (invariant: string, what: string) => void
  trace: (line: string) => void
}

export interface Calls {
  /** How many have not ended yet. */
  readonly pending: number
  forcesave: (key: string) => Promise<void>
  info: (key: string) => Promise<void>
  recover: () => Promise<void>
  sessions: () => Promise<void>
}

/** Of `docs.info()`, ms. */
const COMMAND_TIMEOUT = 15_000
/** Deadlines that the ledger keeps are not in the process that waits. */
const ELSEWHERE = 1000

export function createCalls(parts: CallsParts): Calls {
  const { world, clock, random, core, checker, processes, outcome, lateness } = parts
  const { violate, trace } = parts
  let pending = 0

  async function call(key: string): Promise<void> {
    const userdata = `u${outcome.calls}`
    const number = (outcome.calls += 1)
    const timeout = random.pick(world.timeouts)
    const calledAt = clock.now()
    let answeredAt = calledAt
    const edits = core.edits(key)
    trace(`call ${number} forcesave ${key}, ${edits} edits`)
    let end: string
    try {
      const result = await run(key, { timeout, userdata }, () => (answeredAt = clock.now()))
      if (result === 'died') return trace(`call ${number} died with its process`)
      trace(`call ${number} ${JSON.stringify(result)}`)
      end = checker.confirmed({ key, number, edits }, result)
      if (result.outcome === 'saved' && result.userdata !== userdata) {
        violate('I6', `call ${number} got the userdata of another call`)
      }
    } catch (error) {
      if (!isDocsError(error)) throw error
      end = error.code
      trace(`call ${number} ${error.code} ${error.message}`)
      // Here it can only mean that a command which was registered is not known.
      if (end === 'BAD_OPTION' && world.ledgerLosses === 0) {
        violate('I2', `call ${number} was forgotten`)
      }
    }
    outcome.ends[end] = (outcome.ends[end] ?? 0) + 1
    // startForcesave() waits for the answer, for as long as a command may take.
    if (clock.now() > Math.max(calledAt + timeout, answeredAt) + lateness) {
      violate('I2', `call ${number} ended after its deadline`)
    }
  }

  /** With several processes, one may send the command and another wait for its outcome. */
  async function run(
    key: string,
    given: { timeout: number; userdata: string },
    answered: () => void,
  ): Promise<ForcesaveResult | 'died'> {
    const process = processes.pick()
    if (process === undefined) return 'died'
    const { docs, death, name } = process
    trace(`${given.userdata} is sent by ${name}`)
    if (random.chance(0.8)) return Promise.race([docs.forcesave(key, given), death])
    const begun = clock.now()
    const handle = await Promise.race([docs.startForcesave(key, given).finally(answered), death])
    if (handle === 'died') return handle
    const other = processes.pick()
    if (other === undefined) return 'died'
    trace(`the outcome of ${given.userdata} is waited for in ${other.name}`)
    // The deadline is in the ledger; a wait that has to end without Redis has one of its own.
    const timeout = Math.max(begun + given.timeout + ELSEWHERE - clock.now(), 1)
    const own = world.outages > 0 || world.appClock > 0 ? { timeout } : {}
    return Promise.race([other.docs.outcome(handle.id, own), other.death])
  }

  /** One of the others: how it ends does not matter, when it does. */
  async function ask(what: string, within: number, work: Ask): Promise<void> {
    const process = processes.pick()
    if (process === undefined) return
    trace(`${what} from ${process.name}`)
    const begun = clock.now()
    const asked = work(process.docs).catch((error: unknown) => {
      if (!isDocsError(error)) throw error
      trace(`${what} ended ${error.code}`)
    })
    if ((await Promise.race([asked, process.death])) === 'died') return
    if (clock.now() > begun + within + lateness) violate('I2', `${what} ended after its deadline`)
  }
  type Ask = (docs: NonNullable<ReturnType<Processes['pick']>>['docs']) => Promise<unknown>

  async function counted(work: Promise<void>): Promise<void> {
    pending += 1
    try {
      await work
    } finally {
      pending -= 1
    }
  }

  return {
    get pending() {
      return pending
    },
    forcesave: (key) => counted(call(key)),
    info: (key) => counted(ask(`info ${key}`, COMMAND_TIMEOUT, (docs) => docs.info(key))),
    recover: () =>
      counted(
        ask('recover', Infinity, (docs) =>
          docs.forgotten.recover({ onResult: (result) => trace(`recover ${inspect(result)}`) }),
        ),
      ),
    sessions: () =>
      counted(
        ask('sessions', Infinity, async (docs) => {
          for await (const session of docs.sessions()) trace(`open: ${session.key}`)
        }),
      ),
  }
}
