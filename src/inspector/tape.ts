/** The bounded memory of the inspector. Off until somebody looks: then nothing is kept of what is told. */
import { randomBytes } from 'node:crypto'
import type { Entry } from './entry.js'

/** The oldest go first when there are more entries than this, or more characters of JSON. */
export const MAX_ENTRIES = 20_000
export const MAX_CHARACTERS = 8 * 1024 * 1024

export interface Tape {
  /** Of this tape, so that a page which comes again knows whether it saw its beginning. */
  readonly id: string
  /** The number of the oldest entry there is; 0 when nothing has gone yet. */
  readonly oldest: number
  /** The number that the next one gets. */
  readonly next: number
  add: (entry: Entry) => void
  /** Entries from this number on, at most so many. */
  from: (n: number, limit?: number) => readonly Entry[]
  /** The entries of one document that are there still. */
  of: (key: string) => readonly Entry[]
  /** Runs `task` at each entry. Returns what cancels it. */
  onChange: (task: () => void) => () => void
}

interface Kept {
  readonly entry: Entry
  readonly length: number
}

export function createTape(): Tape {
  const kept: Kept[] = []
  const byKey = new Map<string, Entry[]>()
  const id = randomBytes(8).toString('hex')
  let characters = 0
  const tasks = new Set<() => void>()

  let next = 0
  const oldest = (): number => kept[0]?.entry.n ?? next

  function forget(): void {
    const gone = kept.shift()
    if (gone === undefined) return
    characters -= gone.length
    const { key } = gone.entry
    const same = key === undefined ? undefined : byKey.get(key)
    same?.shift()
    if (key !== undefined && same?.length === 0) byKey.delete(key)
  }

  return {
    id,
    get oldest() {
      return oldest()
    },
    get next() {
      return next
    },
    add(entry) {
      const { length } = JSON.stringify(entry)
      kept.push({ entry, length })
      characters += length
      next = entry.n + 1
      const { key } = entry
      if (key !== undefined) {
        const same = byKey.get(key)
        if (same === undefined) byKey.set(key, [entry])
        else same.push(entry)
      }
      while (kept.length > MAX_ENTRIES || characters > MAX_CHARACTERS) forget()
      for (const task of tasks) task()
    },
    from(n, limit = Infinity) {
      const start = Math.max(0, n - oldest())
      return kept.slice(start, start + limit).map(({ entry }) => entry)
    },
    of: (key) => byKey.get(key) ?? [],
    onChange(task) {
      tasks.add(task)
      return () => void tasks.delete(task)
    },
  }
}
