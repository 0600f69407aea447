/** Whether files can be fetched from here: by the link of a forgotten file, where there is one. */
import { createDownloader } from '../../client/download.js'
import { isDocsError } from '../../errors.js'
import { isKey } from '../../protocol/key.js'
import { ask, isHtml, redirection, redirectOf } from '../ask.js'
import { answered, isUnanswered } from '../command.js'
import { fail, ok, skipped, warn, type Check, type Context, type Finding } from '../finding.js'
import { shown } from '../words.js'

/** No save is ever fetched, so it becomes a forgotten file. */
const WHY =
  'A save whose file cannot be fetched is not stored: a final one becomes a forgotten file.'

/** Its first bytes are enough; the limits are never met. */
const LIMITS = { maxDownload: Number.MAX_SAFE_INTEGER, downloadTimeout: 300_000 }

export const links: Check = {
  name: 'links',
  asks: 'server',
  async run(context) {
    const { reached, forgotten = [] } = context.known
    if (reached !== true) return [skipped('not-reached', 'not asked: see address')]
    const key = forgotten.find(isKey)
    return [key === undefined ? await withoutLink(context) : await byLink(context, key)]
  },
}

async function byLink(context: Context, key: string): Promise<Finding> {
  const response = await answered(context, 'getForgotten', key)
  if (isUnanswered(response)) return skipped('untold', response.why)
  const { settings, signal, clock, http } = context
  const { server } = settings
  const downloader = createDownloader({ server, downloadOrigins: [], ...LIMITS, clock, http })
  const elsewhere = downloader.whyNot(response.url)
  if (elsewhere !== undefined) {
    return warn('elsewhere', elsewhere, WHY, 'add that origin to `downloadOrigins`, if it is yours')
  }
  try {
    const { stream } = await downloader.open(response.url, { signal })
    await stream.cancel()
    return ok('fetched', 'a file that nobody took can be fetched, by its path from --server')
  } catch (error) {
    if (!isDocsError(error)) throw error
    return fail('not-fetched', error.message, WHY, `let GET ${FILES} through to the Docs server`)
  }
}

const FILES = '/cache/files/'

/** What a link that nobody has signed is answered shows what stands in front, and not whether files are there. */
async function withoutLink(context: Context): Promise<Finding> {
  const base = context.settings.server.href.replace(/\/$/, '')
  const url = new URL(`${base}${FILES}koa-docs-callback.doctor`)
  const answer = await ask(context, { method: 'GET', url })
  const place = shown(url)
  const through = `let GET ${FILES} through to the Docs server, without a log-in`
  const target = redirectOf(answer, url)
  if (target !== undefined) {
    const { what } = redirection(url, target)
    return fail('redirected', `${place} is redirected ${what}`, WHY, through)
  }
  const { status } = answer
  if (status === 401 || status >= 500 || (status < 400 && isHtml(answer))) {
    const page = isHtml(answer) ? ' and a web page' : ''
    const what = `${place}, where saved files are, is answered with HTTP ${status}${page}`
    return fail('not-let-through', what, WHY, through)
  }
  return skipped(
    'no-file',
    `no forgotten file is there to be fetched; ${FILES} is answered (HTTP ${status}), so it is not closed to us`,
  )
}
