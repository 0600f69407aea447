/**
 * Why a verdict was given, in a sentence: the rule that decided (`docs/settlement.md`) and what was seen
 * of what it rests on. What was not seen, in another process or because it is gone, is not spoken of.
 */
import { commandErrorName } from '../protocol/command.js'
import type { Verdict } from '../settlement/event.js'
import type { Doubt } from '../settlement/state.js'
import type { Entry, Sentence } from './entry.js'

type Of<Type extends Entry['type']> = Extract<Entry, { type: Type }>

/** What was seen of the command, and of the save that the verdict rests on. */
interface Seen {
  readonly answer: Of<'response'> | undefined
  /** The first callback that brought the save, and when it was stored. */
  readonly first: Of<'callback'> | undefined
  readonly stored: number | undefined
  /** Begun by this very command. */
  readonly ours: boolean
  readonly past: readonly Entry[]
  readonly id: string
}

/** Parts of a sentence: texts, and times as numbers. */
type Parts = readonly (string | number)[]

/** What each doubt means (`docs/settlement.md` 11). */
const DOUBTS: Readonly<Record<Doubt, string>> = {
  'others-may-save':
    'a save button, a timer, a form or another application may be saving too, and the Docs server cannot be asked',
  'docs-server-may-have-restarted':
    'somebody came who was there already, or was gone without a word, as after a restart of the Docs server or a reloaded page',
  'editors-unknown': 'the callbacks so far do not tell who edits',
  'request-unanswered':
    'an earlier forcesave got no answer, and may still make the Docs server save',
  'save-outstanding': 'the save of an earlier forcesave has not come',
  'order-unknown': 'nothing tells which of the stored files is the newest',
  'ledger-lost': 'what was known of the document was lost, or may be incomplete',
  'forgotten-file-left':
    'the Docs server holds a forgotten file that may be older than what is stored',
  'forgotten-files-unknown': 'the Docs server cannot be asked for forgotten files',
}

/** @param past what was seen of the document before */
export function whyOf(verdict: Verdict, id: string, past: readonly Entry[]): Sentence {
  const seen = look(verdict, id, past)
  const doubt = 'doubt' in verdict ? [`. Not certain: ${DOUBTS[verdict.doubt]}`] : []
  return sentence([...partsOf(verdict, seen), ...doubt, '.'])
}

function partsOf(verdict: Verdict, seen: Seen): Parts {
  switch (verdict.outcome) {
    case 'saved':
    case 'unchanged':
      return whyConfirmed(verdict, seen)
    case 'failed':
      return whyFailed(verdict, seen)
    case 'info': {
      const { status, users } = verdict
      const who = status === 'closed' ? 'nobody edits' : `${users.join(', ')} edit`
      return ['the callback with its id and the response are both there: ', who]
    }
  }
}

type Confirmed = Extract<Verdict, { outcome: 'saved' | 'unchanged' }>

/** The sentences of rules 4 to 7 and 13: the proof, then what was stored. */
function whyConfirmed(verdict: Confirmed, seen: Seen): Parts {
  const { first, ours } = seen
  const stored: Parts = seen.stored === undefined ? ['stored'] : ['stored at ', seen.stored]
  const since: Parts =
    verdict.outcome === 'saved'
      ? [', and the save', ...at(first), ' was ', ...stored]
      : [', and nothing was stored since the call']
  switch (ruleOf(verdict)) {
    case '4':
      if (first === undefined)
        return ['a save made for it or for a later forcesave was ', ...stored]
      return ours
        ? ['the save made for it came at ', first.at, ' and was ', ...stored]
        : [
            ...['the save made for a later forcesave came at ', first.at, ', was ', ...stored],
            ' and holds its edits too',
          ]
    case '5':
      return ['an info sent after the call said that all edits are acknowledged', ...since]
    case '6':
      return ['the Docs server does not know the key and holds no forgotten file', ...since]
    case '7':
      return [...answered(seen), ' while somebody edits', ...since]
    default:
      return [...answered(seen), ...since]
  }
}

const ruleOf = ({ rule }: Verdict): string => rule.split('.')[0] ?? ''

function whyFailed(verdict: Extract<Verdict, { outcome: 'failed' }>, seen: Seen): Parts {
  const { error } = verdict
  const { id, past } = seen
  switch (verdict.rule) {
    case '10.1': {
      const own = past.findLast(
        (entry) => entry.type === 'callback' && entry.status === 7 && entry.id === id,
      )
      return [
        'a save that holds its edits failed',
        ...at(own ?? failureBefore(past), ' at '),
        ': ',
        error.message,
      ]
    }
    case '10.4':
      return [
        ...answered(seen),
        ', but a save that failed before',
        ...at(onlyFailure(past), ' at '),
        ' is not contained in any stored file: ',
        error.message,
      ]
    case '14.2':
      return [
        ...answered(seen, 'it was not answered'),
        ', and its deadline passed: ',
        error.message,
      ]
    default:
      return [...answered(seen, 'it failed'), ': ', error.message]
  }
}

/** The last failure that was seen: the one that has just happened, where a failure decided. */
const failureBefore = (past: readonly Entry[]): Entry | undefined => past.findLast(isFailure)

/** Of several it is not known which stands. */
function onlyFailure(past: readonly Entry[]): Entry | undefined {
  const failures = past.filter(isFailure)
  return failures.length === 1 ? failures[0] : undefined
}

const isFailure = (entry: Entry): boolean =>
  (entry.type === 'ran' && entry.failure !== undefined) ||
  (entry.type === 'callback' && (entry.status === 3 || entry.status === 7))

function answered({ answer }: Seen, otherwise = 'it was answered'): Parts {
  if (answer === undefined) return [otherwise]
  const { error, sent } = answer
  if (error !== null) return [`answered ${error} (${commandErrorName(error)})`]
  return [sent ? 'no answer came' : 'the command could not be sent']
}

const at = (entry: Entry | undefined, before = ' of '): Parts =>
  entry === undefined ? [] : [before, entry.at]

function look(verdict: Verdict, id: string, past: readonly Entry[]): Seen {
  const command = past.findLast((entry) => entry.type === 'command' && entry.id === id)
  const number = command?.type === 'command' ? command.command : undefined
  const answer = past.findLast(
    (entry): entry is Of<'response'> => entry.type === 'response' && entry.command === number,
  )
  const save = verdict.outcome === 'saved' ? verdict.save : undefined
  const brought =
    save === undefined
      ? []
      : past.filter(
          (entry): entry is Of<'callback'> => entry.type === 'callback' && entry.save === save,
        )
  const stored =
    save === undefined
      ? undefined
      : past.findLast(
          (entry) => entry.type === 'ran' && entry.save === save && entry.failure === undefined,
        )
  return {
    ...{ answer, past, id, first: brought[0], stored: stored?.at },
    ours: brought.some((callback) => callback.id === id),
  }
}

function sentence(parts: Parts): Sentence {
  const times: number[] = []
  const text = parts
    .map((part) => (typeof part === 'string' ? part : `{${times.push(part) - 1}}`))
    .join('')
  return { text: `${text.charAt(0).toUpperCase()}${text.slice(1)}`.replace(/\.\.$/, '.'), times }
}
