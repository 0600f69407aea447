/** The simulated Docs server of a schedule, and what is wrong with its callbacks. */
import { createSecretKey } from 'node:crypto'
import jwt from 'jsonwebtoken'
import type { Clock } from '../../src/clock.js'
import { createCore, type Core, type Reply } from '../../src/testing/index.js'
import { SECRET } from './application.js'
import { CHECKER, type Checker } from './checker.js'
import type { Sent } from './network.js'
import type { Random } from './random.js'
import type { World } from './troubles.js'

export interface DocsServerParts {
  world: World
  clock: Clock
  random: Random
  checker: Pick<Checker, 'heard'>
  deliver: (callback: Sent) => Promise<Reply | undefined>
}

export interface DocsServer {
  core: Core
  restart: () => void
  /** From now on conversions are quick and do not fail. */
  mend: () => void
}

/** Made once: of a text it would be made for each token. */
const KEY = createSecretKey(SECRET, 'utf8')
/** How long tokens are good for (`docs-server.md`, "Callbacks"), in seconds. */
const LIFETIME = 300

const sign = (body: object, iat: number): string =>
  jwt.sign({ ...body, iat, exp: iat + LIFETIME }, KEY)

const AHEAD = 3 * 86_400_000

export function createDocsServer(parts: DocsServerParts): DocsServer {
  const { world, clock, random, checker, deliver } = parts
  const odd = random.next()
  /** What of `lastsave` is wrong stays so when a save is sent again. */
  const oddSaves = new Map<unknown, boolean>()

  function withLastSave(body: Record<string, unknown>): Record<string, unknown> {
    if (world.lastSaves === 'right' || body.lastsave === undefined) return body
    const name = typeof body.url === 'string' ? new URL(body.url).pathname : body.userdata
    const isOdd = oddSaves.get(name) ?? random.chance(odd < 0.5 ? 1 : odd)
    oddSaves.set(name, isOdd)
    if (!isOdd) return body
    const { lastsave, ...rest } = body
    if (world.lastSaves === 'missing') return rest
    if (world.lastSaves === 'malformed') return { ...rest, lastsave: 'the day before yesterday' }
    return { ...rest, lastsave: new Date(Date.parse(lastsave as string) + AHEAD).toISOString() }
  }

  const core = createCore({
    viewOnlyFor: world.viewOnlyFor,
    numericIds: world.numericIds,
    chances: { lostRace: 0.2, acceptedLate: 0.4, sentAfterRestart: 0.8, sentTwice: 0.2 },
    clock,
    random: world.sameDigits ? () => 0.5 : random.next,
    saveDelay: random.pick([10, 500, 2000]),
    conversion: {
      delay: () => random.whole(0, world.slowConversion),
      fails: () => random.chance(world.failingConversion),
    },
    async deliver({ url, body: plain, iat }) {
      if (url === CHECKER) {
        checker.heard(plain)
        return { status: 200, body: { error: 0 } }
      }
      const body = withLastSave(plain)
      const token = world.signed ? { token: sign(body, iat) } : {}
      return deliver({ url, body: { ...body, ...token } })
    },
  })
  return {
    core,
    restart() {
      const [down, deaf] = [random.whole(0, 5000), random.whole(0, 1000)]
      // With a clock that is set back meanwhile, it would be away for hours.
      const pause = world.serverClock === 0 && random.chance(0.5) ? { down, deaf } : {}
      core.restart(pause)
    },
    mend() {
      Object.assign(core.conversion, { delay: 10, fails: false })
    },
  }
}
