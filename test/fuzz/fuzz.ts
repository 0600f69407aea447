/** Sends inputs to the callback endpoint, several at a time, and looks at what becomes of them. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Input } from './input.js'
import { inputOf } from './inputs.js'
import { createLine, type Answer, type Line } from './wire.js'
import { SESSION_KEPT } from '../../src/settlement/timing.js'
import { startWorld, type World } from './world.js'

export interface Report {
  inputs: number
  /** With the seed of the input and the bytes that were sent. */
  violations: string[]
  /** How many answers there were of each status; `none`: the connection ended without. */
  answers: Record<string, number>
  stored: number
  /** The slowest answer, ms, and to what. */
  slowest: { ms: number; seed: number; what: string }
  /** Bytes of the heap after a tenth and at the end. */
  heap: { early: number; late: number }
  seconds: number
}

/** Against hangs: an answer takes a millisecond or two, and longer on a busy machine. */
const ANSWER_LIMIT = 10_000
/** What the heap may have grown by, bytes; a callback that is kept has about 2,000. */
const GROWTH = 24 * 1024 * 1024
const IN_FLIGHT = 8
/** Inputs between two steps of virtual time, and how far it goes: the tokens' and the ledger's time. */
const BATCH = 500
const STEP = 60_000
const REFUSALS = [400, 403, 404, 405, 408, 413, 414, 417, 426, 431, 501, 505]

/** Inputs `first` to `first + count - 1`. */
export async function fuzz(first: number, count: number): Promise<Report> {
  const begun = performance.now()
  const world = await startWorld()
  const lines = Array.from({ length: IN_FLIGHT }, () => createLine(world.port))
  const judge = createJudge(world)
  const report: Report = {
    ...{ inputs: count, violations: judge.violations, answers: {}, stored: 0, seconds: 0 },
    slowest: { ms: 0, seed: first, what: '' },
    heap: { early: 0, late: 0 },
  }
  try {
    const warm = Math.ceil(count / 10)
    for (let done = 0; done < count; done += BATCH) {
      if (report.heap.early === 0 && done >= warm) report.heap.early = await heapUsed()
      const seeds = Array.from(
        { length: Math.min(BATCH, count - done) },
        (_, at) => first + done + at,
      )
      await Promise.all(lines.map((line) => drain(line, seeds)))
      judge.endBatch()
      await world.clock.advance(STEP)
    }
    // Everything that is remembered is forgotten in its time, and no timer is left behind.
    await world.clock.advance(SESSION_KEPT + 3 * 3_600_000)
    report.heap.late = await heapUsed()
    report.stored = judge.stored()
    judge.end(report)
  } finally {
    for (const line of lines) line.close()
    await world.close()
  }
  report.seconds = (performance.now() - begun) / 1000
  return report

  async function drain(line: Line, seeds: number[]): Promise<void> {
    for (let seed = seeds.shift(); seed !== undefined; seed = seeds.shift()) {
      const { clock, path, files } = world
      const input = inputOf(seed, { now: clock.now() / 1000, path, files })
      const all: Answer[][] = []
      const start = performance.now()
      for (let time = 0; time < (input.times ?? 1); time += 1) {
        try {
          all.push(await line.send(input.bytes, input.ending, ANSWER_LIMIT))
        } catch (error) {
          judge.violate(seed, input, String(error))
        }
      }
      const ms = performance.now() - start
      if (ms > report.slowest.ms) report.slowest = { ms, seed, what: input.what }
      for (const answers of all) {
        const statuses =
          answers.length === 0 ? ['none'] : answers.map(({ status }) => String(status))
        for (const status of statuses) report.answers[status] = (report.answers[status] ?? 0) + 1
        judge.look(seed, input, answers)
      }
      judge.lookAtSaves(seed, input)
    }
  }
}

function createJudge(world: World) {
  const violations: string[] = []
  /** Of this batch: the keys of callbacks that were signed, and the inputs whose file may be fetched. */
  const known = new Set<string>()
  const signed = new Set<number>()
  const askedAgain = new Set<number>()
  /** The ledger remembers keys longer than a batch. */
  const used = new Set<string>()
  /** The refusal of each status that was seen first: all others are the same, header and body. */
  const refusals = new Map<number, string>()
  let stored = 0

  function violate(seed: number, input: Input, problem: string): void {
    const bytes = input.bytes.subarray(0, 2_000).toString('latin1')
    violations.push(
      `${problem}\n  input ${seed}: ${input.what}; ${input.ending}\n` +
        `  replay with: npm run fuzz -- 1 --seed ${seed}\n  sent: ${JSON.stringify(bytes)}`,
    )
  }

  function look(seed: number, input: Input, answers: Answer[]): void {
    const { expected } = input
    const told = answers.map(({ status, body }) => `${status} ${body}`).join(', ') || 'no answer'
    if ('status' in expected) {
      const { status, error, key } = expected
      const [answer] = answers
      const isKeyOfAnother = key !== undefined && used.has(key)
      if (key !== undefined) known.add(key)
      if (key !== undefined) used.add(key)
      if (status === 200 && error === 0) signed.add(seed)
      // A final save under the key of another input may not be the last word (`docs/settlement.md` 12).
      if (isKeyOfAnother && answer?.status === 503 && error === 0) return void askedAgain.add(seed)
      const good = answer?.status === status && answer.body === `{"error":${error}}`
      if (!good || answers.length !== 1) violate(seed, input, `expected ${status}, got ${told}`)
      return
    }
    const { unsigned } = expected
    for (const answer of answers) {
      if (!REFUSALS.includes(answer.status)) violate(seed, input, `not a refusal: ${told}`)
      if (!same(answer))
        violate(seed, input, `another ${answer.status}: ${answer.head}${answer.body}`)
    }
    if (unsigned === 'anything but success') return
    if (answers.length !== 1) violate(seed, input, `expected one answer, got ${told}`)
    if (unsigned === 'forbidden' && answers[0]?.status !== 403)
      violate(seed, input, `expected 403, got ${told}`)
  }

  /** Ours are the same whatever the reason. Those of node's own parser have no body. */
  function same({ status, head, body }: Answer): boolean {
    if (status !== 403 && (status !== 400 || body === '')) return true
    // Whether the connection goes on is the sender's own wish.
    const text = head.replace(/^(?:Connection|Keep-Alive): .*\r\n/gim, '') + body
    const first = refusals.get(status)
    if (first === undefined) refusals.set(status, text)
    return text === (first ?? text) && body === '{"error":1}'
  }

  function lookAtSaves(seed: number, input: Input): void {
    if (!('status' in input.expected) || input.expected.stored === undefined) return
    const { key = '', stored: body } = input.expected
    const saves = world.stored.get(key) ?? []
    world.stored.delete(key)
    stored += saves.length
    if (askedAgain.has(seed)) return
    if (saves.length !== 1) violate(seed, input, `${saves.length} times stored`)
    const [save] = saves
    if (save?.ref !== 'file-1') violate(seed, input, `stored into ${String(save?.ref)}`)
    if (save?.body !== JSON.stringify(body))
      violate(seed, input, `stored with another body: ${String(save?.body)}`)
  }

  /** Nothing is under way now: whatever has been touched, stored or fetched was signed. */
  function endBatch(): void {
    const { touched, stored: left, fetched } = world
    const strange = (what: string, found: string[]): void => {
      if (found.length > 0) violations.push(`${what}: ${found.slice(0, 5).join(', ')}`)
    }
    const unknown = (key: string): boolean => !known.has(key)
    strange('the ledger has heard of', [...touched].filter(unknown))
    strange('stored, and signed by nobody', [...left.keys()].filter(unknown))
    const seedOf = (path: string): number => Number(/\/data\/(\d+)_/.exec(path)?.[1])
    strange(
      'fetched',
      [...fetched].filter((path) => !signed.has(seedOf(path))),
    )
    for (const seen of [touched, left, fetched, known, signed]) seen.clear()
  }

  function end({ heap }: Report): void {
    if (world.clock.pending > 0) violations.push(`${world.clock.pending} timers are left behind`)
    if (heap.early > 0 && heap.late > heap.early + GROWTH)
      violations.push(`the heap has grown from ${heap.early} to ${heap.late} bytes`)
    violations.push(...world.accidents)
  }

  return { violations, violate, look, lookAtSaves, endBatch, end, stored: () => stored }
}

/** After a collection, with whatever closes connections given its turn. */
async function heapUsed(): Promise<number> {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  for (let round = 0; round < 3; round += 1) {
    await new Promise((resolve) => setTimeout(resolve, 50))
    collect()
  }
  return process.memoryUsage().heapUsed
}

/** The closing line of a run. */
export function closingLine(first: number, report: Report): string {
  const { inputs, violations, answers, stored, slowest, heap, seconds } = report
  const mb = (bytes: number): string => (bytes / 1024 / 1024).toFixed(1)
  return (
    `${inputs} inputs from seed ${first}, ${violations.length} violations, ${stored} saves stored; ` +
    `answers ${JSON.stringify(answers)}; slowest ${slowest.ms.toFixed(0)} ms (${slowest.seed}, ${slowest.what}); ` +
    `heap ${mb(heap.early)} to ${mb(heap.late)} MB; ${seconds.toFixed(0)} s`
  )
}
