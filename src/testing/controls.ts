/** The page of the simulated Docs server: whoever tries it out sets its delays and failures there. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { pageFile } from '../pages.js'
import type { Conversion, ConversionJob } from './converter.js'
import { answer, parseJson, readBody } from './http.js'
import type { Pause } from './outage.js'

/** Which conversions fail: those of forced saves, those of final saves, all of them, or none. */
export type Failing = 'none' | 'forced' | 'final' | 'all'

const FAILING: ReadonlySet<unknown> = new Set<Failing>(['none', 'forced', 'final', 'all'])

const HOME = '/simulator'
const PAGES = new Map([
  [HOME, ['simulator.html', 'text/html; charset=utf-8']],
  [`${HOME}/simulator.js`, ['simulator.js', 'text/javascript']],
  [`${HOME}/simulator.css`, ['simulator.css', 'text/css']],
])
const POLICY = `default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-ancestors 'none'`

/** The longest delay and the longest restart, in ms. */
const LONGEST = 600_000

interface Parts {
  conversion: Conversion
  forgotten: () => readonly string[]
  restart: (pause: Pause) => void
}

/** Which conversions fail, as `conversion.fails` takes it. */
export const failsOf = (failing: Failing): boolean | ((job: ConversionJob) => boolean) =>
  failing === 'forced' || failing === 'final' ? ({ kind }) => kind === failing : failing === 'all'

/** Answers a request for the page or by the page. */
export type Controls = (
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
) => Promise<boolean>

export function createControls({ conversion, forgotten, restart }: Parts): Controls {
  /** Asked without doing anything: a test may have put a function there. */
  function failing(): Failing {
    const { fails } = conversion
    if (typeof fails === 'boolean') return fails ? 'all' : 'none'
    const job = { key: '', upTo: 0 }
    const [forced, final] = [fails({ ...job, kind: 'forced' }), fails({ ...job, kind: 'final' })]
    return forced ? (final ? 'all' : 'forced') : final ? 'final' : 'none'
  }

  const state = (): object => ({
    delay: typeof conversion.delay === 'number' ? conversion.delay : 0,
    failing: failing(),
    forgotten: forgotten(),
  })

  function change(given: object): boolean {
    const { delay, failing, down } = { ...given } as Record<string, unknown>
    const isTime = (ms: unknown): ms is number => Number(ms) >= 0 && Number(ms) <= LONGEST
    if (delay !== undefined && !isTime(delay)) return false
    if (failing !== undefined && !FAILING.has(failing)) return false
    if (down !== undefined && !isTime(down)) return false
    if (delay !== undefined) conversion.delay = delay
    if (failing !== undefined) conversion.fails = failsOf(failing as Failing)
    if (down !== undefined) restart({ down })
    return true
  }

  return async function handle(request, response, path) {
    const { method, headers } = request
    const page = PAGES.get(path)
    if (method === 'GET' && page !== undefined) {
      const [name = '', type = ''] = page
      response.setHeader('content-security-policy', POLICY)
      response.setHeader('cache-control', 'no-store')
      answer(response, 200, await pageFile(name), type)
    } else if (method === 'GET' && path === `${HOME}/state`) {
      response.setHeader('cache-control', 'no-store')
      answer(response, 200, JSON.stringify(state()), 'application/json')
    } else if (method === 'POST' && path === `${HOME}/state`) {
      // Of this type only a page of its own can send it: that of another site would have to ask first.
      const isJson = headers['content-type']?.startsWith('application/json') === true
      const body = isJson ? parseJson((await readBody(request)) ?? '') : undefined
      const isGood = typeof body === 'object' && body !== null && change(body)
      answer(response, isGood ? 200 : 400, JSON.stringify(state()), 'application/json')
    } else return false
    return true
  }
}
