/** `history.changes` of the callbacks of one document. */

/** One run of edits by the same user; `created` is the time of the first. */
export interface HistoryChange {
  readonly documentSha256: string
  readonly created: string
  readonly user: { readonly id: string; readonly name: string }
}

interface Author {
  readonly number: number
  readonly user: string
  readonly name: string
  readonly at: number
}

/** Of the document as it was opened; the recorded editor, too, sent the same one always. */
const SHA256 = '14eae6e7b36e64801a2a79a5c7b74afe717ce6bc7e9a805aa0126ab7e6f0b850'

/**
 * The list grows with the edits and is not made from all of them for each save. As on the wire it has
 * one entry for each run of edits by the same user: the list of older content is the beginning of the list
 * of newer content, and the same where that user alone has edited since (`reopened-while-final-save-converts`).
 */
export class History {
  /** The number of the first edit of each run. */
  #starts: number[] = []
  #changes: HistoryChange[] = []

  add({ number, user, name, at }: Author): void {
    if (this.#changes.at(-1)?.user.id === user) return
    const created = new Date(at).toISOString().slice(0, 19).replace('T', ' ')
    this.#starts.push(number)
    this.#changes.push(
      Object.freeze({
        documentSha256: SHA256,
        created,
        user: Object.freeze({ id: user, name }),
      }),
    )
  }

  /** A final save settled what came before: the list begins again with these edits. */
  restart(edits: readonly Author[]): void {
    this.#starts = []
    this.#changes = []
    for (const edit of edits) this.add(edit)
  }

  /** The runs that begin no later than this edit. */
  upTo(number: number): readonly HistoryChange[] {
    const end = this.#starts.findLastIndex((start) => start <= number) + 1
    return this.#changes.slice(0, end)
  }
}
