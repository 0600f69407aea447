/** Texts that several people change at once: what one edit does to a text, and to a later edit. */

/** What an edit does: at this place, in UTF-16 units, so many characters are replaced by others. */
export interface Change {
  readonly at: number
  readonly remove: number
  readonly insert: string
}

/** `text` after the change. A place outside the text is its end. */
export function apply(text: string, { at, remove, insert }: Change): string {
  return text.slice(0, at) + insert + text.slice(at + remove)
}

/**
 * Two who had not seen each other's changes: `mine` as it is to be made after `theirs`, and each of
 * theirs as it is after mine. In doubt less is removed: what another has typed meanwhile stays.
 */
export function merge(
  mine: Change | undefined,
  theirs: readonly Change[],
): { mine: Change | undefined; theirs: Change[] } {
  let rebased = mine
  const after = theirs.map((change) => {
    if (rebased === undefined) return change
    const own = rebased
    rebased = rebase(own, change, 'before')
    return rebase(change, own, 'after')
  })
  return { mine: rebased, theirs: after }
}

/** @param side where the change goes when both insert at one place */
function rebase(change: Change, over: Change, side: 'before' | 'after'): Change {
  const end = change.at + change.remove
  const at = moved(change.at, over, side)
  const wouldEat = over.insert !== '' && change.at <= over.at && over.at < end
  const until = wouldEat ? over.at : moved(end, over, side)
  return { at, remove: Math.max(0, until - at), insert: change.insert }
}

function moved(place: number, { at, remove, insert }: Change, side: 'before' | 'after'): number {
  if (place < at || (place === at && side === 'before')) return place
  return Math.max(place - remove, at) + insert.length
}
