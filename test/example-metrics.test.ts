/** `examples/metrics`: what Prometheus reads. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { Registry } from 'prom-client'
import { registerDocs } from '../examples/metrics/metrics.js'
import { LIMIT, post } from './support/callbacks.js'
import { startPair } from './support/pair.js'
import { until } from './support/until.js'

it('the numbers of docs.stats() are Prometheus metrics, read anew each time', LIMIT, async (t) => {
  const registry = new Registry()
  const { docs, app, open } = await startPair(t, {
    before: [
      async (ctx, next) => {
        if (ctx.path !== '/metrics') {
          await next()
          return
        }
        ctx.type = registry.contentType
        ctx.body = await registry.metrics()
      },
    ],
  })
  registerDocs(docs, registry)
  const scrape = async (): Promise<Map<string, number>> => {
    const text = await (await fetch(`${app.url}/metrics`)).text()
    assert.match(text, /^# TYPE docs_duration_seconds histogram$/m)
    const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
    return new Map(
      lines.map((line) => {
        const cut = line.lastIndexOf(' ')
        return [line.slice(0, cut), Number(line.slice(cut + 1))]
      }),
    )
  }

  const before = await scrape()
  assert.equal(before.get('docs_commands_total{command="forcesave",answer="accepted"}'), 0)
  ;(await open('k1')).type('x')
  await docs.forcesave('k1')
  await post(`${app.url}/docs/callback/x`, { key: 'k1', status: 2 })
  await until(() => docs.stats().pending.callbacks === 0)

  const after = await scrape()
  const expected = {
    'docs_commands_total{command="forcesave",answer="accepted"}': 1,
    'docs_commands_total{command="forcesave",answer="rejected"}': 0,
    'docs_callbacks_total{status="6",reply="200"}': 1,
    'docs_callbacks_total{status="refused",reply="403"}': 1,
    'docs_rejected_total{reply="403"}': 1,
    'docs_saves_total{what="stored"}': 1,
    'docs_pending{what="calls"}': 0,
    'docs_duration_seconds_count{what="forcesave"}': 1,
    'docs_duration_seconds_count{what="callback"}': 3,
    'docs_duration_seconds_bucket{what="callback",le="+Inf"}': 3,
    'docs_duration_seconds_bucket{what="callback",le="120"}': 3,
  }
  for (const [name, value] of Object.entries(expected)) assert.equal(after.get(name), value, name)
  const settled = [...after].filter(([name]) => name.startsWith('docs_settled_total'))
  assert.equal(settled.length, 1)
  assert.match(settled[0]![0], /^docs_settled_total\{outcome="saved",rule="\d+\.\d+"\}$/)
  const { sum } = docs.stats().durations.forcesave
  assert.equal(after.get('docs_duration_seconds_sum{what="forcesave"}'), sum / 1000)
  for (const [name, value] of before) {
    if (name.startsWith('docs_pending')) continue
    assert.ok(after.get(name)! >= value, `${name} has fallen`)
  }
  // Read once more, the same things have happened, and not twice as many.
  assert.deepEqual(await scrape(), after)
})
