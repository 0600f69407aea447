/** A verdict in words, for somebody who has never heard of callbacks. */
import type { DocsError, ForcesaveResult } from '../../src/index.js'
import type { Version } from './files.js'

export interface Words {
  /** `good`: it is stored, or there was nothing to store. `unsure`: most likely so. `bad`: it is not known. */
  tone: 'good' | 'unsure' | 'bad'
  /** `{ago}` and `{clock}` stand for `at`: "3 s ago", "12:01". The browser knows the time zone. */
  text: string
  /** ISO 8601 */
  at: string
}

/** @param version which the verdict is about: the one stored, or the latest */
export function wordsFor(result: ForcesaveResult, version: Version): Words {
  const { number, savedAt: at } = version
  const tone = result.certain ? 'good' : 'unsure'
  if (result.outcome === 'saved') {
    const text = result.certain
      ? `Saved {ago}. Version ${number} holds all that was typed before.`
      : `Saved {ago} as version ${number}. Most likely that is all, but another save may be under way ` +
        'of which the Docs server does not tell. To be sure, save again in a minute.'
    return { tone, text, at }
  }
  if (result.reason === 'not-open') {
    const text = result.certain
      ? `Nothing new since {clock}: nobody has the document open. Version ${number} is the latest.`
      : 'Nothing new since {clock}, but the Docs server keeps a file of an earlier session that may ' +
        'hold more. Whoever runs this application can look at it.'
    return { tone, text, at }
  }
  const text = result.certain
    ? `Nothing new since {clock}. Version ${number} holds it all.`
    : 'Nothing new since {clock}, as far as the Docs server tells. If somebody has typed since, ' +
      'another save may be under way: save again in a minute to be sure.'
  return { tone, text, at }
}

/** @param last the version that is stored, whatever has gone wrong */
export function wordsForError(error: DocsError, last: Version): Words {
  const text = `Not saved: ${reasonOf(error)} The last stored version is number ${last.number}, of {clock}.`
  return { tone: 'bad', text, at: last.savedAt }
}

function reasonOf({ code, error, retryable }: DocsError): string {
  switch (code) {
    case 'TIMEOUT':
      return 'the Docs server took too long. What it still sends is stored and shows up in the list.'
    case 'UNREACHABLE':
      return 'the Docs server does not answer. What you type stays in the editor; try again in a moment.'
    case 'CONVERSION_FAILED':
      return 'the Docs server could not convert the document. It keeps your changes; change something and try again.'
    case 'STORAGE_FAILED':
      return retryable
        ? 'the file has come, but could not be stored here. Your changes are still in the Docs server; try again.'
        : 'the file has come, but cannot be stored here. Whoever runs this application has to look at it.'
    case 'COMMAND_REJECTED':
      return error === 6 || error === 7
        ? 'the Docs server refused the request. Its secret and its clock have to be those of this application.'
        : `the Docs server refused the request (error ${error ?? 0}).`
    case 'BAD_RESPONSE':
      return 'the answer of the Docs server is of no use. Whoever runs this application should check DOCS_URL and DOWNLOAD_ORIGINS.'
    case 'CLOSED':
      return 'this application is being restarted. Try again in a moment.'
    case 'BAD_RECORD':
      return 'what Redis holds of this document cannot be read. Whoever runs this application has to look at its log.'
    case 'BAD_OPTION':
      return 'this application asked in a wrong way. Whoever runs it has to look at it.'
  }
}
