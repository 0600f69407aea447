/** People who type and an application that saves, whatever becomes of its processes; all of it recorded. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { CallFailed, ProcessGone, type Process } from './fleet.js'
import type { CallRecord, RunRecord } from './history.js'
import type { Attack } from './hostile.js'
import { createPeople } from './people.js'
import { historyFile, type Entry } from './storage.js'
import type { Town } from './town.js'

/** A call that has not ended this long after its deadline is given up and counts as hanging, ms. */
const PATIENCE = 20_000
/** Nobody types before the editor has loaded, ms. */
const LOADING = 500
/** The `commandTimeout` of the processes, ms. */
const INFO_TIMEOUT = 15_000

export interface Traffic {
  calls: CallRecord[]
  /** How often an outcome was asked for by another process, and how often because the first had died. */
  readonly elsewhere: { asked: number; died: number }
  /** Opens a document, saves it some times, and closes it. The key must be new. */
  session: (key: string, rounds: number) => Promise<void>
  /**
   * The same with all that people do: several of them, who press buttons, come late, vanish, and open
   * the document again. `otherSaves`: as the applications are set; without it nothing but calls saves.
   */
  livelySession: (key: string, rounds: number, otherSaves: boolean) => Promise<void>
}

export interface TrafficOptions {
  town: Town
  /** The web processes that calls can be made in. */
  webs: () => Process[]
  /** Of each call, ms. */
  timeout: number
  /** The longest pause between two rounds, ms. */
  pause: number
}

export function createTraffic({ town, webs, timeout, pause }: TrafficOptions): Traffic {
  const { server } = town
  const calls: CallRecord[] = []
  const elsewhere = { asked: 0, died: 0 }
  const people = createPeople(town)
  const chance = (probability: number): boolean => Math.random() < probability
  const wait = (most: number): Promise<void> => sleep(Math.random() * most)

  async function session(key: string, rounds: number): Promise<void> {
    await people.open(key)
    for (let round = 0; round < rounds; round += 1) {
      await wait(pause)
      await saveRound(key)
    }
    people.type(key)
    await people.leave(key)
    await server.idle(key)
  }

  async function livelySession(key: string, rounds: number, otherSaves: boolean): Promise<void> {
    const visits = 1 + Math.floor(Math.random() * 3)
    const each = Math.ceil(rounds / visits)
    for (let visit = 0; visit < visits; visit += 1) {
      await people.open(key, LOADING)
      for (let round = 0; round < each; round += 1) {
        await wait(pause)
        if (chance(0.1)) await people.open(key, LOADING)
        if (chance(0.1)) people.thinOut(key)
        const press = otherSaves && chance(0.15)
        if (press && chance(0.5)) people.press(key)
        const asking = chance(0.1) ? info(key) : undefined
        await saveRound(key)
        await asking
        if (press) people.press(key)
      }
      people.type(key)
      await people.leave(key)
      // Opened again at once, while the final save is under way, or when all is calm.
      if (chance(0.5)) await server.idle(key)
      if (chance(0.2)) server.expire(key)
      if (chance(0.2)) await forcesave(key)
      await wait(pause)
    }
    await server.idle(key)
  }

  async function saveRound(key: string): Promise<void> {
    if (chance(0.9)) people.type(key)
    const first = forcesave(key)
    if (chance(0.3)) {
      await wait(10)
      people.type(key)
      await Promise.all([first, forcesave(key)])
    } else await first
  }

  async function info(key: string): Promise<void> {
    const web = await anyWeb()
    const call = record({ key, kind: 'info', timeout: INFO_TIMEOUT })
    await ended(call, async () => {
      const { key: toldKey } = await web.info(key)
      return { end: 'info', toldKey }
    })
  }

  async function forcesave(key: string): Promise<void> {
    const web = await anyWeb()
    const call = record({ key, kind: 'forcesave', timeout })
    const { userdata } = call
    await ended(call, async () => {
      const result = await (chance(0.7) ? direct() : inTwoSteps())
      const { outcome, certain, key: toldKey, doubt } = result
      const told = outcome === 'saved' ? { toldUserdata: result.userdata } : {}
      return { end: outcome, certain, toldKey, ...told, ...(doubt === undefined ? {} : { doubt }) }
    })

    function direct(): ReturnType<Process['forcesave']> {
      return web.forcesave(key, { timeout, userdata })
    }
    async function inTwoSteps(): ReturnType<Process['forcesave']> {
      const { id } = await web.startForcesave(key, { timeout, userdata })
      if (chance(0.3)) await wait(2_000)
      // Whoever asks may die as well, or be shutting down: the outcome is there for the next one.
      for (;;) {
        const asked = await anyWeb(web)
        if (asked !== web) elsewhere.asked += 1
        if (!web.alive) elsewhere.died += 1
        try {
          return await asked.outcome(id)
        } catch (error) {
          const goOn = error instanceof CallFailed && error.code === 'CLOSED'
          if (!goOn && !(error instanceof ProcessGone)) throw error
        }
      }
    }
  }

  function record(given: Pick<CallRecord, 'key' | 'kind' | 'timeout'>): CallRecord {
    const { key } = given
    const userdata = `call-${calls.length + 1}`
    const call: CallRecord = { ...given, userdata, edits: server.edits(key), began: Date.now() }
    calls.push(call)
    return call
  }

  async function ended(call: CallRecord, work: () => Promise<Partial<CallRecord>>): Promise<void> {
    const giveUp = sleep(call.timeout + PATIENCE, undefined, { ref: false })
    const noteEnd = (more: Partial<CallRecord>): void => {
      Object.assign(call, { ended: Date.now(), around: people.around(call.key), ...more })
    }
    await Promise.race([work().then(noteEnd, noteError), giveUp])

    function noteError(error: unknown): void {
      if (error instanceof ProcessGone) call.end = 'gone'
      else if (error instanceof CallFailed) {
        const { code, key: toldKey, message } = error
        noteEnd({ end: code ?? `untyped: ${message}`, toldKey })
      } else throw error
    }
  }

  /** `but`: another one than that, if there is any. */
  async function anyWeb(but?: Process): Promise<Process> {
    for (;;) {
      const alive = webs().filter((web) => web.alive)
      const others = alive.filter((web) => web !== but)
      const choice = others.length > 0 ? others : alive
      const web = choice[Math.floor(Math.random() * choice.length)]
      if (web !== undefined) return web
      await sleep(20)
    }
  }

  return { calls, elsewhere, session, livelySession }
}

/** Gathers what a run has left, once everything is calm. */
export async function recordOf(
  town: Town,
  calls: CallRecord[],
  attacks: Attack[] = [],
): Promise<RunRecord> {
  const { witness, deaths } = town
  witness.look()
  const keys = readdirSync(town.folder).flatMap((name) => /^(.*)\.jsonl$/.exec(name)?.[1] ?? [])
  const histories = new Map(keys.map((key) => [key, readHistory(town.folder, key)]))
  return {
    ...{ calls, histories, attacks, deaths, finals: witness.finals, sent: witness.sent },
    lasting: await lastingKeys(town),
  }
}

export function readHistory(folder: string, key: string): Entry[] {
  const path = historyFile(folder, key)
  if (!existsSync(path)) return []
  const lines = readFileSync(path, 'utf8').split('\n').filter(Boolean)
  return lines.map((line) => JSON.parse(line) as Entry)
}

/** What of the documents would stay in Redis for ever. BullMQ bounds its own keys by number. */
async function lastingKeys({ redis }: Town): Promise<string[]> {
  const connection = new Redis(redis.url)
  try {
    const keys = await connection.keys('docs:*')
    const ttls = await Promise.all(keys.map((key) => connection.pttl(key)))
    return keys.filter((_key, index) => ttls[index] === -1)
  } finally {
    connection.disconnect()
  }
}
