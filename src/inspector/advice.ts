/** Why a callback was turned away, and what is to be done about it, for the application's developer. */
import { MISDIRECTED } from '../ledger/binding.js'

interface Advice {
  reason: RegExp
  words: (...found: string[]) => string
}

const ADVICE: readonly Advice[] = [
  {
    reason: /^token missing: the body is not JSON/,
    words: () =>
      'The body was not JSON, and there was no token. Does something rewrite it on the way, or does a form or a health check reach this address?',
  },
  {
    reason: /^token missing/,
    words: () =>
      'It bore no token. Are tokens switched on in the Docs server (services.CoAuthoring.token.enable.request.outbox), in the header and with the prefix that the option `token` names? Does a proxy take the header away?',
  },
  {
    reason: /^token signature/,
    words: () =>
      'The token was signed with another secret. Compare `secret` with services.CoAuthoring.secret.outbox of the Docs server. Or somebody else has sent it.',
  },
  {
    reason: /^token expired: (\d+) s ago/,
    words: (seconds = '') =>
      `The token expired ${seconds} s ago. Do the clocks differ? Compare the time of this machine with that of the Docs server. A callback that is sent again late is refused like this, too.`,
  },
  {
    reason: /^token expired: issued (\d+) s ago/,
    words: (seconds = '') =>
      `The token was issued ${seconds} s ago, which is too long. Do the clocks differ? Compare the time of this machine with that of the Docs server.`,
  },
  {
    reason: /^token issued-in-future: by (\d+) s/,
    words: (seconds = '') =>
      `The token is of a time ${seconds} s from now. The clocks differ: set that of this machine or that of the Docs server right.`,
  },
  {
    reason: /^token no-expiry/,
    words: () =>
      'The token never expires, and whoever saw it could use it for ever. Give the Docs server an expiry (services.CoAuthoring.token.outbox.expires).',
  },
  {
    reason: /^token algorithm: allowed: (.*)$/,
    words: (allowed = '') =>
      `The token is signed by another algorithm than ${allowed}. Set \`token.algorithms\`, or services.CoAuthoring.token.outbox.algorithm of the Docs server.`,
  },
  {
    reason: /^token malformed/,
    words: () =>
      'What stands where the token belongs is none. Does a proxy put its own Authorization header there? Set `token.header` here and in the Docs server to another one.',
  },
  {
    reason: /^token contradiction/,
    words: () => 'The tokens in its header and body tell of two callbacks: it was tampered with.',
  },
  {
    reason: /^token (claims|critical-header)/,
    words: () => 'The token is a genuine one, but not that of a callback. Somebody tries it out.',
  },
  {
    reason: /^the ref in the URL is not ours/,
    words: () =>
      'The address does not end in what `docs.callbackUrl(ref)` has made: is the editor given that URL, and is it made with the secret and the prefix of now?',
  },
  {
    reason: /^not a callback/,
    words: () =>
      'It is signed by the Docs server and has no key or no status. Does something else use its secret?',
  },
  {
    reason: /^a body over maxBody, (\d+) bytes/,
    words: (bytes = '') =>
      `It is longer than ${bytes} bytes, mostly by its history. Raise \`maxBody\`, and the limits of proxies and body parsers in front.`,
  },
  {
    reason: /^the body did not arrive/,
    words: () => 'It broke off on its way, or took more than 30 s. Look at the proxies in between.',
  },
  {
    reason: /^the method is (\w+)/,
    words: (method = '') =>
      method === 'GET'
        ? 'It came as GET. A redirect turns a POST into that: give the editor the address to which it leads, https instead of http for example. Or somebody has opened the address in a browser.'
        : 'A callback is a POST. Something else uses this address.',
  },
  {
    reason: /^a save cannot be fetched: .*downloadOrigins/,
    words: () =>
      'Does the Docs server keep its cache in S3, Azure or a CDN? Add the origin of that to `downloadOrigins`, and see that this process reaches it.',
  },
  {
    reason: /^a save cannot be fetched/,
    words: () =>
      'No Docs server makes such a link. Does something on the way rewrite the callback, or is the secret known to somebody else?',
  },
  {
    reason: /^status (\d+) has no meaning/,
    words: (status = '') => `A newer Docs server may send ${status}. It was acknowledged and left.`,
  },
]

/** What to do about it, in a sentence or three. */
export function adviceOn({ reason }: { reason: string }): string {
  if (reason === MISDIRECTED) {
    return 'All editors of a document key need the same callbackUrl. Give a key to one file only, and make `ref` an id that stays when the file is renamed.'
  }
  for (const advice of ADVICE) {
    const found = advice.reason.exec(reason)
    if (found !== null) return advice.words(...found.slice(1))
  }
  return 'Look at the reply: docs/reference.md says what each one means.'
}
