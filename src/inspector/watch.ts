/**
 * What the parts of this package tell the inspector. Until `start()` each of these is a look at one
 * field: an application that has no inspector pays nothing for it.
 */
import type { CallbackTrace, CommandTrace } from '../channels.js'
import type { Clock } from '../clock.js'
import { isDocsError } from '../errors.js'
import type { Counters, DocsEvents, Logger } from '../events.js'
import type { Effect } from '../settlement/event.js'
import type { Callback } from '../protocol/callback.js'
import type { CommandName } from '../protocol/command.js'
import type { TurnedAwayCode } from '../protocol/reject-code.js'
import { handleOf, unpackUserdata } from '../protocol/userdata.js'
import { ADVICE } from './advice.js'
import type { Happening, SafeBody } from './entry.js'
import { createTape, type Tape } from './tape.js'
import { failureOf, safeBody } from './safe.js'
import { whyOf } from './why.js'

type Settled = Extract<Effect, { type: 'settle' }>

type TurnedAway = Omit<DocsEvents['rejected'], 'code'> & { code: TurnedAwayCode }

/** How a command ended: its response's fields, or why there are none. */
export type Answered = { response: object } | { error: unknown; sent: boolean }

export interface Watch {
  /** From now on what is told is kept; a second time changes nothing. */
  start: () => Tape
  /** A call begins; answers what is to be told of its end. */
  call: (about: CommandTrace) => (error?: unknown) => void
  /** A request leaves; answers what is to be told of its answer. */
  command: (name: CommandName, body: object) => (answered: Answered) => void
  /** A callback is believed. */
  callback: (about: CallbackTrace, callback: Callback) => void
  /** Our reply to a callback, believed or not. */
  replied: (about: CallbackTrace, reply: { status: number; body: { error: 0 | 1 } }) => void
  /** Turned away: also what is no event, since it was no callback. */
  rejected: (event: TurnedAway) => void
  /** A run of `onSave` is over. The event `saved` comes later, when waiting calls have ended. */
  ran: (about: { key: string; save: string }, failed?: { error: unknown }) => void
  settled: (key: string, effect: Settled) => void
  /** What else the events tell. */
  listeners: Counters
}

const nothing = (): void => {}

export interface WatchParts {
  clock: Clock
  logger: Logger
  prefix: string
}

export function createWatch({ clock, logger, prefix }: WatchParts): Watch {
  let tape: Tape | undefined
  let calls = 0
  let commands = 0
  let callbacks = 0
  const believed = new WeakMap<CallbackTrace, number>()
  /** The calls under way by what they are about, for which command was asked for by the application. */
  const asked = new Map<string, number>()

  /** Whatever cannot be written down, a call, a reply or a save must not end otherwise because of it. */
  function add(tell: () => Happening): void {
    if (tape === undefined) return
    try {
      tape.add({ n: tape.next, at: clock.now(), ...tell() })
    } catch (error) {
      logger.debug({ err: error }, 'the inspector could not write something down')
    }
  }

  function count(about: string, by: 1 | -1): void {
    const left = (asked.get(about) ?? 0) + by
    if (left === 0) asked.delete(about)
    else asked.set(about, left)
  }

  return {
    start: () => (tape ??= createTape()),
    call(about) {
      if (tape === undefined) return nothing
      const { name, key, id } = about
      const call = calls++
      const what = askedFor(about)
      count(what, 1)
      const known = key === undefined ? {} : { key }
      add(() => ({ type: 'call', call, name, ...known, ...(id === undefined ? {} : { id }) }))
      return (error) => {
        count(what, -1)
        const { outcome } = about
        add(() => ({
          ...{ type: 'call-ended', call, ...known },
          ...(error === undefined ? {} : { failure: failureOf(error) }),
          ...(outcome === undefined ? {} : { outcome }),
        }))
      }
    },
    command(name, body) {
      if (tape === undefined) return nothing
      const { key, userdata } = body as { key?: string; userdata?: unknown }
      const { commandId } = unpackUserdata(prefix, userdata)
      const id = commandId === undefined ? undefined : handleOf(key ?? '', commandId)
      const own = !asked.has(askedFor({ name, key, id }))
      const command = commands++
      const known = key === undefined ? {} : { key }
      add(() => ({
        ...{ type: 'command', command, name, ...known, own, body: safeBody(body, prefix) },
        ...(id === undefined ? {} : { id }),
      }))
      return (answered) => {
        const about = { type: 'response', command, ...known } as const
        if ('response' in answered) {
          const { response } = answered
          const body = (): SafeBody => ({ ...safeBody(response, prefix), error: 0 })
          add(() => ({ ...about, error: 0, sent: true, body: body() }))
          return
        }
        const { error, sent } = answered
        const number = isDocsError(error, 'COMMAND_REJECTED') ? error.error : undefined
        add(() => ({
          ...{ ...about, error: number ?? null, sent, failure: failureOf(error) },
          body: number === undefined ? {} : { ...known, error: number },
        }))
      }
    },
    callback(about, { key, status, body }) {
      if (tape === undefined) return
      const { ref = '', id, save } = about
      const callback = callbacks++
      believed.set(about, callback)
      add(() => ({
        ...{ type: 'callback', callback, key, ref, status, body: safeBody(body, prefix) },
        ...(id === undefined ? {} : { id }),
        ...(save === undefined ? {} : { save }),
      }))
    },
    replied(about, { status, body }) {
      const callback = believed.get(about)
      const { key } = about
      // One that was not believed is told of by the event `rejected`.
      if (callback === undefined || key === undefined) return
      add(() => ({ type: 'reply', callback, key, status, error: body.error }))
    },
    rejected,
    ran({ key, save }, failed) {
      add(() => ({
        ...{ type: 'ran', key, save },
        ...(failed === undefined ? {} : { failure: failureOf(failed.error) }),
      }))
    },
    settled(key, { id: own, kind, verdict }) {
      const id = handleOf(key, own)
      const { outcome, rule } = verdict
      add(() => ({
        ...{ type: 'verdict', key, id, kind, outcome, rule },
        ...('certain' in verdict ? { certain: verdict.certain } : {}),
        ...('doubt' in verdict ? { doubt: verdict.doubt } : {}),
        why: whyOf(verdict, id, tape?.of(key) ?? []),
      }))
    },
    listeners: {
      rejected,
      saving: (event) => add(() => ({ type: 'saving', ...event })),
      'save-failed': ({ key, save, permanent }) =>
        add(() => ({ type: 'save-failed', key, save, permanent })),
      late: (event) => add(() => ({ type: 'late', ...event })),
    },
  }

  function rejected(event: TurnedAway): void {
    add(() => ({ type: 'rejected', ...event, advice: ADVICE[event.code] }))
  }
}

/** By its id where a callback tells of it, and else by its name and key. */
function askedFor({ name, key, id }: Pick<CommandTrace, 'name' | 'key' | 'id'>): string {
  return id ?? `${name} ${key ?? ''}`
}
