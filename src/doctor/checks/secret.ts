/** Whether the secret is the Docs server's: asked with it, without it, and by the server's clock. */
import { checkSecrets } from '../../check-secret.js'
import { isDocsError } from '../../errors.js'
import { offsetOf } from '../clocks.js'
import { errorOf, sendCommand, UNSIGNED } from '../command.js'
import {
  fail,
  ok,
  skipped,
  warn,
  type Check,
  type Context,
  type Credential,
  type Finding,
} from '../finding.js'
import { duration } from '../words.js'

export const secret: Check = {
  name: 'secret',
  asks: 'server',
  async run(context) {
    const { secrets } = context.settings
    const { commands } = context.known
    const own = ownFaults(context)
    if (commands === undefined) return [...own, skipped('no-commands', 'not asked: see commands')]
    const unsigned = errorOf(await sendCommand(context, commands, 'version', UNSIGNED))
    if (unsigned === 0) context.known.credential = UNSIGNED
    if (secrets.length === 0) return [...own, withoutSecret(unsigned)]
    if (unsigned === 0) return [...own, OFF_THERE]
    return [...own, ...(await withSecrets(context, commands, secrets))]
  },
}

/** What is wrong with a secret whatever the Docs server says. */
function ownFaults({ settings }: Context): Finding[] {
  const { secrets, secretInArguments } = settings
  const findings: Finding[] = []
  if (secretInArguments) {
    findings.push(
      warn(
        'in-arguments',
        'a secret was given on the command line',
        'Everybody on this machine can read it there (`ps`), and the shell keeps it in its history.',
        'use DOCS_SECRET, --secret-file, or --secret - for standard input',
      ),
    )
  }
  secrets.forEach((one, index) => {
    const problem = problemOf(one)
    if (problem === undefined) return
    const which =
      secrets.length === 1
        ? 'the secret'
        : index === 0
          ? 'the current secret'
          : 'the previous secret'
    const why =
      'Whoever guesses it can sign callbacks and store what they like; createDocs() refuses it.'
    const fix = 'set another one on both sides: openssl rand -base64 32 makes one'
    findings.push(fail('weak', `${which} is ${problem}`, why, fix))
  })
  return findings
}

function problemOf(one: string): string | undefined {
  try {
    checkSecrets(one, false)
    return undefined
  } catch (error) {
    if (!isDocsError(error)) throw error
    return error.message.includes('white space')
      ? 'surrounded by white space'
      : 'too weak: known to everybody, or shorter than 32 bytes'
  }
}

const OFF_THERE = fail(
  'off-there',
  'a secret was given, and the Docs server takes commands without any token',
  'So nobody can tell whether the secret is right; and callbacks without a token are answered 403, which makes every final save a forgotten file.',
  'turn tokens on at the Docs server (JWT_ENABLED=true, JWT_SECRET)',
)

function withoutSecret(unsigned: number | undefined): Finding {
  if (unsigned === 0) {
    return warn(
      'off',
      'tokens are off: the Docs server takes commands without one',
      'Whoever reaches the callback route can store what they like, and whoever reaches the Docs server can read and end documents.',
      'turn tokens on at both sides: JWT_ENABLED=true and JWT_SECRET there, `secret` in createDocs()',
    )
  }
  return fail(
    'not-given',
    `no secret was given, and the Docs server wants tokens (error ${unsigned ?? 'unknown'})`,
    'No command and no save gets through without it.',
    'give its secret in DOCS_SECRET, or by --secret-file; it is JWT_SECRET there, or secret.inbox in its local.json',
  )
}

async function withSecrets(
  context: Context,
  url: URL,
  secrets: readonly string[],
): Promise<Finding[]> {
  const attempt = async (credential: Credential): Promise<number | undefined> => {
    const error = errorOf(await sendCommand(context, url, 'version', credential))
    if (error === 0) context.known.credential ??= credential
    return error
  }
  const credentials = secrets.map((one): Credential => ({ secret: one, in: 'body', offset: 0 }))
  const errors: (number | undefined)[] = []
  for (const credential of credentials) errors.push(await attempt(credential))
  const right = errors.findIndex((error) => error === 0 || error === 7)
  const credential = credentials[right]
  if (credential !== undefined) {
    const findings = right === 0 ? [] : [WRONG_ORDER]
    if (errors[right] === 7) findings.push(await expired(context, credential, attempt))
    else if (right === 0) findings.push(accepted(errors))
    return findings
  }
  const strange = errors.find((error) => error !== 6)
  if (strange !== undefined) {
    return [
      fail(
        'strange',
        `the Docs server answers a signed version with error ${strange}`,
        'This is neither yes nor no.',
        'see its log',
      ),
    ]
  }
  for (const one of credentials) {
    if ((await attempt({ ...one, in: 'header' })) === 0) return [HEADER_ONLY]
  }
  return [WRONG]
}

function accepted(errors: readonly (number | undefined)[]): Finding {
  if (errors.length === 1)
    return ok('right', 'the Docs server takes it, and refuses commands without a token')
  const previous =
    errors[1] === 6
      ? 'the previous one is refused, as it should be'
      : 'and takes the previous one, too'
  return ok('right', `the Docs server takes the current one; ${previous}`)
}

async function expired(
  context: Context,
  credential: Credential,
  attempt: (credential: Credential) => Promise<number | undefined>,
): Promise<Finding> {
  const offset = offsetOf(context.known.moments)
  const mended = offset !== undefined && (await attempt({ ...credential, offset })) === 0
  return fail(
    'expired',
    mended
      ? `the secret is right, and the Docs server answers error 7, expired: the clocks are ${duration(Math.abs(offset))} apart`
      : 'the secret is right, and the Docs server answers error 7, expired, to a token that was made just now',
    mended
      ? 'Signed by its own clock the same command is taken.'
      : 'By the Date of its answers its clock is like ours; a proxy may have set that, so look at the clock of the Docs server itself.',
    'set both clocks by NTP',
  )
}

const WRONG = fail(
  'wrong',
  'the Docs server refuses it: error 6, bad token',
  'It signs with another secret: every command and every save would be refused.',
  'compare it with JWT_SECRET there, or secret.inbox and secret.outbox in its local.json; a line end or blank copied along counts',
  'a Docs server without JWT_SECRET makes one of its own at each start: set it',
)

const WRONG_ORDER = fail(
  'wrong-order',
  'the Docs server refuses the current secret (error 6) and takes the previous one',
  'createDocs() signs with the first of [current, previous].',
  'put the one that the Docs server uses first, until it has the new one',
)

const HEADER_ONLY = warn(
  'header-only',
  'the secret is right, and the Docs server takes a token in the header only',
  'createDocs() puts it into the body unless told otherwise.',
  "set token: { in: 'header' } in createDocs(), if that is not so already",
)
