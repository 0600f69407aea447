/** Whether the callback address answers as this package does, from here; and with the same secret. */
import { ask, isHtml, postJson, redirectOf, type Answer } from '../ask.js'
import { fail, ok, skipped, warn, type Check, type Context, type Finding } from '../finding.js'
import { hostFinding } from '../hosts.js'
import { createProbe, NO_CALLBACK, NO_MEANING } from '../probe.js'
import { holdsDone, isDone, isOurs, rewritten, strangeReply } from '../replies.js'
import { shown } from '../words.js'

export const callback: Check = {
  name: 'callback',
  asks: 'callback',
  async run(context) {
    const { callback: url } = context.settings
    if (url === undefined)
      return [skipped('not-given', 'not asked: give --callback, the URL that callbackUrl() makes')]
    const host = await hostFinding(context.settings.server, url)
    const found = await answers(context, url)
    return host === undefined ? found : [...found, host]
  },
}

async function answers(context: Context, url: URL): Promise<Finding[]> {
  const { secrets } = context.settings
  const answer = await postJson(context, url, '{}')
  if (!isOurs(answer)) return [await strange(context, answer, url)]
  context.known.ours = true
  const findings = [await route(context, url)]
  if (answer.status === 400) findings.push(await unsigned(context, url))
  // Not before it is known who gets it: a token is nobody else's.
  else if (secrets.length > 0) findings.push(await signed(context, url))
  return findings
}

/**
 * What refuses an empty callback in another way may be the application behind something that rewrites
 * refusals. A URL with a signed ref is one of `callbackUrl()`, and the Docs server sends its tokens there.
 */
async function strange(context: Context, refusal: Answer, url: URL): Promise<Finding> {
  const stranger = strangeReply(refusal, url)
  if (context.settings.secrets.length === 0) return stranger
  const probe = createProbe(context, url, signing(context))
  if (!probe.complete || redirectOf(refusal, url) !== undefined) return stranger
  const answer = await postJson(context, url, probe.body(NO_MEANING))
  // The same to both: nobody there reads tokens.
  const isRead = holdsDone(answer) || (isGood(answer) && !isGood(refusal))
  if (!isRead || isHtml(answer) || holdsDone(refusal)) return stranger
  if (!isDone(answer)) return rewritten(answer, url)
  const kept = refusal.status === 403
  const say = kept ? warn : fail
  return say(
    'refusals-rewritten',
    `${shown(url)} says yes as this package does, and its refusals are rewritten: HTTP ${refusal.status}${isHtml(refusal) ? ' and a web page' : ''} instead of 403 {"error":1}`,
    kept
      ? 'What else is rewritten is not known; the rest of the callback address is not looked at.'
      : 'A save that is not stored is answered 503, and sent again for that: with another status it is not.',
    'let statuses and bodies of this route through as they are (nginx: proxy_intercept_errors off)',
  )
}

const isGood = ({ status }: Answer): boolean => status >= 200 && status < 300

/** The secret that the Docs server signs with, as far as that is known. */
const signing = ({ settings, known }: Context): readonly string[] =>
  [known.credential?.secret ?? settings.secrets].flat()

async function route(context: Context, url: URL): Promise<Finding> {
  const { status, headers } = await ask(context, { method: 'GET', url })
  const place = shown(url)
  if (status === 405 && headers.allow === 'POST') {
    return ok(
      'ours',
      `${place} answers as this package does, asked from here; whether the Docs server gets there, only a callback of its own shows`,
    )
  }
  return ok(
    'ours',
    `POST ${place} is answered as this package does, asked from here; a GET by something else (HTTP ${status}), which does no harm`,
  )
}

/** Tokens are off: then a ref is only written in base64url. */
async function unsigned(context: Context, url: URL): Promise<Finding> {
  if (context.settings.secrets.length > 0) return OFF_HERE
  const { url: withRef, ...probe } = createProbe(context, url, [])
  for (const place of [url, withRef]) {
    const answer = await postJson(context, place, probe.body(NO_MEANING))
    if (isOurs(answer) || answer.status === 404) continue
    context.known.probe = { ...probe, url: place }
    break
  }
  return OFF
}

const OFF_HERE = fail(
  'off-here',
  'a secret was given, and the application takes callbacks without any token',
  'Whoever reaches this address can store what they like.',
  'give `secret` in createDocs() the secret of the Docs server instead of null',
)

const OFF = warn(
  'off',
  'the application takes callbacks without any token',
  'Whoever reaches this address can store what they like.',
  'turn tokens on at both sides: JWT_ENABLED=true and JWT_SECRET there, `secret` in createDocs()',
)

const BODY_LOST = fail(
  'body-lost',
  'the application has the same secret, and reads the token in the header of a callback but not that in its body',
  'Something in front reads or changes the body: a save whose history is long loses it, and a longer one is refused.',
  'mount docs.routes() in front of the body parser, or let that leave the whole body in ctx.request.body',
  'see the events `rejected` in the application: their code is body-missing where nothing of the body is left',
)

/**
 * A token that is good, with claims that are none of a callback: a receiver that trusts the token says 400, and
 * one that does not 403. It ends there, before anything is recorded (`settlement.md`, "Replies"): the only trace is an event `rejected`.
 */
async function signed(context: Context, given: URL): Promise<Finding> {
  const probe = createProbe(context, given, signing(context))
  const { url, complete, body, header } = probe
  const answer = await postJson(context, url, body(NO_CALLBACK))
  if (!isOurs(answer)) return strangeReply(answer, url)
  if (answer.status === 400) {
    context.known.probe = probe
    return ok(
      'same-secret',
      'the application takes tokens of this secret: it has read one that is no callback, and refused that (400)',
    )
  }
  const byHeader = await postJson(context, url, '{}', header?.(NO_CALLBACK))
  if (isOurs(byHeader) && byHeader.status === 400) return BODY_LOST
  const { prefix, prefixGiven } = context.settings
  const fix = 'give createDocs() this secret, and take a fresh URL of callbackUrl()'
  if (complete || prefixGiven) {
    return fail(
      'other-secret',
      'the application refuses what is signed with this secret (403)',
      'It would refuse every save of the Docs server: it has another secret, the URL was made with another one or another `prefix`, or its clock is wrong.',
      'see which one in the application: the event `rejected` and its log tell the reason',
      fix,
    )
  }
  return fail(
    'other-secret',
    `the application refuses what is signed with this secret, with a ref of the \`prefix\` ${prefix} (403)`,
    'It has another secret, or another `prefix`, and answers both alike. With another secret it would refuse every save of the Docs server.',
    'if createDocs() has the option `prefix`, give it by --prefix, or give --callback the whole URL that callbackUrl() makes',
    `else ${fix}`,
  )
}
