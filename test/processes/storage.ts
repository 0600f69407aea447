/**
 * The storage of the processes under test: a folder with the newest file of each key, and beside it those that may
 * be newer, and the history of what was done, one line of JSON each.
 */
import { appendFileSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { RejectSave, type Save } from '../../src/index.js'
import { editsIn } from '../../src/testing/index.js'
import type { Settings } from './settings.js'

/** How long a slow `onSave` takes, and the share of failures that it says are for good. */
const SLOW = 2_000
const FOR_GOOD = 0.1

/** One line of a key's history. Times are of the one clock of this machine, ms. */
export type Entry = {
  type: 'start' | 'stored' | 'failed'
  pid: number
  at: number
  save: string
  sequence: number
  attempt: number
  order: Save['order']
  /** The application's name for the file, and where the save was downloaded from. */
  ref: string
  path: string
} & {
  edits?: number[]
  /** It is in storage, and `onSave` failed all the same. */
  thrown?: boolean
}

export const historyFile = (folder: string, key: string): string => join(folder, `${key}.jsonl`)
export const storedFile = (folder: string, key: string): string => join(folder, `${key}.docx`)

/** The edits that the stored file of a key holds now. */
export function storedEdits(folder: string, key: string): number[] {
  const path = storedFile(folder, key)
  return existsSync(path) ? editsIn(readFileSync(path)) : []
}

export function createStorage(settings: Settings): (save: Save) => Promise<unknown> {
  const { folder, storing, deaf, trouble } = settings
  const chance = (probability: number): boolean => Math.random() < probability

  return async function onSave(save) {
    const { key, id, sequence, attempt, order, ref } = save
    const of = { save: id, sequence, attempt, order, ref, path: new URL(save.url).pathname }
    const note = (type: Entry['type'], more: Partial<Entry> = {}): void => {
      const entry = { type, pid: process.pid, at: Date.now(), ...of, ...more }
      appendFileSync(historyFile(folder, key), `${JSON.stringify(entry)}\n`)
    }
    note('start')
    try {
      const { stream } = await save.download()
      const chunks: Uint8Array[] = []
      for await (const chunk of stream) chunks.push(chunk)
      const bytes = Buffer.concat(chunks)
      const aborted = deaf ? {} : { signal: save.signal }
      await sleep(chance(trouble.slow) ? SLOW : storing, undefined, aborted)
      if (chance(trouble.failing / 2)) {
        throw chance(FOR_GOOD) ? new RejectSave('not this one') : new Error('storage is away')
      }
      dieAt(settings, key, 'in')
      // File and history in one turn: no signal of the operating system falls in between, but for SIGKILL.
      const temporary = join(folder, `${key}.${process.pid}.tmp`)
      writeFileSync(temporary, bytes)
      renameSync(temporary, storedFile(folder, order === 'newest' ? key : `${key}.${sequence}`))
      const edits = editsIn(bytes)
      const thrown = chance(trouble.failing / 2) ? { thrown: true } : {}
      note('stored', { edits, ...thrown })
      dieAt(settings, key, 'after')
      if (thrown.thrown) throw new Error('storage is away, and the file is in it')
      return { edits: edits.at(-1) ?? 0 }
    } catch (error) {
      note('failed')
      throw error
    }
  }
}

/** Dies here, if that is what the test wants, and only once: who takes over lives. */
export function dieAt({ folder, deaths }: Settings, key: string, at: string): void {
  if (deaths[key] !== at) return
  try {
    writeFileSync(join(folder, `${key}.died`), '', { flag: 'wx' })
  } catch {
    return
  }
  process.kill(process.pid, 'SIGKILL')
}
