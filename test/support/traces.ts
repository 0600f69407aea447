/** What the tracing channels tell, in order; they are let go of with the test. */
import { tracingChannel } from 'node:diagnostics_channel'
import type { TestContext } from 'node:test'
import type { CallbackTrace, CommandTrace, SaveTrace } from '../../src/index.js'

interface Contexts {
  command: CommandTrace
  callback: CallbackTrace
  save: SaveTrace
}

export type Told = {
  [Channel in keyof Contexts]: {
    channel: Channel
    step: 'start' | 'end' | 'asyncStart' | 'asyncEnd' | 'error'
    /** The very object. */
    context: Contexts[Channel]
    /** As it was at this step. */
    seen: Contexts[Channel]
  }
}[keyof Contexts]

export function listen(t: TestContext, channels: (keyof Contexts)[]): Told[] {
  const told: Told[] = []
  for (const channel of channels) {
    const tracing = tracingChannel<unknown, object>(`koa-docs-callback:${channel}`)
    const hear = (step: Told['step']) => (context: object) =>
      void told.push({ channel, step, context, seen: { ...context } } as Told)
    const subscribers = {
      start: hear('start'),
      end: hear('end'),
      asyncStart: hear('asyncStart'),
      asyncEnd: hear('asyncEnd'),
      error: hear('error'),
    }
    tracing.subscribe(subscribers)
    t.after(() => tracing.unsubscribe(subscribers))
  }
  return told
}
