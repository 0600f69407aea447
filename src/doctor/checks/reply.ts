/** Whether a good answer of the application comes back as it was given: the Docs server takes it to the letter. */
import { postJson, type Answer } from '../ask.js'
import { fail, ok, skipped, warn, type Check, type Finding } from '../finding.js'
import { NO_MEANING } from '../probe.js'
import { isDone, isOurs, REWRITTEN, rewritten } from '../replies.js'
import { shown } from '../words.js'

export const reply: Check = {
  name: 'reply',
  asks: 'callback',
  async run(context) {
    const { callback: url } = context.settings
    const { probe, ours } = context.known
    if (url === undefined || ours !== true) return [skipped('not-ours', 'not sent: see callback')]
    if (probe === undefined) {
      return [skipped('untold', 'not seen: only a callback that the application trusts has one')]
    }
    return [judge(await postJson(context, probe.url, probe.body(NO_MEANING)), probe.url)]
  },
}

function judge(answer: Answer, url: URL): Finding {
  const { status, headers } = answer
  const place = shown(url)
  if (isOurs(answer)) {
    const what = `${place} has refused a callback without a meaning (HTTP ${status}), so no good answer was seen`
    return skipped('refused', what)
  }
  const encoding = headers['content-encoding']
  if (encoding !== undefined && encoding !== 'identity') {
    return fail(
      'encoded',
      `the answer {"error":0} comes back compressed, though nobody has asked for that`,
      REWRITTEN,
      'let this route through without compression',
    )
  }
  if (isDone(answer)) {
    const type = headers['content-type'] ?? ''
    if (/\bjson\b/i.test(type)) {
      return ok('arrives', 'a good answer comes back as it was given: HTTP 200, {"error":0}')
    }
    return warn(
      'header-rewritten',
      `the answer {"error":0} comes back as ${type === '' ? 'no type' : type.slice(0, 40)} instead of application/json`,
      'Something in front rewrites headers; what it does to others is not known.',
      'let the headers of this route through as they are',
    )
  }
  return rewritten(answer, url)
}
