/** What is in a document: its edits, the files made of them, and what callbacks tell about them. */
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

/** A document at one moment: what a conversion works on. */
export interface Snapshot {
  readonly edits: readonly Edit[]
  /** The last edit received by then. Its number says which edits a save can hold. */
  readonly upTo: number
  /** Edits up to this number were settled by an earlier final save. */
  readonly since: number
  readonly file: TextFile | undefined
}

/** The file of a snapshot: the text as edited, or else one line per edit, `<number> <user> <text>`. */
export function fileOf(edits: readonly Edit[], file: TextFile | undefined): Uint8Array {
  if (file !== undefined) return new TextEncoder().encode(textOf(edits, file))
  const lines = edits.map((edit) => `${edit.number} ${edit.user} ${edit.text}\n`)
  return new TextEncoder().encode(lines.join(''))
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
  return snapshot.edits.filter((edit) => edit.number > snapshot.since)
}

/** `history` of a callback: one change for each run of edits by the same user. */
export function historyOf(edits: readonly Edit[]): Record<string, unknown> {
  const changes: { created: string; user: { id: string; name: string } }[] = []
  for (const { user, name, at } of edits) {
    if (changes.at(-1)?.user.id === user) continue
    const created = new Date(at).toISOString().slice(0, 19).replace('T', ' ')
    changes.push({ created, user: { id: user, name } })
  }
  return { serverVersion: '9.0.0', changes }
}

/** `lastsave`: the time of the last edit, in whole seconds (docs-server.md "Callbacks"). */
export function lastSaveOf(at: number): string {
  return new Date(Math.floor(at / 1000) * 1000).toISOString()
}
