/** `examples/tracing`: the spans of one forcesave, linked to each other. */
import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { inspect } from 'node:util'
import { context, SpanStatusCode, trace } from '@opentelemetry/api'
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  SimpleSpanProcessor,
  type ReadableSpan,
} from '@opentelemetry/sdk-trace-node'
import { traceDocs } from '../examples/tracing/tracing.js'
import { SECRET } from './support/app.js'
import { LIMIT } from './support/callbacks.js'
import { failure, startPair } from './support/pair.js'
import { until } from './support/until.js'

/** An application with OpenTelemetry set up; gives the spans that have ended. */
function startTracing(t: TestContext): { spans: () => ReadableSpan[]; end: () => void } {
  const exporter = new InMemorySpanExporter()
  const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
  provider.register()
  const end = traceDocs()
  t.after(async () => {
    end()
    await provider.shutdown()
    trace.disable()
    context.disable()
  })
  return { spans: () => exporter.getFinishedSpans(), end }
}

const linkedTo = ({ links }: ReadableSpan): string[] => links.map(({ context }) => context.spanId)
const idOf = (span: ReadableSpan): string => span.spanContext().spanId

describe('spans', LIMIT, () => {
  it('of a callback and of onSave are linked to the call that waits, and onSave to its callback', async (t) => {
    const { docs, open } = await startPair(t)
    const editor = await open('k1')
    editor.type('x')
    const { spans } = startTracing(t)
    await trace.getTracer('app').startActiveSpan('request', async (request) => {
      await docs.forcesave('k1', { userdata: 'USERDATA' })
      request.end()
    })
    await until(() => spans().length === 4)
    const byName = new Map(spans().map((span) => [span.name, span]))
    const call = byName.get('docs forcesave')!
    const callback = byName.get('docs callback')!
    const save = byName.get('docs onSave')!
    assert.equal(call.parentSpanContext?.spanId, idOf(byName.get('request')!))
    assert.deepEqual(linkedTo(call), [])
    assert.deepEqual(linkedTo(callback), [idOf(call)])
    assert.deepEqual(linkedTo(save), [idOf(call), idOf(callback)])

    const id = call.attributes['docs.command.id']
    assert.equal(typeof id, 'string')
    assert.deepEqual(call.attributes, {
      'docs.key': 'k1',
      'docs.command.id': id,
      'docs.outcome': 'saved',
    })
    const about = { 'docs.key': 'k1', 'docs.ref': 'file of k1', 'docs.command.id': id }
    assert.deepEqual(callback.attributes, {
      ...{ ...about, 'docs.callback.status': 6 },
      'http.response.status_code': 200,
    })
    assert.deepEqual(save.attributes, { ...about, 'docs.trigger': 'command', 'docs.attempt': 1 })
    const text = inspect(
      spans().map(({ name, attributes, events, status }) => [name, attributes, events, status]),
      { depth: 10 },
    )
    for (const secret of [SECRET, 'USERDATA', 'eyJ', 'http:', 'md5=']) {
      assert.equal(text.includes(secret), false, secret)
    }
  })

  it('of a call that fails has its code', async (t) => {
    const { docs } = await startPair(t)
    const { spans } = startTracing(t)
    await failure(docs.info('nobodys'), 'COMMAND_REJECTED')
    const [span] = spans()
    assert.deepEqual(
      [span?.name, span?.status],
      ['docs info', { code: SpanStatusCode.ERROR, message: 'COMMAND_REJECTED' }],
    )
  })

  it('are no longer made once tracing has ended', async (t) => {
    const { docs } = await startPair(t)
    const { spans, end } = startTracing(t)
    await docs.version()
    end()
    await docs.version()
    assert.deepEqual(
      spans().map(({ name }) => name),
      ['docs version'],
    )
  })
})
