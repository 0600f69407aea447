/** The body of a callback as it was handed over, as the JSON that it holds. */

/** What is not UTF-8, and a byte order mark, are not JSON, and not to be mended into a callback. */
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** `body-missing`: it was read before, and nothing of it is left. */
export type ReadBody = { json: unknown } | { problem: 'body-missing' | 'body-not-json' }

/** Parsed, as text, or as bytes: whatever reads bodies in front of us leaves one of these. */
export function readBody(given: unknown): ReadBody {
  if (given === undefined) return { problem: 'body-missing' }
  if (typeof given !== 'string' && !(given instanceof Uint8Array)) return { json: given }
  try {
    const text = typeof given === 'string' ? given : UTF8.decode(given)
    return { json: JSON.parse(text) as unknown }
  } catch {
    return { problem: 'body-not-json' }
  }
}
