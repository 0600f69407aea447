/**
 * Why a callback was turned away, or was taken and told of, as the event `rejected` has it beside its
 * words: a closed list, for a `switch`. `token-…` are about the token, `body-…` about the request's body.
 *
 * @example docs.on('rejected', ({ code }) => turnedAway.inc({ code }))
 */
export type RejectCode =
  /** Neither body nor header have a token. */
  | 'token-missing'
  /** What stands where the token belongs is not one. */
  | 'token-malformed'
  /** Signed with an algorithm that `token.algorithms` does not allow. */
  | 'token-algorithm'
  /** Signed with another secret. */
  | 'token-signature'
  /** Its time is over, or it was made too long ago. */
  | 'token-expired'
  /** It would never expire. */
  | 'token-no-expiry'
  /** Made by a clock that is ahead of ours. */
  | 'token-issued-in-future'
  /** Its header names a key, or changes how it is signed. */
  | 'token-critical-header'
  /** It is good, and not that of a callback. */
  | 'token-claims'
  /** The tokens of header and body are about two callbacks. */
  | 'token-contradiction'
  /** Something has read the body before, and left nothing. Taken where the header has a good token. */
  | 'body-missing'
  /** The body is not JSON. Taken where the header has a good token. */
  | 'body-not-json'
  /** Longer than `maxBody`. */
  | 'body-too-long'
  /** It did not arrive in whole, or not in time. */
  | 'body-cut-off'
  /** A save without `history` and `changesurl`, by a token in the header alone. Taken. */
  | 'history-left-out'
  /** Not an object with a key and a status. */
  | 'not-a-callback'
  /** Its key is not in the form of a document key. */
  | 'key-form'
  /** A status that has no meaning here. Taken, and nothing is done. */
  | 'unknown-status'
  /** The URL does not end in what `callbackUrl()` has made. */
  | 'ref-not-ours'
  /** It came to the callback URL of another file than that of its key. */
  | 'ref-of-another-file'
  /** The link of a save is not on the Docs server. */
  | 'link-elsewhere'

/** As the inspector has it: a request that is no POST is no callback, and no event. */
export type TurnedAwayCode = RejectCode | 'method'
