/** Whether a Docs server answers at its address, and says that it is well. */
import { ask, isHtml, redirection, redirectOf, type Answer } from '../ask.js'
import { fail, ok, type Check, type Finding } from '../finding.js'
import { saysTls, wrongScheme } from '../scheme.js'
import { duration, quote, shown } from '../words.js'

export const address: Check = {
  name: 'address',
  asks: 'server',
  async run(context) {
    const { server } = context.settings
    const url = new URL(`${server.href.replace(/\/$/, '')}/healthcheck`)
    const answer = await ask(context, { method: 'GET', url })
    context.known.reached = true
    return [judge(answer, url)]
  },
}

const OTHER = 'What answers is not the Docs server, or not under this path.'

function judge(answer: Answer, url: URL): Finding {
  const { status, text, took } = answer
  const place = shown(url)
  const target = redirectOf(answer, url)
  if (target !== undefined) {
    const { what, fix } = redirection(url, target)
    const why = 'This package follows no redirect: it would turn the POST of a command into a GET.'
    return fail('redirected', `${place} is redirected (HTTP ${status}) ${what}`, why, fix)
  }
  if (saysTls(answer)) return wrongScheme(url)
  if (status === 200 && text.trim() === 'true')
    return ok('well', `${place} says true, after ${duration(took)}`)
  if (isHtml(answer) && status < 400) {
    const fix =
      'give the address of the Docs server itself, and let /healthcheck and /command through without a log-in'
    return fail(
      'web-page',
      `${place} answers with a web page: a log-in, or another application`,
      OTHER,
      fix,
    )
  }
  if (status === 200) {
    const why =
      'The Docs server is up, and something that it needs is not: its database, its queue, or its storage.'
    return fail(
      'unwell',
      `${place} says ${JSON.stringify(quote(text))} instead of true`,
      why,
      'see its logs',
    )
  }
  if (status === 401 || status === 403) {
    const fix = 'let this machine through to /healthcheck and /command'
    return fail(
      'not-let-in',
      `${place} is answered with HTTP ${status}`,
      'Something in between asks for a log-in or keeps addresses out.',
      fix,
    )
  }
  if (status >= 500) {
    const why =
      'A proxy that does not reach the Docs server answers like this, and so does one that is starting.'
    return fail(
      'server-error',
      `${place} is answered with HTTP ${status}`,
      why,
      'see whether the Docs server runs, and its logs',
    )
  }
  return fail(
    'something-else',
    `${place} is answered with HTTP ${status}`,
    OTHER,
    'correct --server; it may need a path, like https://example.com/docs',
  )
}
