/** What is in a document: its edits, the files made of them, and what callbacks tell about them. */
import type { HistoryChange } from './history.js'
import { apply, type Change } from './text.js'

/** One edit as the server received it. `number` counts per key from 1 and is never used again. */
export interface Edit {
  readonly number: number
  readonly user: string
  readonly name: string
  readonly text: string
  /** What it does to the text of a {@link TextFile}; left out: it is one more line at the end. */
  readonly change?: Change
  /** When the server received it, ms since the epoch. */
  readonly at: number
}

/** The file that a document is opened from, where it is a text: then what is saved is one, too. */
export interface TextFile {
  /** `txt`, say: the `filetype` of the callbacks. */
  readonly type: string
  /** What is in it when it is opened. */
  readonly text: string
}

/**
 * A document at one moment: what a conversion works on. The edits are not copied: the list only grows, and
 * the first `count` of it are meant.
 */
export interface Snapshot {
  readonly log: readonly Edit[]
  readonly count: number
  /** The last edit received by then. Its number says which edits a save can hold. */
  readonly upTo: number
  /** Edits up to this number were settled by an earlier final save. */
  readonly since: number
  readonly changes: readonly HistoryChange[]
  readonly file: TextFile | undefined
}

/** All edits of a snapshot. */
export function editsOf({ log, count }: Snapshot): readonly Edit[] {
  return log.slice(0, count)
}

/** The last edit that no earlier final save has settled. */
export function lastOf({ log, count, since }: Snapshot): Edit | undefined {
  const last = log[count - 1]
  return last !== undefined && last.number > since ? last : undefined
}

/** What the callbacks and the links call the file of a snapshot. */
export function filetypeOf({ file }: Snapshot): string {
  return file?.type ?? 'docx'
}

/** How a zip begins, which a docx is. No more of one is needed by those who look at a file's first bytes. */
const ZIP = 'PK\x03\x04\n'

/**
 * The file of a snapshot: the text as edited, or else how a zip begins, and one line per edit:
 * `<number> <user> <text>`.
 */
export function fileOf(edits: readonly Edit[], file: TextFile | undefined): Uint8Array {
  if (file !== undefined) return new TextEncoder().encode(textOf(edits, file))
  const lines = edits.map((edit) => `${edit.number} ${edit.user} ${edit.text}\n`)
  return new TextEncoder().encode(ZIP + lines.join(''))
}

/** The text that editors show. */
export function textOf(edits: readonly Edit[], file: TextFile | undefined): string {
  return edits.reduce(
    (text, edit) => (edit.change ? apply(text, edit.change) : `${text}${edit.text}\n`),
    file?.text ?? '',
  )
}

/**
 * The numbers of the edits that a saved file holds, in the file's order.
 *
 * @example
 * assert.deepEqual(editsIn(await readFile('files/file-1')), [1, 2, 3])
 */
export function editsIn(bytes: Uint8Array): number[] {
  const text = new TextDecoder().decode(bytes)
  return [...text.matchAll(/^(\d+) /gm)].map((match) => Number(match[1]))
}

/** The edits of a snapshot that no earlier final save has settled. */
export function newEdits(snapshot: Snapshot): readonly Edit[] {
  return editsOf(snapshot).filter((edit) => edit.number > snapshot.since)
}

/** A time in whole seconds, as most `lastsave` are (docs-server.md "Callbacks"). */
export function wholeSeconds(at: number): string {
  return new Date(Math.floor(at / 1000) * 1000).toISOString()
}
