/** Replies to a callback: which are this package's, and what the others mean. */
import { isHtml, jsonOf, redirection, redirectOf, type Answer } from './ask.js'
import { fail, type Finding } from './finding.js'
import { saysTls, wrongScheme } from './scheme.js'
import { shown } from './words.js'

/** To a callback that cannot be trusted, one that is none, and one that is too long (`docs/reference.md`). */
const OUR_REFUSALS = new Set([400, 403, 413])

/** Whether this package has refused: by status and body, to the letter. */
export function isOurs(answer: Answer): boolean {
  if (!OUR_REFUSALS.has(answer.status)) return false
  return JSON.stringify(jsonOf(answer)) === '{"error":1}'
}

/** Whether this package has said yes, to the letter. */
export const isDone = (answer: Answer): boolean =>
  answer.status === 200 && JSON.stringify(jsonOf(answer)) === '{"error":0}'

const LOST =
  'A save that is answered like this is not stored: a final one becomes a forgotten file.'

/** What a reply means that is not ours. */
export function strangeReply(answer: Answer, url: URL): Finding {
  const { status } = answer
  const place = shown(url)
  const seen = `POST ${place} is answered with HTTP ${status}`
  const target = redirectOf(answer, url)
  if (target !== undefined) {
    const { what, fix } = redirection(url, target)
    const why =
      'A redirect turns the POST of a callback into a GET, or is not followed at all: no save arrives.'
    return fail(
      'redirected',
      `POST ${place} is redirected (HTTP ${status}) ${what}`,
      why,
      fix,
      'then correct publicUrl in createDocs()',
    )
  }
  if (saysTls(answer)) return wrongScheme(url)
  if (status === 401 || status === 403) {
    const what = `${seen}, and not by this package`
    return fail(
      'not-let-in',
      what,
      LOST,
      'take the callback route out of log-in, CSRF protection and firewall rules: its tokens protect it',
    )
  }
  if (status === 404 || status === 405) {
    const fix =
      'see that docs.routes() is mounted, and that publicUrl, `path` and what a proxy cuts off the path fit together'
    return fail('not-found', seen, LOST, fix)
  }
  if (status === 502 || status === 503 || status === 504) {
    return fail(
      'not-running',
      `${seen}: by a proxy that does not reach the application`,
      LOST,
      'see that the application runs, and where the proxy looks for it',
    )
  }
  if (status >= 500) return fail('broken', `${seen}: the application fails`, LOST, 'see its log')
  if (isHtml(answer)) {
    const fix =
      'take the callback route out of the log-in, and out of what answers every path with a page'
    return fail(
      'web-page',
      `${seen} and a web page: a log-in, or the page for every path`,
      LOST,
      fix,
    )
  }
  if (isDone(answer)) {
    const why =
      'Whatever answers there takes callbacks from everybody, and says that it has stored them.'
    return fail(
      'takes-all',
      `${place} has said {"error":0} to an empty callback without a token`,
      why,
      'mount docs.routes() instead of it',
    )
  }
  return fail(
    'something-else',
    `${seen}, and not by this package`,
    LOST,
    'correct --callback: it is what callbackUrl() makes',
  )
}

/** Why it matters what becomes of a yes. */
export const REWRITTEN =
  'The Docs server takes nothing but HTTP 200 with {"error":0} for a yes: editors are warned, and files that are stored are kept as forgotten files.'

/** What has become of HTTP 200, `{"error":0}`. */
export function rewritten(answer: Answer, url: URL): Finding {
  const { status } = answer
  const fix =
    'take the callback route out of what rewrites answers: a filter, an error page, a wrapper around JSON (a middleware of the application, or nginx: proxy_intercept_errors off)'
  if (status !== 200 && holdsDone(answer)) {
    const what = `the application answers HTTP 200, and HTTP ${status} comes back`
    return fail('status-rewritten', what, REWRITTEN, fix)
  }
  if (status !== 200 || redirectOf(answer, url) !== undefined) return strangeReply(answer, url)
  const what = `the application answers {"error":0}, and ${formOf(answer)} comes back`
  return fail('body-rewritten', what, REWRITTEN, fix)
}

/** Whether our yes is in it, whatever is around it. */
export const holdsDone = (answer: Answer): boolean => /"error":\s*0\b/.test(answer.text)

function formOf(answer: Answer): string {
  if (answer.text.trim() === '') return 'an empty body'
  if (isHtml(answer)) return 'a web page'
  return jsonOf(answer) === undefined ? 'something that is not JSON' : 'other JSON'
}
