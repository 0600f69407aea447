/** The check of the option `secret`. */
import { badOption, DocsError } from './errors.js'

/** bytes */
const MIN_SECRET = 32
const GIVE_ONE = "give the Docs server's secret, or null to turn tokens off on both sides"
const WELL_KNOWN = new Set(['secret', 'verysecretstring'])

/** A secret is never shown, not even a wrong one. */
export function checkSecrets(secret: unknown, allowWeak: unknown): readonly string[] | null {
  const refuse = (problem: string): DocsError => new DocsError('BAD_OPTION', `secret: ${problem}`)
  if (allowWeak !== undefined && typeof allowWeak !== 'boolean') {
    throw badOption('allowWeakSecret', allowWeak, 'true or false')
  }
  if (secret === null) return null
  if (secret === undefined) {
    throw refuse(`missing; ${GIVE_ONE}`)
  }
  const secrets: readonly unknown[] = Array.isArray(secret) ? secret : [secret]
  if (secrets.length === 0 || secrets.length > 2) {
    throw refuse('allowed are a text, [current, previous], or null')
  }
  return secrets.map((one) => {
    if (typeof one !== 'string')
      throw refuse('not a text; allowed are a text, [current, previous], or null')
    if (one === '') throw refuse(`empty: everybody could sign; ${GIVE_ONE}`)
    if (one !== one.trim()) throw refuse('has white space at its start or end; trim it')
    const weak = Buffer.byteLength(one) < MIN_SECRET || WELL_KNOWN.has(one)
    if (weak && allowWeak !== true) {
      throw refuse(
        `too weak: it needs ${MIN_SECRET} bytes at least; set a longer one on both sides, or allowWeakSecret: true for a test`,
      )
    }
    return one
  })
}
