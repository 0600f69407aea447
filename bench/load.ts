/** Forcesaves of one process for a while, over documents of several kinds. */
import { percentile } from './statistics.js'
import type { Load, Measured } from './statistics.js'

export type Forcesave = (key: string, options?: { userdata: string }) => Promise<unknown>

/** Saves of one document, one after the other, before the next one is opened. */
const SAVES_PER_KEY = 8

/** So many at once, each lane with documents of its own unless all share one. */
export function loadOf(forcesave: Forcesave): (load: Load) => Promise<Measured> {
  let documents = 0
  const newKey = (): string => `document-${process.pid}-${(documents += 1)}`
  /** Keys with so many saves that are remembered, for one lane each. */
  const remembered: string[] = []

  async function remember(lanes: number, saves: number): Promise<void> {
    while (remembered.length < lanes) remembered.push(newKey())
    await Promise.all(
      remembered.map(async (key) => {
        for (let save = 0; save < saves; save += 1) await forcesave(key)
      }),
    )
  }

  return async function load({ lanes, ms, on = 'few', remember: saves }) {
    if (saves !== undefined) await remember(lanes, saves)
    const times: number[] = []
    const shared = newKey()
    const before = process.cpuUsage()
    const begun = performance.now()

    async function lane(_none: unknown, index: number): Promise<void> {
      let key = on === 'remembered' ? (remembered[index] ?? '') : shared
      const options = on === 'one, each its own' ? { userdata: 'u' } : undefined
      for (let turn = 0; performance.now() - begun < ms; turn += 1) {
        if (on === 'new' || (on === 'few' && turn % SAVES_PER_KEY === 0)) key = newKey()
        const called = performance.now()
        await forcesave(key, options)
        times.push(performance.now() - called)
      }
    }
    await Promise.all(Array.from({ length: lanes }, lane))
    const elapsed = performance.now() - begun
    const { user, system } = process.cpuUsage(before)
    times.sort((one, other) => one - other)
    return {
      ...{ saves: times.length, elapsed, cpu: (user + system) / 1000 },
      ...{ p50: percentile(times, 0.5), p99: percentile(times, 0.99) },
    }
  }
}
