/** Whether the callback address answers as this package does, from here; and with the same secret. */
import { createRefSigner } from '../../protocol/ref.js'
import { createKeys, signToken } from '../../protocol/token.js'
import { TOKEN_DEFAULTS } from '../../check-token.js'
import { ask, postJson } from '../ask.js'
import { fail, ok, skipped, warn, type Check, type Context, type Finding } from '../finding.js'
import { hostFinding } from '../hosts.js'
import { isOurs, strangeReply } from '../replies.js'
import { shown, SIGNED_REF } from '../words.js'

/** A ref that no application uses. */
const REF = 'koa-docs-callback.doctor'
/** Claims without key and status, so they are no callback whatever is added to the URL. */
const CLAIMS = { probe: 'koa-docs-callback doctor' }
/** In seconds: what may have been seen on its way is worth nothing soon. */
const EXPIRES_IN = 30

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
  if (!isOurs(answer)) return [strangeReply(answer, url)]
  context.known.ours = true
  const findings = [await route(context, url)]
  if (answer.status === 400) findings.push(secrets.length > 0 ? OFF_HERE : OFF)
  // Not before it is known who gets it: a token is nobody else's.
  else if (secrets.length > 0) findings.push(await signed(context, url))
  return findings
}

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
  const { settings, known, clock } = context
  // The one that the Docs server signs with, as far as that is known.
  const secrets = [known.credential?.secret ?? settings.secrets].flat()
  const complete = SIGNED_REF.test(given.pathname)
  const url = complete
    ? given
    : new URL(`${given.href}/${createRefSigner(secrets, 'docs').sign(REF)}`)
  const options = { ...TOKEN_DEFAULTS, expiresIn: EXPIRES_IN }
  const sign = (claims: object): string =>
    signToken({ ...claims }, createKeys(secrets), options, clock.now())
  const token = sign(CLAIMS)
  const body = (padding: string): string => JSON.stringify({ padding, token })
  const answer = await postJson(context, url, body(''))
  if (!isOurs(answer)) return strangeReply(answer, url)
  if (answer.status === 400) {
    known.signed = { url, body }
    return ok(
      'same-secret',
      'the application takes tokens of this secret: it has read one that is no callback, and refused that (400)',
    )
  }
  if (!complete) {
    return skipped(
      'ref-unknown',
      'whether the application has the same secret is not known: give --callback the whole URL that callbackUrl() makes, with its ref',
    )
  }
  const header = { [options.header]: options.prefix + sign({ payload: CLAIMS }) }
  const byHeader = await postJson(context, url, '{}', header)
  if (isOurs(byHeader) && byHeader.status === 400) return BODY_LOST
  return fail(
    'other-secret',
    'the application refuses what is signed with this secret (403)',
    'It would refuse every save of the Docs server: it has another secret, the URL was made with another one or another `prefix`, or its clock is wrong.',
    'see which one in the application: the event `rejected` and its log tell the reason',
    'give createDocs() this secret, and take a fresh URL of callbackUrl()',
  )
}
