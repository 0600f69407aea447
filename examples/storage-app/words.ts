/** A verdict in words, for somebody who has never heard of callbacks. */
import type { DocsError, Doubt, ForcesaveResult } from '../../src/index.js'
import type { Version } from './files.js'

export interface Words {
  /** `good`: all is stored. `unsure`: something may be missing. `bad`: it was not saved, or not confirmed. */
  tone: 'good' | 'unsure' | 'bad'
  /** `{ago}` and `{clock}` stand for `at`: "3 s ago", "12:01". The browser knows the time zone. */
  text: string
  /** ISO 8601 */
  at: string
}

/** What could make a result wrong, for each doubt. */
const DOUBTS: Readonly<Record<Doubt, string>> = {
  'others-may-save': 'Another save may still be under way.',
  'docs-server-may-have-restarted': 'The Docs server may have been restarted.',
  'editors-unknown': 'It is not clear who is editing.',
  'request-unanswered': 'The Docs server did not answer an earlier save.',
  'save-outstanding': 'An earlier save has not arrived yet.',
  'order-unknown': 'Two versions were saved, and it is not clear which is the newer one.',
  'ledger-lost': 'This application has lost track of earlier saves.',
  'forgotten-file-left': 'The Docs server keeps an older file that may hold more.',
  'forgotten-files-unknown': 'The Docs server may keep a file that was never saved here.',
}

/** These do not pass by themselves: somebody has to look. */
const FOR_AN_ADMINISTRATOR: readonly Doubt[] = ['forgotten-file-left', 'forgotten-files-unknown']

/** @param version which the verdict is about: the one stored, or the latest */
export function wordsFor(result: ForcesaveResult, version: Version): Words {
  const { number, savedAt: at } = version
  const what = {
    saved: `Saved {ago}. Version ${number} `,
    'no-changes': `Nothing new since {clock}. Version ${number} `,
    'not-open': `Nothing new since {clock}, and nobody has the document open. Version ${number} `,
  }[result.outcome === 'saved' ? 'saved' : result.reason]
  if (result.certain) return { tone: 'good', text: `${what}holds all that was typed before.`, at }
  return { tone: 'unsure', text: `${what}may lack something. ${doubtOf(result)}`, at }
}

function doubtOf({ doubt = 'others-may-save' }: ForcesaveResult): string {
  return FOR_AN_ADMINISTRATOR.includes(doubt)
    ? `${DOUBTS[doubt]} Ask your administrator to look at it.`
    : `${DOUBTS[doubt]} To be sure, save again after the next change.`
}

/** @param last the newest version that is stored */
export function wordsForError(error: DocsError, last: Version): Words {
  const text = `Not saved: ${reasonOf(error)} The last stored version is number ${last.number}, saved at {clock}.`
  return { tone: 'bad', text, at: last.savedAt }
}

/** Of `docs.open()`: the page has no editor then. */
export function wordsForOpening({ code }: DocsError, last: Version): Words {
  const reason =
    code === 'UNREACHABLE' || code === 'TIMEOUT'
      ? 'the Docs server does not say whether somebody is editing the document. Reload the page to try again.'
      : 'Ask whoever runs this application to look at its log.'
  const text = `Not opened: ${reason} The last stored version is number ${last.number}, saved at {clock}.`
  return { tone: 'bad', text, at: last.savedAt }
}

function reasonOf({ code, error, retryable }: DocsError): string {
  switch (code) {
    case 'TIMEOUT':
      return 'the Docs server took too long. A save that comes later is stored and shows up in the list.'
    case 'UNREACHABLE':
      return 'the Docs server does not answer. What you type stays in the editor; try again in a moment.'
    case 'CONVERSION_FAILED':
      return 'the Docs server could not convert the document. It keeps your changes; change something and try again.'
    case 'STORAGE_FAILED':
      return retryable
        ? 'the file arrived but could not be stored here. Your changes are still in the Docs server; try again.'
        : 'the file arrived but cannot be stored here. Ask your administrator to look at it.'
    case 'EDITS_HELD':
      return 'the Docs server holds changes that it is not saving. It may have been restarted. Open the document, close it, and try again.'
    case 'SESSION_OPEN':
      return 'somebody is editing the document. Try again when everybody has closed it.'
    case 'NOT_OPENED':
      return 'nobody has opened the document.'
    case 'COMMAND_REJECTED':
      return error === 6 || error === 7
        ? 'the Docs server refused the request. Its secret and its clock must match those of this application.'
        : `the Docs server refused the request (error ${error ?? 0}).`
    case 'BAD_RESPONSE':
      return 'the answer of the Docs server is not usable. Ask your administrator to check DOCS_URL and DOWNLOAD_ORIGINS.'
    case 'CLOSED':
      return 'this application is being restarted. Try again in a moment.'
    case 'BAD_RECORD':
      return 'what Redis or its file.json holds of this document cannot be read. Whoever runs this application has to look at its log.'
    case 'BAD_OPTION':
      return 'this application sent an invalid request. Ask your administrator to look at it.'
  }
}
