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
 * A change by somebody who had not seen `over` yet, as it is to be made after it. In doubt it removes
 * less: what another has typed meanwhile stays.
 */
export function rebase(change: Change, over: Change): Change {
  const end = change.at + change.remove
  const at = after(change.at, over)
  const wouldEat = over.insert !== '' && change.at <= over.at && over.at < end
  const until = wouldEat ? over.at : Math.max(at, after(end, over))
  return { at, remove: until - at, insert: change.insert }
}

function after(place: number, { at, remove, insert }: Change): number {
  return place <= at ? place : Math.max(place - remove, at) + insert.length
}
