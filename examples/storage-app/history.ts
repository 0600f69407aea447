/** Who has written a version: from `save.history`, which comes from the Docs server as it is. */
import type { Save } from '../../src/index.js'

export interface Author {
  name: string
  /** When the last of this author's changes was made, ISO 8601; the Docs server may not tell. */
  at?: string
}

/** Each author once, the one who wrote last at the end; ids where the Docs server tells no names. */
export function authorsOf({ history, users }: Pick<Save, 'history' | 'users'>): Author[] {
  const { changes } = fieldsOf(history)
  const authors = new Map<string, Author>()
  for (const change of Array.isArray(changes) ? changes : []) {
    const { created, user } = fieldsOf(change)
    const { name } = fieldsOf(user)
    if (typeof name !== 'string') continue
    authors.delete(name)
    authors.set(name, { name, ...timeOf(created) })
  }
  return authors.size > 0 ? [...authors.values()] : users.map((name) => ({ name }))
}

/** `2026-11-22 09:30:00`, in UTC */
function timeOf(created: unknown): { at?: string } {
  if (typeof created !== 'string') return {}
  const time = new Date(`${created.replace(' ', 'T')}Z`)
  return Number.isNaN(time.getTime()) ? {} : { at: time.toISOString() }
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}
