/** Whether long callbacks get through what stands in front of the application. */
import { HttpFailure } from '../../client/http.js'
import { TOKEN_DEFAULTS } from '../../check-token.js'
import { postJson, type Answer } from '../ask.js'
import { fail, ok, skipped, warn, type Check, type Context, type Finding } from '../finding.js'
import { NO_CALLBACK } from '../probe.js'
import { isOurs, strangeReply } from '../replies.js'
import { troubleOf } from '../words.js'

const KIB = 1024
/** The last one is just above the limit of 1 MB that nginx and most body parsers have. */
const SIZES = [16 * KIB, 128 * KIB, 1088 * KIB]
/** Callbacks above this are rare. */
const RARE = 512 * KIB
/** The longest token that a Docs server puts into a header, bytes (`docs-server.md`, "Callbacks"). */
const LONGEST_HEADER = 7168

const LONG =
  'Callbacks with a long history or userdata are this long; a final save that is refused becomes a forgotten file.'

export const bodies: Check = {
  name: 'bodies',
  asks: 'callback',
  async run(context) {
    const { callback: url } = context.settings
    if (url === undefined || context.known.ours !== true)
      return [skipped('not-ours', 'not sent: see callback')]
    return [await growing(context, url), await longHeader(context, url)]
  },
}

async function growing(context: Context, url: URL): Promise<Finding> {
  const { probe } = context.known
  for (const size of SIZES) {
    const padding = 'x'.repeat(size)
    const outcome = await attempt(context, () =>
      probe === undefined
        ? postJson(context, url, JSON.stringify({ padding }))
        : postJson(context, probe.url, probe.body(NO_CALLBACK, padding)),
    )
    const finding = judge(outcome, size, url, probe !== undefined)
    if (finding !== undefined) return finding
  }
  const whole =
    probe === undefined ? '; whether whole is not known without a secret and a ref' : ', whole'
  return ok('arrive', `bodies of up to ${inKiB(SIZES.at(-1) ?? 0)} arrive${whole}`)
}

/** `undefined`: it has arrived. */
function judge(
  outcome: Answer | Finding,
  size: number,
  url: URL,
  signed: boolean,
): Finding | undefined {
  // Few documents have so long a history; a limit below that stops daily ones.
  const say = size > RARE ? warn : fail
  if ('level' in outcome) {
    return say(
      'cut',
      `a body of ${inKiB(size)} does not arrive: the callback address ${outcome.what}`,
      LONG,
      'see to the limits of what stands in between',
    )
  }
  const seen = `a body of ${inKiB(size)} is answered with HTTP ${outcome.status}`
  if (outcome.status === 413) {
    return isOurs(outcome)
      ? say(
          'max-body',
          `${seen} by this package: it is longer than maxBody`,
          LONG,
          'set maxBody in createDocs() to 10 MB, which is its default',
        )
      : say(
          'too-long',
          `${seen}, by a proxy or body parser in front of this package`,
          LONG,
          'raise its limit to 10 MB (nginx: client_max_body_size 10m)',
          'put docs.routes() in front of the body parser, or raise the parser’s limit',
        )
  }
  if (!isOurs(outcome))
    return { ...strangeReply(outcome, url), what: `${seen}, and not by this package` }
  if (signed && outcome.status === 403) {
    return fail(
      'mangled',
      `a body of ${inKiB(size)} does not arrive as it was sent`,
      LONG,
      'see to what stands in between: a filter that cuts bodies or writes into them',
    )
  }
  return undefined
}

const HEADER_LOST = warn(
  'header-lost',
  `the header ${TOKEN_DEFAULTS.header} of a callback does not arrive`,
  'Something in front takes it away. The token in the body counts first, so this does harm only where that one does not arrive.',
  `let the header ${TOKEN_DEFAULTS.header} of this route through to the application`,
)

async function longHeader(context: Context, url: URL): Promise<Finding> {
  const { header, prefix } = TOKEN_DEFAULTS
  const { probe } = context.known
  // A token grows by a third when it is encoded.
  const padding = 'x'.repeat(LONGEST_HEADER * 0.7)
  const signed = probe?.header?.({ ...NO_CALLBACK, padding })
  const outcome = await attempt(context, () =>
    signed === undefined || probe === undefined
      ? postJson(context, url, '{}', { [header]: prefix + 'x'.repeat(LONGEST_HEADER) })
      : postJson(context, probe.url, '{}', signed),
  )
  const size = `a header of ${inKiB(LONGEST_HEADER)}`
  if ('status' in outcome && isOurs(outcome)) {
    if (signed !== undefined && outcome.status === 403) return HEADER_LOST
    return ok('header-arrives', `${size}, the longest that a Docs server sends, arrives`)
  }
  const seen =
    'status' in outcome
      ? `is answered with HTTP ${outcome.status}, and not by this package`
      : 'does not arrive'
  return warn(
    'header-refused',
    `${size}, the longest that a Docs server sends, ${seen}`,
    'The tokens of callbacks with a long history are this long.',
    'raise the limit for headers of what stands in between (nginx: large_client_header_buffers 4 16k)',
  )
}

/** A connection that breaks off is a finding here, and no accident. */
async function attempt(context: Context, send: () => Promise<Answer>): Promise<Answer | Finding> {
  try {
    return await send()
  } catch (error) {
    if (!(error instanceof HttpFailure)) throw error
    const { code, what } = troubleOf(error, context.signal.aborted)
    return { level: 'fail', code, what }
  }
}

const inKiB = (bytes: number): string => `${Math.round(bytes / KIB)} KiB`
