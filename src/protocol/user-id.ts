/**
 * A user's id. It is a text; where an editor's config has a number for it, the Docs server sends that
 * number in some fields and its text in others, and both are the same user.
 */

/** Undefined for what is no id. */
export function userId(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  return Number.isFinite(value) ? String(value) : undefined
}

/** The ids in a list; what is none is left out. */
export function userIds(list: readonly unknown[]): string[] {
  return list.map(userId).filter((id) => id !== undefined)
}
