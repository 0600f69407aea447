/** `compose.yaml`: what can be known of it without an engine to start it. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

interface Service {
  image?: string
  build?: { context: string; dockerfile_inline: string }
  command?: string
  environment?: Record<string, string>
  ports?: string[]
  volumes?: string[]
  extra_hosts?: string[]
  depends_on?: Record<string, { condition: string }>
  healthcheck: { test: string | string[] }
}

interface Compose {
  services: Record<string, Service>
  volumes: object
}

const raw = read('compose.yaml')
/** The variables of `.env.example`; its one empty value is what everybody sets for himself. */
const variables: ReadonlyMap<string, string> = new Map(
  [...read('.env.example').matchAll(/^(\w+)=(.*)$/gm)].map(([, name = '', value = '']) => [
    name,
    value === '' ? 'set-by-hand' : value,
  ]),
)
const VARIABLE = /\$\{(\w+)(?::(-|\?)([^}]*))?\}/g

/** As compose fills it in, from `.env` or, where that says nothing, from the defaults. */
const filled = (env: ReadonlyMap<string, string>): Compose =>
  parse(
    raw.replace(
      VARIABLE,
      (_all, name: string, kind: string | undefined, fallback: string) =>
        env.get(name) ?? (kind === '-' ? fallback : ''),
    ),
  ) as Compose

const { services, volumes } = filled(variables)
const { docs, redis, app } = services as { docs: Service; redis: Service; app: Service }

describe('compose.yaml', () => {
  it('has the Docs server, Redis and the application', () => {
    assert.deepEqual(Object.keys(services), ['docs', 'redis', 'app'])
    assert.match(docs.image ?? '', /^onlyoffice\/documentserver:/)
    assert.match(redis.image ?? '', /^redis:/)
    assert.match(app.build?.dockerfile_inline ?? '', /^FROM node:20$/m)
  })

  it('takes every variable of .env.example and no other, and needs the secret only', () => {
    const used = [...raw.matchAll(VARIABLE)]
    assert.deepEqual(new Set(used.map(([, name]) => name)), new Set(variables.keys()))
    const needed = used.filter(([, , kind]) => kind !== '-').map(([, name]) => name)
    assert.deepEqual(new Set(needed), new Set(['DOCS_SECRET']))
    // The defaults are those that the example shows.
    assert.deepEqual(filled(new Map([['DOCS_SECRET', 'set-by-hand']])).services, services)
  })

  it('gives both sides one secret, and lets the Docs server call a private address', () => {
    const { JWT_ENABLED, JWT_SECRET, ALLOW_PRIVATE_IP_ADDRESS } = docs.environment ?? {}
    assert.deepEqual([JWT_ENABLED, ALLOW_PRIVATE_IP_ADDRESS], ['true', 'true'])
    assert.deepEqual([JWT_SECRET, app.environment?.['DOCS_SECRET']], ['set-by-hand', 'set-by-hand'])
  })

  it('tells the application addresses that are there', () => {
    const env = app.environment ?? {}
    assert.equal(env['DOCS_URL'], 'http://docs')
    assert.equal(env['REDIS_URL'], 'redis://redis:6379')
    assert.equal(env['PUBLIC_URL'], `http://app:${env['PORT'] ?? ''}`)
    // What browsers and links say is the port that is published; inside nobody has to know it.
    const { port } = new URL(env['DOCS_PUBLIC_URL'] ?? '')
    assert.deepEqual(docs.ports, [`${port}:80`])
    assert.deepEqual([app.extra_hosts, env['DOWNLOAD_ORIGINS']], [undefined, undefined])
    assert.deepEqual(app.ports, [`127.0.0.1:3000:${env['PORT'] ?? ''}`])
    assert.match([app.healthcheck.test].flat().join(' '), /'http:\/\/127\.0\.0\.1:3000'/)
  })

  it('keeps what must not be lost, and starts each when what it needs is there', () => {
    assert.match(redis.command ?? '', /--appendonly yes\b.*--maxmemory-policy noeviction\b/)
    const kept = Object.values(services).flatMap((service) => service.volumes ?? [])
    assert.deepEqual(
      new Set(kept.map((volume) => volume.split(':')[0])),
      new Set(Object.keys(volumes)),
    )
    assert.ok(
      kept.includes(`files:${app.environment?.['FILES'] ?? ''}`),
      'the files are on a volume',
    )
    assert.deepEqual(app.depends_on, {
      docs: { condition: 'service_healthy' },
      redis: { condition: 'service_healthy' },
    })
    assert.deepEqual(
      Object.values(services).filter(({ healthcheck }) => healthcheck.test.length === 0),
      [],
    )
  })

  it('copies files that are there', () => {
    const copied = [...(app.build?.dockerfile_inline ?? '').matchAll(/^COPY (.+) \S+$/gm)]
    const paths = copied.flatMap(([, list = '']) => list.split(' '))
    assert.equal(paths.includes('package-lock.json'), true)
    assert.deepEqual(
      paths.filter((path) => !existsSync(join(ROOT, path))),
      [],
    )
  })

  const folder = join(ROOT, 'examples', 'storage-app')
  const sources = existsSync(folder)
    ? readdirSync(folder).filter((name) => name.endsWith('.ts'))
    : []
  const without = sources.length === 0 && 'examples/storage-app is not here'

  it(
    'starts what `npm run example` starts, with variables that it reads',
    { skip: without },
    () => {
      const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
      assert.equal(app.command, scripts['example'])
      const code = sources.map((name) => read(`examples/storage-app/${name}`)).join('\n')
      const unread = Object.keys(app.environment ?? {}).filter(
        (name) => !new RegExp(`\\b${name}\\b`).test(code),
      )
      assert.deepEqual(unread, [])
    },
  )

  const compose = spawnSync('docker', ['compose', 'version'], { timeout: 10_000 })
  const noCompose = compose.status !== 0 && 'docker compose is not here'

  it('is understood by docker compose', { skip: noCompose }, () => {
    const env = { ...process.env, DOCS_SECRET: 'set-by-hand' }
    const args = ['compose', '--file', 'compose.yaml', 'config', '--quiet']
    const { status, stderr } = spawnSync('docker', args, { cwd: ROOT, env, timeout: 30_000 })
    assert.equal(status, 0, stderr.toString())
  })
})
