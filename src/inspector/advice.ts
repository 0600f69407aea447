/** What to do about a callback that was turned away, for the application's developer. */
import type { TurnedAwayCode } from '../protocol/reject-code.js'

/** In a sentence or three. The event's `reason`, which stands in front of it, has the numbers. */
export const ADVICE: Readonly<Record<TurnedAwayCode, string>> = {
  'token-missing':
    'Are tokens switched on in the Docs server (services.CoAuthoring.token.enable.request.outbox), in the header and with the prefix that the option `token` names? Does a proxy take the header away?',
  'token-malformed':
    'Does a proxy put its own Authorization header where the token belongs? Set `token.header` here and in the Docs server to another one.',
  'token-algorithm':
    'Set `token.algorithms`, or services.CoAuthoring.token.outbox.algorithm of the Docs server.',
  'token-signature':
    'The token was signed with another secret. Compare `secret` with services.CoAuthoring.secret.outbox of the Docs server. Or somebody else has sent it.',
  'token-expired':
    'Do the clocks differ? Compare the time of this machine with that of the Docs server. A callback that is sent again late is refused like this, too.',
  'token-no-expiry':
    'Anybody who saw this token could use it forever. Give the Docs server an expiry (services.CoAuthoring.token.outbox.expires).',
  'token-issued-in-future':
    'The clocks differ: set that of this machine or that of the Docs server right.',
  'token-critical-header':
    'The Docs server sends no such token. Somebody may be probing this address.',
  'token-claims':
    'The token is genuine, but not that of a callback. Somebody may be probing this address.',
  'token-contradiction':
    'The tokens in its header and body are about two callbacks: it was tampered with.',
  'body-missing':
    'Mount `docs.routes()` in front of the body parser. Without its body a callback is judged by the token in the header, which leaves out a long history.',
  'body-not-json':
    'Does something rewrite the body on the way, or does a form or a health check reach this address?',
  'body-too-long':
    'Mostly its history is long. Raise `maxBody`, and the limits of proxies and body parsers in front.',
  'body-cut-off':
    'It broke off on its way, or took more than 30 s. Look at the proxies in between.',
  'history-left-out':
    'Where the header would be too long the Docs server puts history and changesurl into the body’s token only. Does something in front take `token` out of the body, or write another body?',
  'not-a-callback':
    'It is signed by the Docs server and has no key or no status. Does something else use its secret?',
  'key-form':
    'The Docs server documents no such key, and the calls of this package take none. Make the key of another form where the editor’s config is made.',
  'unknown-status': 'A newer Docs server may send it. It was acknowledged and left.',
  'ref-not-ours':
    'The address does not end in what `docs.callbackUrl(ref)` has made: is the editor given that URL, and is it made with the current secret and prefix?',
  'ref-of-another-file':
    'All editors of a document key need the same callbackUrl. Give a key to one file only, and make `ref` an id that stays when the file is renamed.',
  'link-elsewhere':
    'Nothing was fetched; the reason says why. If the Docs server keeps its cache in S3, Azure or a CDN, add that origin to `downloadOrigins`, and see that this process reaches it.',
  method:
    'A callback is a POST. A redirect turns it into a GET: give the editor the address to which it leads, https instead of http for example. Or somebody has opened the address in a browser.',
}
