/**
 * Stories about one document key, told to the state machine of `src/settlement/machine.ts`: time passes
 * only where the story says so, and every step is checked for what holds at any time.
 */
import assert from 'node:assert/strict'
import type { PlainError } from '../../src/errors.js'
import { withSessions } from '../../src/ledger/open-documents.js'
import { transition as machine, type Step } from '../../src/settlement/machine.js'
import { emptyDocument } from '../../src/settlement/state.js'
import type {
  Arrival,
  Effect,
  LedgerEvent,
  SearchResult,
  Verdict,
} from '../../src/settlement/event.js'
import type {
  Command,
  DocumentState,
  Rules,
  Save,
  Told,
  Trigger,
} from '../../src/settlement/state.js'

const transition = withSessions(machine)

export const START = Date.UTC(2026, 0, 1)

/** As `createDocs` has them by default. */
export const RULES: Rules = {
  otherSaves: true,
  grace: 1_000,
  nudgeAfter: 10_000,
  retention: 3_600_000,
  olderSaves: false,
}

export const plainError = (
  code: PlainError['code'],
  retryable = true,
  message = 'told by the test',
): PlainError => ({ code, message, retryable })

interface ArrivalOptions {
  /** The command whose id is in its userdata. */
  for?: string
  /** 6 unless said otherwise; 3 and 7 bring a failure. */
  status?: 2 | 3 | 6 | 7
  /** `lastsave`, in seconds since the story began; null: it has none. Default: now. */
  at?: number | null
  trigger?: Trigger
  /** `"encrypted": false`, as on replays. */
  marked?: boolean
  /** `history.changes`, as a hash for each beginning. */
  changes?: string[]
  /** Nothing has changed since the last forced save that was acknowledged. */
  notModified?: true
  /** Tells two deliveries of one save apart. */
  url?: string
  /** The same for the same bytes only. */
  message?: string
  /** By whose leaving a final save was made. */
  left?: string[]
  /** Why it cannot be stored at all. */
  failure?: PlainError
}

/** A save as it arrives, `now` in ms since the epoch. */
export function arrivalOf(name: string, now: number, options: ArrivalOptions = {}): Arrival {
  const { status = 6, for: commandId, at = Math.floor((now - START) / 1000), marked } = options
  const final = status === 2 || status === 3
  const failure =
    options.failure ?? (status === 3 || status === 7 ? plainError('CONVERSION_FAILED') : undefined)
  return {
    name,
    status,
    trigger: options.trigger ?? (final ? 'close' : commandId === undefined ? 'button' : 'command'),
    ...(at === null ? {} : { lastSave: START + at * 1000 }),
    ...(commandId === undefined ? {} : { commandId }),
    markedReplay: marked === true,
    ...(options.changes === undefined ? {} : { changes: options.changes }),
    ...(options.notModified === undefined ? {} : { notModified: true as const }),
    ...(options.message === undefined ? {} : { message: options.message }),
    ...(options.left === undefined ? {} : { left: options.left }),
    facts: { filetype: 'docx', users: ['u1'] },
    payload: { ref: 'file-1', userdata: undefined, body: { url: options.url ?? name } },
    ...(failure === undefined ? {} : { failure }),
  }
}

/** Freezes all of it: whoever changes it afterwards throws. */
export function deepFreeze<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const member of Object.values(value)) deepFreeze(member)
  }
  return value
}

const thaw = <Value>(value: Value): Value => JSON.parse(JSON.stringify(value)) as Value

/** One step, and what every step promises (`architecture.md`, "Words"; invariants of `settlement.md`). */
export function checkedStep(
  before: DocumentState,
  event: LedgerEvent,
  now: number,
  rules: Rules,
): Step {
  deepFreeze(before)
  deepFreeze(event)
  const step = transition(before, event, now, rules)
  assert.deepEqual(transition(before, event, now, rules), step, 'the same input, the same output')
  const { state, effects, dueAt } = transition(thaw(before), event, now, rules)
  assert.deepEqual(
    thaw({ state, effects }),
    thaw({ state: step.state, effects: step.effects }),
    'a state that was JSON in between gives the same next step',
  )
  assert.equal(dueAt, step.dueAt, 'a state that was JSON in between is due at the same time')
  assert.ok(step.dueAt > now, 'a tick that is due at once would never end')
  const running = step.state.saves.filter(({ phase }) => phase === 'running')
  assert.ok(running.length <= 1, 'saves of one key are stored one at a time')
  return step
}

/** The last run of a save, as `stored` and `failed` name it. */
export function runOf(state: DocumentState, name: string): { name: string; sequence: number } {
  const { sequence = 0 } = state.saves.find((save) => save.name === name) ?? {}
  return { name, sequence }
}

/** What the Docs server says to an info of our own; undefined: nothing yet. */
type Held = Told['says'] | undefined

export class Story {
  now = START
  state: DocumentState = emptyDocument
  dueAt = Infinity
  readonly effects: Effect[] = []
  readonly rules: Rules
  /** What an info of our own is told, at once. By default somebody edits. */
  holds: Held = 'editing'
  /** What a forcesave of our own is answered, at once; undefined: the story answers `own` itself. */
  answers: number | undefined
  /** What a search finds, at once: a file of this name, nothing, a failure. */
  forgotten: SearchResult | string | undefined
  /** Whether a search ends at once. */
  searches = true
  /** The ids of the commands of our own, the newest last. */
  readonly own: string[] = []
  readonly #verdicts = new Map<string, Verdict>()

  constructor(rules: Partial<Rules> = {}) {
    this.rules = { ...RULES, ...rules }
  }

  /** Lets `event` happen now; gives its effects. */
  event(event: LedgerEvent): readonly Effect[] {
    const { state, effects, dueAt } = checkedStep(this.state, event, this.now, this.rules)
    this.state = state
    this.dueAt = dueAt
    this.effects.push(...effects)
    for (const effect of effects) {
      if (effect.type !== 'settle') continue
      assert.ok(!this.#verdicts.has(effect.id), `${effect.id} got a second verdict`)
      this.#verdicts.set(effect.id, effect.verdict)
    }
    for (const effect of effects) {
      if (effect.type === 'ask') this.#ask(effect.what)
      if (effect.type === 'search' && this.searches) this.searched(effect.since, this.forgotten)
    }
    return effects
  }

  #ask(what: Command['kind']): void {
    const id = `own${this.own.length + 1}`
    this.own.push(id)
    this.register(id, { kind: what, own: true })
    if (what === 'forcesave') {
      if (this.answers !== undefined) this.answer(id, this.answers)
    } else if (this.holds !== undefined) this.says(id, this.holds)
  }

  /** An info is answered: its callback first, where it has one. */
  says(id: string, holds: Told['says'], users: readonly string[] = this.state.users ?? []): this {
    const editors = holds === 'editing' ? (users.length === 0 ? ['u1'] : [...users]) : []
    if (holds === 'acknowledged' || holds === 'editing' || holds === 'held') {
      this.informed(id, holds === 'acknowledged' ? 4 : 1, editors)
    }
    if (holds === 'unknown-key') return this.answer(id, 1)
    this.event({ type: 'answered', id, answer: { error: 0, users: editors } })
    return this
  }

  /** Commands are registered; each with a deadline of 60 s. */
  ask(...ids: string[]): this {
    for (const id of ids) this.register(id)
    return this
  }

  register(
    id: string,
    options: {
      timeout?: number
      kind?: Command['kind']
      userdata?: string
      own?: true
      again?: true
    } = {},
  ): this {
    const { timeout = 60_000, kind = 'forcesave', ...more } = options
    this.event({ type: 'registered', id, kind, deadline: this.now + timeout, ...more })
    return this
  }

  answer(id: string, error: number): this {
    this.event({ type: 'answered', id, answer: { error } })
    return this
  }

  /** Registered and answered 0. */
  accepted(...ids: string[]): this {
    for (const id of ids) this.ask(id).answer(id, 0)
    return this
  }

  /** No answer came. */
  unreachable(id: string, neverArrived: boolean): this {
    const failure = plainError('UNREACHABLE')
    this.event({ type: 'answered', id, answer: { error: null, failure, neverArrived } })
    return this
  }

  /** A callback 1: somebody has come. */
  editing(users: string[] = ['u1']): this {
    this.event({ type: 'presence', status: 1, users, ref: 'file-1', joined: users, left: [] })
    return this
  }

  /** A callback 1: `user` has come, and these edit now. */
  comes(user: string, users: string[] = [user]): this {
    this.event({ type: 'presence', status: 1, users, ref: 'file-1', joined: [user], left: [] })
    return this
  }

  /** A callback 4: the last editor has left, without changes. */
  closed(): this {
    const left = this.state.users ?? ['u1']
    this.event({ type: 'presence', status: 4, users: [], ref: 'file-1', joined: [], left })
    return this
  }

  /** A callback 1: somebody has left, and others edit on. */
  leaves(user: string, others: string[]): this {
    const change = { joined: [], left: [user] }
    this.event({ type: 'presence', status: 1, users: others, ref: 'file-1', ...change })
    return this
  }

  /** The callback of an info: who edits now, and nothing about what has changed. */
  informed(commandId: string, status: 1 | 4, users: string[]): this {
    const change = { joined: [], left: [] }
    this.event({ type: 'presence', status, users, ref: 'file-1', commandId, ...change })
    return this
  }

  arrive(name: string, options: ArrivalOptions = {}): this {
    this.event({ type: 'arrived', save: arrivalOf(name, this.now, options) })
    return this
  }

  store(name: string): this {
    this.event({ type: 'stored', ...runOf(this.state, name), stored: { file: name } })
    return this
  }

  fail(name: string, permanent = false): this {
    const error = plainError('STORAGE_FAILED', !permanent)
    this.event({ type: 'failed', ...runOf(this.state, name), error, permanent })
    return this
  }

  /** Arrives and is stored at once. */
  saved(name: string, options: ArrivalOptions = {}): this {
    return this.arrive(name, options).store(name)
  }

  /** A search for a forgotten file ends. */
  searched(since: number, found: SearchResult | string | undefined): this {
    const result =
      typeof found === 'string'
        ? { save: arrivalOf(found, this.now, { status: 2, at: null, trigger: 'forgotten' }) }
        : found
    this.event({ type: 'searched', since, ...result })
    return this
  }

  /** Time passes, in ms; what is due happens. */
  wait(ms: number): this {
    const end = this.now + ms
    while (this.dueAt <= end) {
      this.now = this.dueAt
      this.event({ type: 'tick' })
    }
    this.now = end
    return this
  }

  verdict(id: string): Verdict | undefined {
    return this.#verdicts.get(id)
  }

  /** The verdict on a command in a few words; `waits` while there is none. */
  told(id: string): string {
    const verdict = this.#verdicts.get(id)
    return verdict === undefined ? 'waits' : inWords(verdict)
  }

  save(name: string): Save | undefined {
    return this.state.saves.find((save) => save.name === name)
  }

  /** The names of the saves handed to `onSave`, in order. */
  get runs(): string[] {
    return this.effects.flatMap((effect) => (effect.type === 'run' ? [effect.save.name] : []))
  }

  count(type: Effect['type']): number {
    return this.effects.filter((effect) => effect.type === type).length
  }
}

const doubtOf = (verdict: Verdict): string =>
  'doubt' in verdict ? `, perhaps ${verdict.doubt}` : ''

/** @example assert.equal(inWords(verdict), 'saved A, perhaps others-may-save') */
export function inWords(verdict: Verdict): string {
  switch (verdict.outcome) {
    case 'saved': {
      const { file } = verdict.stored as { file: string }
      return `saved ${file}${doubtOf(verdict)}`
    }
    case 'unchanged':
      return `unchanged, ${verdict.reason}${doubtOf(verdict)}`
    case 'failed': {
      const { code, error, retryable } = verdict.error
      return `${code}${error === undefined ? '' : ` ${error}`}${retryable ? '' : ', for good'}`
    }
    case 'info':
      return [verdict.status, ...verdict.users].join(' ')
  }
}

export const story = (rules: Partial<Rules> = {}): Story => new Story(rules)

/** Nobody else saves, and u1 edits. */
export const quietStory = (rules: Partial<Rules> = {}): Story =>
  new Story({ otherSaves: false, ...rules }).editing()
