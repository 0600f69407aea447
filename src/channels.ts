/**
 * The tracing channels of `node:diagnostics_channel`. One that nobody has subscribed to is only looked
 * at. What a context holds is safe to show: no secret, token, link or userdata.
 */
import { tracingChannel, type TracingChannel } from 'node:diagnostics_channel'
import type { Trigger } from './settlement/state.js'
import type { CommandName } from './protocol/command.js'

/**
 * `koa-docs-callback:command`: a call of the application that sends commands, from its begin to what
 * it resolves or rejects with; `forcesave`, `info` and `outcome` thus end with their verdict.
 * @example
 * subscribe('tracing:koa-docs-callback:command:asyncEnd', (context) => {
 *   const { name, key, outcome, error } = context as CommandTrace
 *   console.log(name, key, outcome ?? error)
 * })
 */
export interface CommandTrace {
  /** As in the Docs server's API, but for these: `outcome` only waits, the others send what they need. */
  readonly name: CommandName | 'startForcesave' | 'outcome' | 'recover' | 'open' | 'replaced'
  /** The document's, where it is about one. */
  readonly key?: string | undefined
  /** Of a command that a callback tells of: as in the event `settled`, and for `docs.outcome(id)`. */
  readonly id?: string | undefined
  /** Of a forcesave that has ended well. */
  outcome?: 'saved' | 'unchanged'
  /** Why the call has rejected: a `DocsError`, or the reason of its signal. */
  readonly error?: unknown
}

/** `koa-docs-callback:callback`: a callback, from its body to our reply. */
export interface CallbackTrace {
  /**
   * These are there from `end` on, unless it was turned away: it is verified and understood before
   * anything is waited for. A waiting call that it settles ends later than that.
   */
  status?: number
  /** The document key. */
  key?: string
  /** The application's name for the file. */
  ref?: string
  /** Of the command that it was caused by, as in the trace of that. */
  id?: string
  /** Of the save that it brings, as in the trace of that. */
  save?: string
  /** From `asyncEnd` on. */
  reply?: { readonly status: number; readonly body: { readonly error: 0 | 1 } }
  /** What the handling of it has thrown. */
  readonly error?: unknown
}

/** `koa-docs-callback:save`: one run of `onSave`, in the process that runs it. */
export interface SaveTrace {
  /** The save's id. */
  readonly save: string
  /** The document key. */
  readonly key: string
  /** The application's name for the file. */
  readonly ref: string
  /** What made the Docs server save. */
  readonly trigger: Trigger
  /** 1 at first, one more at each retry. */
  readonly attempt: number
  /** Of the command that it was caused by, as in the trace of that. */
  readonly id: string | undefined
  /** What `onSave` has thrown. */
  readonly error?: unknown
}

const channel = <Context extends object>(name: string): TracingChannel<object, Context> =>
  tracingChannel<object, Context>(`koa-docs-callback:${name}`)

export const commandChannel = channel<CommandTrace>('command')
export const callbackChannel = channel<CallbackTrace>('callback')
export const saveChannel = channel<SaveTrace>('save')

/** Adds to a context what is known by now; a subscriber may have frozen it. */
export function note<Context extends object>(context: Context, facts: Partial<Context>): void {
  for (const [name, value] of Object.entries(facts)) Reflect.set(context, name, value)
}

/** Does `work` as one operation of a channel. What it resolves with is the application's, and not told. */
export function traced<Context extends object, Result>(
  channel: TracingChannel<object, Context>,
  context: Context,
  work: () => Promise<Result>,
): Promise<Result> {
  if (!channel.hasSubscribers) return work()
  let worked: Promise<Result> | undefined
  const working = async (): Promise<void> => {
    await (worked = work())
  }
  // How it ends is the work's own: a subscriber that has frozen the context changes nothing about that.
  const end = (): Promise<Result> => worked ?? work()
  return channel.tracePromise(working, context).then(end, end)
}
