/** What the inspector tells, read over HTTP as its page reads it. */
import type { Middleware } from 'koa'
import type { Docs } from '../../src/api.js'
import type { Entry } from '../../src/inspector/entry.js'

export interface Told {
  event: string
  id: string
  data: { entries?: Entry[]; gone: number; fresh?: boolean }
}

/** Reads server-sent events until `enough` says so or the stream ends. */
export async function listen(
  address: string,
  enough: (told: readonly Told[]) => boolean,
  headers: Record<string, string> = {},
): Promise<{ told: Told[]; ended: boolean; text: string }> {
  const stop = new AbortController()
  const response = await fetch(`${address}/events`, { headers, signal: stop.signal })
  if (response.status !== 200 || response.body === null) {
    throw new Error(`${response.status}: ${await response.text()}`)
  }
  const told: Told[] = []
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  let rest = ''
  for (;;) {
    const { value, done } = await reader.read()
    if (done) return { told, ended: true, text }
    text += value
    const events = (rest + value).split('\n\n')
    rest = events.pop() ?? ''
    told.push(...events.flatMap(parse))
    if (!enough(told)) continue
    stop.abort()
    return { told, ended: false, text }
  }
}

function parse(event: string): Told[] {
  const fields = new Map(
    event.split('\n').map((line): [string, string] => {
      const at = line.indexOf(': ')
      return [line.slice(0, at), line.slice(at + 2)]
    }),
  )
  const data = fields.get('data')
  if (data === undefined) return []
  return [
    {
      event: fields.get('event') ?? '',
      id: fields.get('id') ?? '',
      data: JSON.parse(data) as Told['data'],
    },
  ]
}

export const entriesIn = (told: readonly Told[]): Entry[] =>
  told.flatMap(({ data }) => data.entries ?? [])

/** The entries up to the first for which `last` holds. */
export async function entriesUpTo(
  address: string,
  last: (entry: Entry) => boolean,
): Promise<Entry[]> {
  const { told } = await listen(address, (sofar) => entriesIn(sofar).some(last))
  return entriesIn(told)
}

export type Of<Type extends Entry['type']> = Extract<Entry, { type: Type }>

export const ofType = <Type extends Entry['type']>(
  entries: readonly Entry[],
  type: Type,
): Of<Type>[] => entries.filter((entry): entry is Of<Type> => entry.type === type)

/** The inspector in front of the callback route. */
export function withInspector(docs: Docs): Middleware {
  const [inspector, routes] = [docs.inspector(), docs.routes()]
  return async (ctx, next) => {
    await inspector(ctx, async () => {
      await routes(ctx, next)
    })
  }
}
