/** What the server makes of the storage application's reply (docs-server.md "What our reply does"). */

/** The answer to a callback; `body` is parsed JSON, or text where it is none. */
export interface Reply {
  /** The HTTP status. */
  status: number
  /** 200 and `{ error: 0 }` is the one that acknowledges. */
  body: unknown
}

/** 200 `{"error":0}` and nothing else. */
export function isAcknowledged(reply: Reply | undefined): boolean {
  if (reply?.status !== 200) return false
  const { body } = reply
  return typeof body === 'object' && body !== null && 'error' in body && body.error === 0
}

/** Whether a final save is sent again: 429, 5xx, or no answer at all. */
export function isRetried(reply: Reply | undefined): boolean {
  return reply === undefined || reply.status === 429 || reply.status >= 500
}
