/** People who type and an application that saves, whatever becomes of its processes; all of it recorded. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { editsIn, type Editor } from '../../src/testing/index.js'
import { CallFailed, ProcessGone, type Process } from './fleet.js'
import type { AcknowledgedFinal, CallRecord, RunRecord } from './history.js'
import { historyFile, type Entry } from './storage.js'
import type { Town } from './town.js'

/** A call that has not ended this long after its deadline is given up and counts as hanging, ms. */
const PATIENCE = 20_000

export interface Traffic {
  calls: CallRecord[]
  /** Opens a document, saves it some times, and closes it. The key must be new. */
  session: (key: string, rounds: number) => Promise<void>
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

  async function session(key: string, rounds: number): Promise<void> {
    const editor = await server.open(key, { user: 'u', callbackUrl: town.callbackUrl(key) })
    for (let round = 0; round < rounds; round += 1) {
      await sleep(Math.random() * pause)
      if (Math.random() < 0.9) type(editor)
      const first = forcesave(key)
      if (Math.random() < 0.3) {
        await sleep(Math.random() * 10)
        type(editor)
        await Promise.all([first, forcesave(key)])
      } else await first
    }
    type(editor)
    await editor.close()
    await server.idle(key)
  }

  function type(editor: Editor): void {
    if (editor.connected) editor.type('more')
  }

  async function forcesave(key: string): Promise<void> {
    const web = await anyWeb()
    const call: CallRecord = {
      ...{ key, timeout, userdata: `call-${calls.length + 1}` },
      edits: server.edits(key),
      began: Date.now(),
    }
    calls.push(call)
    const { userdata } = call
    const work = Math.random() < 0.7 ? direct() : inTwoSteps()
    const giveUp = sleep(timeout + PATIENCE, undefined, { ref: false })
    await Promise.race([work.then(note, noteError), giveUp])

    function direct(): ReturnType<Process['forcesave']> {
      return web.forcesave(key, { timeout, userdata })
    }
    async function inTwoSteps(): ReturnType<Process['forcesave']> {
      const { id } = await web.startForcesave(key, { timeout, userdata })
      // Whoever asks may die as well, or be shutting down: the outcome is there for the next one.
      for (;;) {
        try {
          return await (await anyWeb()).outcome(id)
        } catch (error) {
          const elsewhere = error instanceof CallFailed && error.code === 'CLOSED'
          if (!elsewhere && !(error instanceof ProcessGone)) throw error
        }
      }
    }
    function note(result: Awaited<ReturnType<Process['forcesave']>>): void {
      const { outcome, certain, key: toldKey } = result
      const told = outcome === 'saved' ? { toldUserdata: result.userdata } : {}
      Object.assign(call, { ended: Date.now(), end: outcome, certain, toldKey, ...told })
    }
    function noteError(error: unknown): void {
      if (error instanceof ProcessGone) call.end = 'gone'
      else if (error instanceof CallFailed) {
        const { code, key: toldKey, message } = error
        Object.assign(call, { ended: Date.now(), end: code ?? `untyped: ${message}`, toldKey })
      } else throw error
    }
  }

  async function anyWeb(): Promise<Process> {
    for (;;) {
      const alive = webs().filter((web) => web.alive)
      const web = alive[Math.floor(Math.random() * alive.length)]
      if (web !== undefined) return web
      await sleep(20)
    }
  }

  return { calls, session }
}

/** Gathers what a run has left, once everything is calm. */
export async function recordOf(town: Town, calls: CallRecord[]): Promise<RunRecord> {
  const keys = readdirSync(town.folder).flatMap((name) => /^(.*)\.jsonl$/.exec(name)?.[1] ?? [])
  const histories = new Map(keys.map((key) => [key, readHistory(town.folder, key)]))
  return {
    ...{ calls, histories, finals: finalsOf(town), deaths: town.deaths },
    lasting: await lastingKeys(town),
  }
}

export function readHistory(folder: string, key: string): Entry[] {
  const path = historyFile(folder, key)
  if (!existsSync(path)) return []
  const lines = readFileSync(path, 'utf8').split('\n').filter(Boolean)
  return lines.map((line) => JSON.parse(line) as Entry)
}

function finalsOf({ server, startedAt }: Town): AcknowledgedFinal[] {
  const sent = new Map<number, { key: string; url: string }>()
  const finals: AcknowledgedFinal[] = []
  for (const entry of server.log) {
    if (entry.type === 'callback') {
      const { key, status, url } = entry.body as { key: string; status: number; url: string }
      if (status === 2) sent.set(entry.id, { key, url })
    } else if (entry.type === 'reply' && 'status' in entry) {
      const final = sent.get(entry.id)
      const { error } = (entry.body ?? {}) as { error?: number }
      if (final === undefined || entry.status !== 200 || error !== 0) continue
      const edits = editsIn(server.file(final.url) ?? new Uint8Array()).at(-1) ?? 0
      finals.push({ key: final.key, at: startedAt + entry.t, edits })
    }
  }
  return finals
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
