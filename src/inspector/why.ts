/**
 * Why a verdict was given, in a sentence: the rule that decided (`docs/settlement.md`) and what was seen
 * of what it rests on. What was not seen, in another process or because it is gone, is not spoken of.
 */
import { commandErrorName } from '../protocol/command.js'
import type { Verdict } from '../ledger/event.js'
import type { Entry, Sentence } from './entry.js'

type Of<Type extends Entry['type']> = Extract<Entry, { type: Type }>

/** What was seen of the command, and of the save that the verdict rests on. */
interface Seen {
  readonly answer: Of<'response'> | undefined
  /** The first and the last callback that brought the save, and when it was stored. */
  readonly first: Of<'callback'> | undefined
  readonly again: Of<'callback'> | undefined
  readonly stored: number | undefined
  /** Begun by this very command. */
  readonly ours: boolean
  readonly past: readonly Entry[]
  readonly id: string
}

/** Parts of a sentence: texts, and times as numbers. */
type Parts = readonly (string | number)[]

const DOUBT =
  '. Not certain: the Docs server cannot be asked about one thing that could make it wrong'

/** @param past what was seen of the document before */
export function whyOf(verdict: Verdict, id: string, past: readonly Entry[]): Sentence {
  const seen = look(verdict, id, past)
  const parts = partsOf(verdict, seen)
  const doubt = 'certain' in verdict && !verdict.certain ? [DOUBT] : []
  return sentence([...parts, ...doubt, '.'])
}

function partsOf(verdict: Verdict, seen: Seen): Parts {
  switch (verdict.outcome) {
    case 'saved':
      return whySaved(verdict, seen)
    case 'unchanged':
      return whyUnchanged(verdict, seen)
    case 'failed':
      return whyFailed(verdict, seen)
    case 'info': {
      const { status, users } = verdict
      const who = status === 'closed' ? 'nobody edits' : `${users.join(', ')} edit`
      return ['the callback with its id and the response are both there: ', who]
    }
  }
}

function whySaved(verdict: Extract<Verdict, { outcome: 'saved' }>, seen: Seen): Parts {
  const { first, again, ours } = seen
  const { trigger } = verdict
  const stored: Parts = seen.stored === undefined ? ['stored'] : ['stored at ', seen.stored]
  switch (verdict.rule) {
    case 4: {
      if (first === undefined)
        return ['a save made for it or for a later forcesave was ', ...stored]
      return ours
        ? ['the save made for it came at ', first.at, ' and was ', ...stored]
        : [
            ...['the save made for a later forcesave came at ', first.at, ', was ', ...stored],
            ' and holds its edits too',
          ]
    }
    case 5:
      return [
        'the final save',
        ...at(first),
        ' was ',
        ...stored,
        ', made as the last editor had left',
      ]
    case 8:
      return trigger === 'forgotten'
        ? [...answered(seen), ', and the forgotten file that the Docs server kept was ', ...stored]
        : [...answered(seen), ', and the save', ...at(first), ' was ', ...stored]
    case 10:
      return [
        'the Docs server sent the save',
        ...at(first),
        ' again for it',
        ...at(again, ' at '),
        ': nothing is new since, and that save was ',
        ...stored,
      ]
    default:
      return [...answered(seen), ...underWay(seen, trigger), ', which was ', ...stored]
  }
}

/** Rule 6: what was under way when it was answered 4. */
function underWay({ answer, first }: Seen, trigger: string): Parts {
  if (answer === undefined || first === undefined) return [', and a newer save was there']
  if (first.at <= answer.at) return [' while the save of ', first.at, ' was under way']
  return first.id === undefined
    ? [`, and then a save by ${BY[trigger] ?? trigger} came at `, first.at]
    : [' while another forcesave was under way, whose save came at ', first.at]
}

const BY: Readonly<Partial<Record<string, string>>> = {
  button: 'the save button',
  timer: "the Docs server's timer",
  form: 'a submitted form',
  command: 'another application',
  close: 'the last editor’s leaving',
}

function whyUnchanged(verdict: Extract<Verdict, { outcome: 'unchanged' }>, seen: Seen): Parts {
  const { past } = seen
  if (verdict.reason === 'not-open') {
    return [...answered(seen), ', and nothing of it waits to be stored']
  }
  if (verdict.rule === 13) {
    const left = past.findLast((entry) => entry.type === 'callback' && entry.status === 4)
    return [
      'the last editor left without changes',
      ...at(left, ' at '),
      ', so no save is made for it any more',
    ]
  }
  const stored = past.findLast((entry) => entry.type === 'ran' && entry.failure === undefined)
  const since = stored === undefined ? [] : ['. The last save before was stored at ', stored.at]
  return [...answered(seen), ', and no other save was seen under way', ...since]
}

function whyFailed(verdict: Extract<Verdict, { outcome: 'failed' }>, seen: Seen): Parts {
  const { error } = verdict
  const { id, past } = seen
  switch (verdict.rule) {
    case 6:
      return [
        ...answered(seen),
        ' while a save was under way, which failed',
        ...at(failureBefore(past), ' at '),
        ': ',
        error.message,
      ]
    case 9:
      return [
        ...answered(seen),
        ', but a save that failed before',
        ...at(onlyFailure(past), ' at '),
        ' is in nothing that is stored: ',
        error.message,
      ]
    case 12: {
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
    case 15:
      return [
        ...answered(seen, 'it was not answered'),
        ', and its deadline passed: ',
        error.message,
      ]
    case 7:
    case 8:
    case 16:
      return error.code === 'COMMAND_REJECTED' && error.error === 3
        ? [...answered(seen), ', and no save came within the grace period']
        : [...answered(seen, 'it failed'), ': ', error.message]
    default:
      return [error.message]
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
    again: brought.length > 1 ? brought.at(-1) : undefined,
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
