/** Entries in words. Knows no DOM. */

/**
 * @typedef {import('../inspector/entry.js').Entry} Entry
 * @typedef {import('../inspector/entry.js').Sentence} Sentence
 */

/** `error` of a response, as the public documentation of the Docs server names it. */
/** @type {Readonly<Record<number, string>>} */
const ERRORS = {
  0: 'accepted',
  1: 'unknown key',
  2: 'callback URL not correct',
  3: 'internal error',
  4: 'nothing to save',
  5: 'unknown command',
  6: 'bad token',
  7: 'expired token',
}

/** @type {Readonly<Record<number, string>>} */
const FORCED = { 0: 'by a command', 1: 'by the save button', 2: 'by a timer', 3: 'by a form' }

/** @param {Extract<Entry, { type: 'command' }>} entry */
export const commandWords = ({ name, own }) => (own ? `${name}, by this package itself` : name)

/**
 * @param {Extract<Entry, { type: 'response' }>} entry
 * @param {string | undefined} name of its command
 */
export function responseWords({ error, sent }, name) {
  if (error === null) return sent ? 'no answer came' : 'could not be sent'
  if (error === 0 && name !== undefined && name !== 'forcesave') return '0, done'
  return `${error}, ${ERRORS[error] ?? 'an unknown error'}`
}

/** @param {Extract<Entry, { type: 'callback' }>} entry */
export const failed = ({ status }) => status === 3 || status === 7

/** @param {Extract<Entry, { type: 'callback' }>} entry */
export function callbackWords({ status, body }) {
  switch (status) {
    case 1:
      return `1, ${presence(body)}`
    case 2:
      return '2, final save'
    case 3:
      return '3, final save: not converted'
    case 4:
      return Array.isArray(body['actions']) ? '4, closed without changes' : '4, nobody edits'
    case 6:
      return `6, forced save ${FORCED[Number(body['forcesavetype'])] ?? ''}`.trimEnd()
    case 7:
      return '7, forced save: not converted'
    default:
      return `${status}, a status without a meaning here`
  }
}

/** @param {Readonly<Record<string, unknown>>} body */
function presence({ actions, users }) {
  const who = Array.isArray(users) ? users.map(String) : []
  if (!Array.isArray(actions) || actions.length === 0) return `${list(who)} edit`
  return actions
    .map((/** @type {{ type?: unknown, userid?: unknown } | null} */ action) =>
      action?.type === 1
        ? `${String(action.userid)} has come`
        : `${String(action?.userid)} has left`,
    )
    .join(', ')
}

/** Of a callback that is taken by the token in its header alone. */
const TAKEN_IN_PART = new Set(['body-missing', 'body-not-json', 'history-left-out'])

/** @param {Extract<Entry, { type: 'rejected' }>} entry */
export function refusalWords({ code, status }) {
  if (status !== 200) return `refused, ${status}`
  return TAKEN_IN_PART.has(code) ? 'taken in part' : 'not used'
}

/** @param {Extract<Entry, { type: 'reply' }>} entry */
export function replyWords({ status, error }) {
  if (status === 200) return error === 0 ? '200, error 0' : '200, error 1: keep it'
  return status === 503 ? '503: send it again' : `${status}`
}

/** @param {readonly string[]} names */
export const list = (names) => (names.length === 0 ? 'nobody' : names.join(', '))

/** @param {number} at ms since the epoch */
export const clock = (at) => new Date(at).toLocaleTimeString('en-GB')

/** @param {number} at ms since the epoch */
export const exactly = (at) => `${clock(at)}.${String(Math.floor(at % 1000)).padStart(3, '0')}`

/** @param {Sentence} sentence */
export const spoken = ({ text, times }) =>
  text.replace(/\{(\d+)\}/g, (_found, index) => clock(times[Number(index)] ?? 0))

/** @param {number} ms */
export function duration(ms) {
  if (ms < 1_000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`
  if (ms < 3_600_000) return `${Math.round(ms / 60_000)} min`
  return `${(ms / 3_600_000).toFixed(1)} h`
}
