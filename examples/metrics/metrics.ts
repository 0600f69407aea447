/**
 * `docs.stats()` as prom-client metrics:
 *
 *     registerDocs(docs, register)
 *     app.use(async (ctx, next) => {
 *       if (ctx.path !== '/metrics') return next()
 *       ctx.type = register.contentType
 *       ctx.body = await register.metrics()
 *     })
 *
 * Nothing runs until somebody asks: each metric takes its numbers from `docs.stats()` then. With
 * several processes each tells its own, and Prometheus adds them up.
 */
import { Counter, Gauge, type Histogram, type MetricType, type Registry } from 'prom-client'
import type { Docs, DocsStats } from '../../src/index.js'

type Counts = Readonly<Record<string, number>>

export function registerDocs(docs: Docs, registry: Registry): void {
  const registers = [registry]

  /** A counter with two labels, from counts within counts. */
  function counter(
    [name, help]: [name: string, help: string],
    labelNames: [string, string],
    read: (stats: DocsStats) => Readonly<Record<string, Counts>>,
  ): void {
    const [outer, inner] = labelNames
    new Counter({
      ...{ name, help, labelNames, registers },
      collect() {
        this.reset()
        for (const [first, counts] of Object.entries(read(docs.stats()))) {
          for (const [second, count] of Object.entries(counts)) {
            this.inc({ [outer]: first, [inner]: second }, count)
          }
        }
      },
    })
  }

  counter(
    ['docs_commands_total', 'Requests to the Docs server'],
    ['command', 'answer'],
    ({ commands }) => commands,
  )
  counter(
    ['docs_settled_total', 'Verdicts on forcesave and info'],
    ['outcome', 'rule'],
    ({ settled }) => settled,
  )
  counter(
    ['docs_callbacks_total', 'Callbacks by their status and our reply'],
    ['status', 'reply'],
    ({ callbacks }) => callbacks,
  )
  new Counter({
    ...{ name: 'docs_rejected_total', help: 'Callbacks turned away', registers },
    labelNames: ['reply'],
    collect() {
      this.reset()
      const { rejected } = docs.stats()
      for (const [reply, count] of Object.entries(rejected)) this.inc({ reply }, count)
    },
  })
  new Counter({
    ...{ name: 'docs_saves_total', help: 'Runs of onSave, and saves by their end', registers },
    labelNames: ['what'],
    collect() {
      this.reset()
      for (const [what, count] of Object.entries(docs.stats().saves)) this.inc({ what }, count)
    },
  })
  new Gauge({
    ...{ name: 'docs_pending', help: 'Under way now', registers },
    labelNames: ['what'],
    collect() {
      for (const [what, count] of Object.entries(docs.stats().pending)) this.set({ what }, count)
    },
  })
  new Durations(docs, registry)
}

const NAME = 'docs_duration_seconds'

/** prom-client's own histogram measures by itself; this metric shows one that is measured already. */
class Durations extends Gauge {
  readonly #docs: Docs

  constructor(docs: Docs, registry: Registry) {
    super({ name: NAME, help: 'How long it took', labelNames: ['what'], registers: [registry] })
    this.#docs = docs
  }

  override async get(): ReturnType<Histogram['get']> {
    const values = Object.entries(this.#docs.stats().durations).flatMap(
      ([what, { count, sum, buckets }]) => [
        ...buckets.map((bucket) => ({
          metricName: `${NAME}_bucket`,
          labels: { what, le: bucket.le / 1000 },
          value: bucket.count,
        })),
        { metricName: `${NAME}_bucket`, labels: { what, le: '+Inf' }, value: count },
        { metricName: `${NAME}_sum`, labels: { what }, value: sum / 1000 },
        { metricName: `${NAME}_count`, labels: { what }, value: count },
      ],
    )
    // It is this word, whatever the types of prom-client say.
    const type = 'histogram' as unknown as MetricType
    return { ...(await super.get()), type, values }
  }
}
