/**
 * Which document key is the current one of each file, and what callbacks tell about that. Keys that this package
 * has not made are none of its business.
 */
import type { Clock } from '../clock.js'
import type { KeyOfFile, OwnKeys } from '../protocol/own-key.js'
import { sha256 } from '../protocol/sha256.js'
import { readKeyRecord, writeKeyRecord, type Kept, type KeyRecord } from './record.js'
import type { KeyStore } from './store.js'

export interface KeyBook {
  /** The current key of a file. */
  current(ref: string): Promise<Kept | undefined>
  /** Keeps `next` in the place of `before`; false: somebody else was faster. */
  keep(next: KeyRecord, before: Kept | undefined): Promise<boolean>
  /** A record with a new key. */
  fresh(ref: string, version: string | undefined): KeyRecord
  /** What this key stands for; undefined: it is not one of ours. */
  read(key: string): KeyOfFile | undefined
  /** Whether this key was made for this file. */
  isOfFile(key: string, ref: string): boolean
  /** The ref that a key of ours holds, where it fits into it. */
  refIn(key: string): string | undefined
  /**
   * The file of a key of ours. `vouched`: it is the file's current key, and no save of it has ever come: then a forgotten
   * file of the key is newer than what is stored. A stale one may lie there for longer than the ledger remembers saves.
   */
  fileOf(key: string): Promise<{ ref: string; vouched: boolean } | undefined>
  /** A save of this key comes: resolves once that is kept. */
  noteSave(key: string, ref: string): Promise<void>
  /** Somebody opens this key. False: it is no longer the key of its file. */
  noteJoin(key: string, ref: string): Promise<boolean>
}

/** Keys of which this process has kept that a save has come, the newest. */
const MAX_NOTED = 10_000
/** How often a change is tried again because somebody else was faster. */
const MAX_CONFLICTS = 100

export function createKeyBook(store: KeyStore, keys: OwnKeys, clock: Clock): KeyBook {
  const noted = new Set<string>()

  async function current(ref: string): Promise<Kept | undefined> {
    const text = await store.get(ref)
    return text === undefined ? undefined : { record: readKeyRecord(text, ref), text }
  }

  /** Changes the record of this key; a key whose file has none becomes its current one. False: it is another key's. */
  async function change(
    key: string,
    ref: string,
    next: (record: KeyRecord) => KeyRecord,
  ): Promise<boolean> {
    for (let tries = 0; tries < MAX_CONFLICTS; tries += 1) {
      const kept = await current(ref)
      const record = kept?.record ?? { key, ref, signedAt: clock.now() }
      if (record.key !== key) return false
      const changed = next(record)
      if (kept !== undefined && changed === record) return true
      if (await store.set(ref, writeKeyRecord(changed), kept?.text)) return true
    }
    throw new Error('too many processes change the key of one file at once')
  }

  const fileBy = (key: string, ref: string, record: KeyRecord | undefined) => ({
    ref,
    vouched: record?.key === key && record.changed !== true,
  })

  const refIn = (key: string): string | undefined => {
    const file = keys.read(key)
    return file !== undefined && 'ref' in file ? file.ref : undefined
  }

  return {
    current,
    refIn,
    isOfFile(key, ref) {
      const file = keys.read(key)
      return file !== undefined && ('ref' in file ? file.ref === ref : file.hash === sha256(ref))
    },
    read: (key) => keys.read(key),
    keep: (next, before) => store.set(next.ref, writeKeyRecord(next), before?.text),
    fresh: (ref, version) => ({
      ...{ key: keys.make(ref), ref, signedAt: clock.now() },
      ...(version === undefined ? {} : { version }),
    }),
    async fileOf(key) {
      const file = keys.read(key)
      if (file === undefined) return undefined
      if ('ref' in file) return fileBy(key, file.ref, (await current(file.ref))?.record)
      const text = await store.byHash(file.hash)
      if (text === undefined) return undefined
      const record = readKeyRecord(text)
      return fileBy(key, record.ref, record)
    },
    async noteSave(key, ref) {
      if (noted.has(key)) return
      const file = keys.read(key)
      if (file === undefined) return
      await change(key, refOf(file, ref), setChanged)
      noted.add(key)
      const [oldest] = noted
      if (noted.size > MAX_NOTED && oldest !== undefined) noted.delete(oldest)
    },
    async noteJoin(key, ref) {
      const file = keys.read(key)
      if (file === undefined) return true
      return change(key, refOf(file, ref), (record) => record)
    },
  }
}

const refOf = (file: KeyOfFile, ref: string): string => ('ref' in file ? file.ref : ref)

const setChanged = (record: KeyRecord): KeyRecord =>
  record.changed === true ? record : { ...record, changed: true }
