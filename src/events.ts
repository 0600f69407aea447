/** The typed events of `docs.on()`. A listener's fault stays its own. */
import { EventEmitter } from 'node:events'
import { badOption, type DocsError } from './errors.js'
import { harmless } from './harmless.js'
import type { Action } from './protocol/callback.js'
import type { CommandName } from './protocol/command.js'
import type { RejectCode } from './protocol/reject-code.js'
import type { Doubt, Trigger } from './settlement/state.js'

/** How a command ends: `failed` rejects the call, `info` is the verdict of an `info`. */
export type Outcome = 'saved' | 'unchanged' | 'failed' | 'info'

/**
 * What each event tells. `key` is the document key, `ref` the application's name for the file, `save` the
 * id of a save (`save.id`), `id` that of a command, `users` are ids.
 * @example docs.on('rejected', ({ code, reason }) => console.warn('refused', code, reason))
 */
export interface DocsEvents<Stored = unknown> {
  /** Somebody connected or disconnected (callback status 1). */
  editing: { key: string; ref: string; users: string[]; actions: Action[] }
  /** The last editor left without changes (callback status 4). */
  closed: { key: string; ref: string }
  /** A save is handed to `onSave`. `save` is its id. */
  saving: { key: string; ref: string; save: string; trigger: Trigger; attempt: number }
  /** `onSave` has stored it. */
  saved: { key: string; ref: string; save: string; trigger: Trigger; stored: Stored }
  /** `onSave` failed, after its retries. `permanent`: it will not be tried again. */
  'save-failed': { key: string; ref: string; save: string; error: DocsError; permanent: boolean }
  /** The Docs server could not convert a document (callback status 3: final, 7: forced). */
  'conversion-failed': { key: string; ref: string; final: boolean }
  /** A sweep of `recoverEvery` has ended in this process; with `error`: before its time. */
  recovery: { recovered: number; left: number; gone: number; failed: number; error?: unknown }
  /**
   * A callback was refused or not understood: why, as a code and in words. `status`: the HTTP status
   * of the reply, 200 where it was taken.
   */
  rejected: { code: RejectCode; reason: string; status: number; key?: string; ref?: string }
  /** A command was answered, or could not be sent or had no answer (`error: null`). */
  command: { name: CommandName; key: string | undefined; error: number | null }
  /**
   * A command got its verdict. `rule`: the clause of `docs/settlement.md` that decided, for bug reports.
   * `doubt`: why the result is not certain, where it is not.
   */
  settled: { key: string; id: string; outcome: Outcome; rule: string; doubt?: Doubt }
  /** A save has come for a command that had its verdict already. */
  late: { key: string; id: string }
}

/** A list that the compiler keeps whole. */
const NAMES: Readonly<Record<keyof DocsEvents, true>> = {
  editing: true,
  closed: true,
  saving: true,
  saved: true,
  'save-failed': true,
  'conversion-failed': true,
  recovery: true,
  rejected: true,
  command: true,
  settled: true,
  late: true,
}

/** Anything with pino's methods. No line has a secret, a token or the query of a link. */
export interface Logger {
  /** What helps to find a fault. */
  debug(details: object, message: string): void
  /** What has been done without being asked: a sweep, for example. */
  info(details: object, message: string): void
  /** A callback was refused, or something is set up badly: what to look at. */
  warn(details: object, message: string): void
  /** A save is not known to be stored, or something is away. */
  error(details: object, message: string): void
}

const quiet = (): void => {}

export const silentLogger: Logger = { debug: quiet, info: quiet, warn: quiet, error: quiet }

/** Listens to an event. What it throws, or rejects with, is logged and harms nobody. */
export type Listener<Name extends keyof DocsEvents, Stored = unknown> = (
  event: DocsEvents<Stored>[Name],
) => unknown

/** What is done about an event before any listener hears of it. They do not throw. */
export type Counters = {
  readonly [Name in keyof DocsEvents]?: (event: DocsEvents[Name]) => void
}

export interface Events {
  on: <Name extends keyof DocsEvents>(name: Name, listener: Listener<Name>) => () => void
  emit: <Name extends keyof DocsEvents>(name: Name, event: DocsEvents[Name]) => void
  clear: () => void
}

export function createEvents(logger: Logger, counters: readonly Counters[]): Events {
  const emitter = new EventEmitter().setMaxListeners(0)
  return {
    on(name, listener) {
      if (!Object.hasOwn(NAMES, name)) {
        throw badOption('event', name, `the events are ${Object.keys(NAMES).join(', ')}`)
      }
      if (typeof listener !== 'function') throw badOption('listener', listener, 'give a function')
      // One of its own per registration: ending one twice leaves another of the same listener alone.
      const registered: Listener<typeof name> = (event) => listener(event)
      emitter.on(name, registered)
      return () => void emitter.off(name, registered)
    },
    emit(name, event) {
      for (const counter of counters) counter[name]?.(event)
      for (const listener of emitter.listeners(name) as ((event: unknown) => unknown)[]) {
        harmless(
          () => listener(event),
          (error) => complain(name, error),
        )
      }
    },
    clear: () => void emitter.removeAllListeners(),
  }

  function complain(name: string, error: unknown): void {
    logger.error({ err: error, event: name }, 'a listener failed; nothing else is affected')
  }
}
