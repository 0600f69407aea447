/**
 * The record as a recording in the format of `test/wire/`, which `npm run demo -- file.jsonl` plays:
 * what went over the wire, without tokens, and links that lead to the player.
 */
import type { Entry, SafeBody } from './entry.js'

export interface RecordingParts {
  /** Whether tokens are on. */
  jwt: boolean
  /** The options that verdicts depend on. */
  options: Readonly<Record<string, number | boolean>>
  /** The path of the callback route. */
  path: string
  /** Whether a link is one that would be fetched. */
  allowed: (link: string) => boolean
  /** Whether older entries have gone. */
  incomplete: boolean
}

/** Where the links of all recordings lead; the player takes them for its own. */
const PLAYER = 'http://127.0.0.1:8000'
const JSON_TYPE = { 'content-type': 'application/json' }
const HEADER_TOKEN = { authorization: 'Bearer <signed {payload: body}>' }

/** The lines of a recording of these entries, oldest first. */
export function* recordingOf(entries: readonly Entry[], parts: RecordingParts): Generator<string> {
  const { jwt, options, path, incomplete } = parts
  const start = entries[0]?.at ?? 0
  const token = jwt ? { token: '<signed body>' } : {}
  const answered = new Set(numbers(entries, 'response'))
  const asked = new Set(numbers(entries, 'command'))
  const replied = new Set(numbers(entries, 'reply'))
  const come = new Set(numbers(entries, 'callback'))
  const line = (at: number, fields: object): string =>
    JSON.stringify({ t: Math.max(0, at - start), ...fields })

  const note = incomplete
    ? 'as the inspector of one process saw it; what came before is gone from its memory'
    : 'as the inspector of one process saw it'
  yield JSON.stringify({
    ...{ scenario: 'inspector', note, jwt, startedAt: new Date(start).toISOString(), options },
  })
  for (const entry of entries) {
    const { at } = entry
    switch (entry.type) {
      case 'command': {
        // Half of a pair says nothing, and what did not leave nobody has heard.
        const { command: id, name, own, body } = entry
        if (!answered.has(id)) break
        yield line(at, {
          ...{ type: 'command', id, path: '/command', headers: JSON_TYPE },
          ...(own ? { by: 'package' } : {}),
          body: { c: name, ...body, ...token },
        })
        break
      }
      case 'response': {
        const { command: id, error, body } = entry
        if (!asked.has(id)) break
        yield error === null
          ? line(at, { type: 'response', id, connection: 'destroyed' })
          : line(at, { type: 'response', id, status: 200, body: linked(body, parts) })
        break
      }
      case 'callback': {
        const { callback: id, key, ref, body } = entry
        for (const editor of editors(body)) yield line(at, { type: 'editor', ...editor, key })
        if (!replied.has(id)) break
        yield line(at, {
          ...{ type: 'callback', id, path: `${path}/${encodeURIComponent(ref)}` },
          headers: jwt ? { ...JSON_TYPE, ...HEADER_TOKEN } : JSON_TYPE,
          body: { ...linked(body, parts), ...token },
        })
        break
      }
      case 'reply': {
        const { callback: id, status, error } = entry
        if (come.has(id)) yield line(at, { type: 'reply', id, status, body: { error } })
        break
      }
      default:
    }
  }
}

function numbers(entries: readonly Entry[], type: Entry['type']): number[] {
  return entries.flatMap((entry) => {
    if (entry.type !== type) return []
    if (entry.type === 'command') return [entry.command]
    // A request that never left: the Docs server saw nothing.
    if (entry.type === 'response') return entry.sent ? [entry.command] : []
    return 'callback' in entry ? [entry.callback] : []
  })
}

/** Links to the Docs server lead to the player; what was refused for its origin keeps another one. */
function linked(body: SafeBody, { allowed }: RecordingParts): SafeBody {
  return Object.fromEntries(
    Object.entries(body).map(([name, value]) => [
      name,
      /url$/i.test(name) && typeof value === 'string' && allowed(value)
        ? `${PLAYER}${value.slice(new URL(value).origin.length)}`
        : value,
    ]),
  )
}

/** Who came and left, as the callbacks tell it: nobody has watched the editors themselves. */
function editors({ status, actions }: SafeBody): { action: 'open' | 'close'; user: string }[] {
  if (!Array.isArray(actions) || ![1, 2, 3, 4].includes(Number(status))) return []
  return (actions as ({ type?: unknown; userid?: unknown } | null)[]).flatMap((action) => {
    const { type, userid } = action ?? {}
    if (typeof userid !== 'string' || (type !== 0 && type !== 1)) return []
    return [{ action: type === 1 ? ('open' as const) : ('close' as const), user: userid }]
  })
}
