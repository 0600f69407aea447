/** How bad a world is: a calm one, and the troubles that make it worse. Drawn once per schedule. */
import type { Random } from './random.js'

/** Probabilities are from 0 to 1, per message, per attempt or per step; times are ms. */
export interface World {
  readonly name: 'well-behaved' | 'troubled' | 'long'
  troubles: readonly Trouble[]
  keys: readonly string[]
  steps: number
  /** How long it is quiet between two steps, at the most. */
  pause: number
  /** A much longer pause, in which documents stay open. */
  longPauses: number
  longestPause: number
  otherSaves: boolean
  /** With tokens: what is late by minutes, or by a wrong clock, is refused. */
  signed: boolean

  /** Messages of every kind: how many of them are late, and how late half of those are. */
  delayed: number
  delay: number
  lost: number
  repeated: number
  /** Held back until another one has overtaken it. */
  swapped: number
  /** The sender has given up, and it is taken nevertheless, later. */
  ghosts: number
  /** Of callbacks that tell that somebody has come. */
  lostJoins: number
  /** Of final saves: what stands before the application answers in its place. */
  refused: number

  /** The Docs server. */
  restarts: number
  slowConversion: number
  failingConversion: number
  sameDigits: boolean
  viewOnlyFor: number
  numericIds: boolean
  lastSaves: 'right' | 'missing' | 'malformed' | 'far ahead'
  /** How often each clock is set, per step, and by how much at the most. */
  serverClock: number
  appClock: number
  longestStep: number

  /** The people: they come again under the same key, in a second tab, and the connection breaks. */
  comesAgain: number
  secondTabs: number
  vanishes: number

  /** The application. */
  slowSave: number
  failingSave: number
  /** A process dies, and its memory with it; another one is there after a while. */
  deaths: number
  /** The ledger loses what it has learned in the last second; with Redis. */
  ledgerLosses: number
  /** Edits that could not be converted are thrown away. */
  discards: boolean
  retention: number | undefined
  sweeps: number
  timeouts: readonly number[]
  /** With Redis: the longest way to it and back, lost wake-ups, and commands that fail. */
  latency: number
  cuts: boolean
  outages: number
}

const calm = (random: Random): World => ({
  name: 'well-behaved',
  troubles: [],
  keys: random.chance(0.85) ? ['k1'] : ['k1', 'k2'],
  steps: random.chance(0.8) ? random.whole(4, 12) : random.whole(12, 30),
  pause: random.pick([100, 1500, 6000]),
  ...{ longPauses: 0, longestPause: 0 },
  otherSaves: random.chance(0.5),
  signed: random.chance(0.15),
  ...{ delayed: 0, delay: 0, lost: 0, repeated: 0, swapped: 0, ghosts: 0 },
  ...{ lostJoins: 0, refused: 0, restarts: 0 },
  slowConversion: random.pick([50, 500, 2000, 4000]),
  ...{ failingConversion: 0, sameDigits: false, viewOnlyFor: 0, numericIds: random.chance(0.1) },
  ...{ lastSaves: 'right', serverClock: 0, appClock: 0, longestStep: 0 },
  ...{ comesAgain: 0.4, secondTabs: 0, vanishes: 0.05 },
  slowSave: random.pick([10, 100, 1000]),
  ...{ failingSave: 0, deaths: 0, ledgerLosses: 0, discards: false },
  ...{ retention: undefined, sweeps: 0.02, timeouts: [60_000] },
  ...{ latency: 0, cuts: false, outages: 0 },
})

type Change = (world: World, random: Random) => Partial<World>

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

/** Each is one way in which the real world is bad. */
export const TROUBLES = {
  delayed: (_world, random) => ({
    delayed: random.pick([0.05, 0.2, 0.6]),
    delay: random.pick([300, 3000, 15_000]),
  }),
  lost: (_world, random) => ({ lost: random.pick([0.01, 0.05, 0.2]) }),
  repeated: (_world, random) => ({ repeated: random.pick([0.05, 0.3]) }),
  swapped: (_world, random) => ({ swapped: random.pick([0.1, 0.4]) }),
  ghosts: (_world, random) => ({ ghosts: random.pick([0.03, 0.1, 0.3]) }),
  'lost joins': (_world, random) => ({ lostJoins: random.pick([0.3, 0.7, 1]) }),
  'refused by the front': (_world, random) => ({ refused: random.pick([0.3, 0.7, 1]) }),
  'Docs server restarts': (_world, random) => ({ restarts: random.pick([0.04, 0.1]) }),
  'slow conversions': (_world, random) => ({ slowConversion: random.pick([8000, 20_000, 60_000]) }),
  'failing conversions': (_world, random) => ({ failingConversion: random.pick([0.1, 0.3, 0.6]) }),
  'discarded edits': () => ({ failingConversion: 0.3, discards: true }),
  'same digits': (_world, random) => ({
    ...{ sameDigits: true, slowConversion: random.pick([10, 100]), slowSave: 10 },
    pause: random.pick([30, 200, 1000]),
  }),
  'no lastsave': () => ({ lastSaves: 'missing' }),
  'odd lastsave': (_world, random) => ({ lastSaves: random.pick(['malformed', 'far ahead']) }),
  "the Docs server's clock": (_world, random) => ({
    ...{ serverClock: 0.15, longestStep: random.pick([10 * SECOND, 2 * MINUTE, 5 * HOUR]) },
  }),
  "the application's clock": (_world, random) => ({
    ...{ appClock: 0.15, longestStep: random.pick([10 * SECOND, 2 * MINUTE, 5 * HOUR]) },
  }),
  'same key again': ({ steps }, random) => ({
    ...{ comesAgain: random.pick([0.7, 1]), vanishes: 0.1, steps: steps + 5 },
    ...{ keys: ['k1'], pause: random.pick([100, 600, 1500]) },
  }),
  'second tabs': () => ({ secondTabs: 0.5 }),
  'slow onSave': (_world, random) => ({ slowSave: random.pick([5000, 20_000, 70_000]) }),
  'failing onSave': (_world, random) => ({ failingSave: random.pick([0.1, 0.4, 0.75]) }),
  deaths: (_world, random) => ({ deaths: random.pick([0.05, 0.12]) }),
  'ledger loses a second': (_world, random) => ({ ledgerLosses: random.pick([0.05, 0.12]) }),
  retention: (_world, random) => ({
    ...{ retention: 15 * MINUTE, longPauses: random.pick([0.1, 0.25]), longestPause: 2 * HOUR },
  }),
  'view only': () => ({ viewOnlyFor: 5 * MINUTE, longPauses: 0.1, longestPause: 10 * MINUTE }),
  impatience: () => ({ timeouts: [1000, 5000, 20_000] }),
} satisfies Record<string, Change>

export type Trouble = keyof typeof TROUBLES

export const TROUBLE_NAMES = Object.keys(TROUBLES) as Trouble[]

/** Only a ledger that outlives a process can lose its last second. */
const KEPT_ONLY: ReadonlySet<Trouble> = new Set(['ledger loses a second'])

export interface Drawing {
  /** Several processes, and a ledger that outlives them. */
  kept: boolean
  /** These, and no others; `[]`: the well-behaved world. */
  troubles?: readonly Trouble[] | undefined
  /** A document that lives for days. */
  long?: boolean | undefined
}

export function drawWorld(random: Random, drawing: Drawing): World {
  const world = calm(random)
  if (drawing.kept) Object.assign(world, { latency: random.pick([0, 2, 20]) })
  const long = drawing.long ?? random.chance(0.0002)
  const troubles = drawing.troubles ?? drawTroubles(random, drawing.kept)
  for (const name of troubles) {
    const change: Change = TROUBLES[name]
    Object.assign(world, change(world, random))
  }
  if (drawing.kept && troubles.length > 0) {
    const cuts = random.chance(0.2)
    Object.assign(world, {
      ...{ latency: random.pick([0, 20, 200]), cuts, outages: random.pick([0, 0, 0.02, 0.1]) },
    })
  }
  const name = long ? 'long' : troubles.length > 0 ? 'troubled' : 'well-behaved'
  const lasting: Partial<World> = long
    ? { steps: random.whole(300, 1000), longPauses: 0.1, longestPause: 2 * HOUR }
    : {}
  return { ...world, ...lasting, name, troubles }
}

function drawTroubles(random: Random, kept: boolean): Trouble[] {
  const possible = TROUBLE_NAMES.filter((name) => kept || !KEPT_ONLY.has(name))
  const count = random.pick([0, 0, 1, 1, 1, 2, 2, 3, 4, 6])
  return [...new Set(Array.from({ length: count }, () => random.pick(possible)))]
}
