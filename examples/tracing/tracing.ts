/**
 * OpenTelemetry spans from the tracing channels: one per call, callback and run of `onSave`. Call it
 * once, after the application has set up its tracer provider:
 *
 *     new NodeTracerProvider({ spanProcessors: […] }).register()
 *     traceDocs()
 *
 * A callback and a run of `onSave` are linked to the call that waits for them, where that is in this
 * process; elsewhere the attribute `docs.command.id` is the same. The HTTP requests themselves are
 * traced by OpenTelemetry's instrumentation of undici.
 */
import { tracingChannel } from 'node:diagnostics_channel'
import {
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Link,
  type Span,
} from '@opentelemetry/api'
import {
  isDocsError,
  type CallbackTrace,
  type CommandTrace,
  type SaveTrace,
} from '../../src/index.js'

/** Returns what ends it. */
export function traceDocs(tracer = trace.getTracer('koa-docs-callback')): () => void {
  /** Calls that wait, by the id of their command; callbacks not answered yet, by that of their save. */
  const waiting = new Map<string, Span>()
  const arriving = new Map<string, Span>()

  const endCommands = follow<CommandTrace>('command', {
    start({ name, key, id }) {
      const attributes = { ...named('docs.key', key), ...named('docs.command.id', id) }
      const span = tracer.startSpan(`docs ${name}`, { kind: SpanKind.CLIENT, attributes })
      if (id !== undefined) waiting.set(id, span)
      return span
    },
    end({ id, outcome }, span) {
      span.setAttributes(named('docs.outcome', outcome))
      if (id !== undefined && waiting.get(id) === span) waiting.delete(id)
    },
  })

  const endCallbacks = follow<CallbackTrace>('callback', {
    start: () => tracer.startSpan('docs callback', { kind: SpanKind.SERVER }),
    // What it is about is known by now, and the call that it settles waits still.
    known({ status, key, ref, id, save }, span) {
      span.setAttributes({
        ...named('docs.callback.status', status),
        ...{ ...named('docs.key', key), ...named('docs.ref', ref) },
        ...named('docs.command.id', id),
      })
      span.addLinks(linksTo(waiting, id))
      if (save !== undefined) arriving.set(save, span)
    },
    end({ save, reply }, span) {
      span.setAttributes(named('http.response.status_code', reply?.status))
      if (save !== undefined && arriving.get(save) === span) arriving.delete(save)
    },
  })

  const endSaves = follow<SaveTrace>('save', {
    start: ({ save, key, ref, trigger, attempt, id }) =>
      tracer.startSpan('docs onSave', {
        attributes: {
          ...{ 'docs.key': key, 'docs.ref': ref },
          ...{ 'docs.trigger': trigger, 'docs.attempt': attempt },
          ...named('docs.command.id', id),
        },
        links: [...linksTo(waiting, id), ...linksTo(arriving, save)],
      }),
    end: () => {},
  })

  return () => {
    endCommands()
    endCallbacks()
    endSaves()
  }
}

const named = (name: string, value: string | number | undefined): Attributes =>
  value === undefined ? {} : { [name]: value }

function linksTo(spans: ReadonlyMap<string, Span>, id: string | undefined): Link[] {
  const span = id === undefined ? undefined : spans.get(id)
  return span === undefined ? [] : [{ context: span.spanContext() }]
}

interface Steps<Context> {
  start: (context: Context) => Span
  /** The part of it that does not wait is over. */
  known?: (context: Context, span: Span) => void
  end: (context: Context, span: Span) => void
}

function follow<Context extends { error?: unknown }>(
  name: string,
  steps: Steps<Context>,
): () => void {
  const spans = new WeakMap<object, Span>()
  const channel = tracingChannel<unknown, Context>(`koa-docs-callback:${name}`)
  const subscribers = {
    start: (context: Context) => void spans.set(context, steps.start(context)),
    end(context: Context) {
      const span = spans.get(context)
      if (span !== undefined) steps.known?.(context, span)
    },
    asyncStart: () => {},
    asyncEnd(context: Context) {
      const span = spans.get(context)
      if (span === undefined) return
      steps.end(context, span)
      span.end()
    },
    error(context: Context) {
      const { error } = context
      const message = isDocsError(error) ? error.code : 'failed'
      spans.get(context)?.setStatus({ code: SpanStatusCode.ERROR, message })
    },
  }
  channel.subscribe(subscribers)
  return () => channel.unsubscribe(subscribers)
}
