/** Why a callback is turned away, or is taken and told of: codes and words. */
import { MISDIRECTED } from '../settlement/one-file.js'
import type { Callback, SaveCallback } from '../protocol/callback.js'
import type { RejectCode } from '../protocol/reject-code.js'
import type { ReadBody } from './body.js'

export interface Refused {
  readonly code: RejectCode
  readonly reason: string
}

export const REF_NOT_OURS: Refused = {
  code: 'ref-not-ours',
  reason: 'the ref in the URL is not ours',
}

export const REF_OF_ANOTHER_FILE: Refused = { code: 'ref-of-another-file', reason: MISDIRECTED }

/** A body that cannot be judged. The token in the header still can. */
export const UNREADABLE: Readonly<
  Record<Extract<ReadBody, { problem: string }>['problem'], Refused>
> = {
  'body-missing': {
    code: 'body-missing',
    reason:
      'the body was read before this handler, and nothing of it is left: mount docs.routes() in front of what reads it, or leave it in ctx.request.body (parsed, as text or as bytes)',
  },
  'body-not-json': { code: 'body-not-json', reason: 'the body is not JSON' },
}

/** Only the body's token has them when the header's would be too long (`docs-server.md`, "Callbacks"). */
const HISTORY_LEFT_OUT: Refused = {
  code: 'history-left-out',
  reason:
    'a save came with a token in its header only, which has neither history nor changesurl: the body has lost its token on the way',
}

function lacksHistory({ changesUrl, history }: SaveCallback): boolean {
  if (changesUrl !== undefined) return false
  return typeof history !== 'object' || history === null || Object.keys(history).length === 0
}

/** What has not come with a callback that its header's token brings; undefined: it is whole. */
export function lostOf(
  given: ReadBody,
  from: 'body' | 'header',
  callback: Callback,
): Refused | undefined {
  if ('problem' in given) return UNREADABLE[given.problem]
  const lost = from === 'header' && callback.kind === 'save' && lacksHistory(callback)
  return lost ? HISTORY_LEFT_OUT : undefined
}
