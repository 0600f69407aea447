/** Asks a Redis how it is and how it is set up. Neither its URL nor what it says of a command is shown. */
import { Redis } from 'ioredis'
import { OLDEST } from '../backends/redis-look.js'
import type { Clock } from '../clock.js'
import type { Context, Finding } from './finding.js'
import { fail, ok, skipped, warn } from './finding.js'
import { rights } from './redis-rights.js'
import { duration, quote } from './words.js'

/** From here on each callback feels it: some ten round trips belong to one, ms. */
const SLOW = 50
const PINGS = 5

export async function examineRedis(url: string, context: Context): Promise<Finding[]> {
  const { signal, settings, clock } = context
  const connection = new Redis(url, {
    ...{ lazyConnect: true, connectTimeout: settings.timeout, commandTimeout: settings.timeout },
    // Its look at Redis before the first command needs INFO, which this user may be without.
    enableReadyCheck: false,
    ...{ maxRetriesPerRequest: 0, retryStrategy: () => null, connectionName: 'docs-doctor' },
  })
  let trouble: unknown
  connection.on('error', (error: unknown) => (trouble ??= error))
  signal.addEventListener('abort', () => connection.disconnect(), { once: true })
  try {
    await connection.connect()
    const took = await latency(connection, clock)
    const info = await infoOf(connection)
    // What it lacks is among the rights.
    if (info === undefined) return [reached(took), ...(await rights(connection, settings.prefix))]
    const findings = [reached(took), ...judge(info)]
    // One that cannot be written to, or only in part, says nothing of a user.
    if (!/^(role:slave|cluster_enabled:1)/m.test(info)) {
      findings.push(...(await rights(connection, settings.prefix)))
    }
    const fsync = await connection.config('GET', 'appendfsync').catch(() => undefined)
    return [...findings, ...durability(info, fsync)]
  } catch (error) {
    // Ended by the deadline, which says so itself.
    if (signal.aborted) throw error
    return [unreachable(trouble ?? error)]
  } finally {
    connection.disconnect()
  }
}

async function infoOf(connection: Redis): Promise<string | undefined> {
  try {
    return await connection.info()
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('NOPERM')) return undefined
    throw error
  }
}

/** The shortest of some: a busy moment of this machine is not Redis's. */
async function latency(connection: Redis, clock: Clock): Promise<number> {
  const times: number[] = []
  for (let ping = 0; ping < PINGS; ping += 1) {
    const began = clock.now()
    await connection.ping()
    times.push(clock.now() - began)
  }
  return Math.min(...times)
}

/** Only by its words, which are ours afterwards: an error of ioredis holds the command, and so a password. */
export function unreachable(error: unknown): Finding {
  const { message, code = '' } = error as NodeJS.ErrnoException
  const text = `${code} ${message}`
  const why = 'Without Redis callbacks are answered 503 and calls fail.'
  const say = (name: string, what: string, fix: string): Finding => fail(name, what, why, fix)
  if (/NOAUTH/.test(text))
    return say('no-password', 'it wants a password', 'add it to the URL: redis://:password@host')
  if (/WRONGPASS|invalid password|without any password|AUTH/.test(text))
    return say('wrong-password', 'it refuses user or password', 'correct them in the URL')
  if (/NOPERM/.test(text))
    return say(
      'no-permission',
      'this user may not ask it anything',
      'use the user that the application uses',
    )
  if (/ECONNREFUSED/.test(text))
    return say(
      'refused',
      'it refuses the connection: nothing listens there',
      'see that it is running, and that host and port are right',
    )
  if (/ENOTFOUND|EAI_AGAIN/.test(text))
    return say(
      'unknown-name',
      'its name does not resolve here',
      'correct the name, or see to the DNS of this machine',
    )
  if (/certificate|self.signed|SSL|TLS|EPROTO/i.test(text))
    return say(
      'tls',
      'TLS does not come about',
      'see whether it should be rediss: or redis:, and to its certificate',
    )
  if (/LOADING/.test(text))
    return say('loading', 'it is still reading its data', 'wait until it is done')
  if (/MOVED|CLUSTERDOWN/.test(text))
    return say('cluster-down', 'its cluster is not well', 'see to the cluster')
  if (/ETIMEDOUT|timed out|closed/i.test(text))
    return say(
      'no-answer',
      'no answer, or none that a Redis gives',
      'see to firewalls, and whether the URL has to begin with redis: or rediss:',
    )
  return say('no-answer', `no answer: ${quote(code || 'unknown error')}`, 'see its log')
}

function reached(took: number): Finding {
  if (took < SLOW) return ok('answers', `it answers after ${duration(took)}`)
  const why = 'Each callback and each call asks it several times.'
  return warn('slow', `it answers after ${duration(took)}`, why, 'put it near the application')
}

function judge(info: string): Finding[] {
  const field = fieldsOf(info)
  const version = field('redis_version') ?? ''
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const old = major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])
  const oldest = OLDEST.join('.')
  const findings = [
    old
      ? fail(
          'too-old',
          `${quote(version)} is older than ${oldest}`,
          'Its scripts and lists lack what BullMQ and this package use.',
          'update it',
        )
      : ok('version', `${quote(version)}, and ${oldest} is enough`),
  ]
  const policy = field('maxmemory_policy')
  if (policy !== undefined && policy !== 'noeviction') {
    const why = 'Short of memory it throws away verdicts and saves that are waited for.'
    findings.push(
      warn(
        'evicts',
        `maxmemory-policy is ${quote(policy)}`,
        why,
        'set maxmemory-policy noeviction',
      ),
    )
  } else if (policy !== undefined)
    findings.push(ok('keeps', 'it evicts nothing (maxmemory-policy noeviction)'))
  if (field('role') === 'slave') {
    const why = 'A replica cannot be written to, and createDocs() writes.'
    findings.push(fail('replica', 'it is a replica', why, 'give the address of the master'))
  }
  if (field('cluster_enabled') === '1') {
    const why = 'By one URL only this node is used; keys that live on another one are refused.'
    findings.push(
      warn(
        'cluster',
        'it is a node of a cluster, and only this one was looked at',
        why,
        'give createDocs() a Cluster of ioredis, and ask each node',
      ),
    )
  }
  return findings
}

function durability(info: string, config: unknown): Finding[] {
  if (fieldsOf(info)('aof_enabled') === '0') {
    const why = 'A restart of it forgets commands, verdicts and whose file a document is.'
    return [warn('forgets', 'it keeps no append-only file', why, 'set appendonly yes')]
  }
  const values: readonly unknown[] = Array.isArray(config) ? config : []
  switch (values[1]) {
    case 'always':
      return [
        ok('writes-always', 'it writes each change to its append-only file (appendfsync always)'),
      ]
    case 'everysec':
      return [
        ok(
          'writes-each-second',
          'it writes its append-only file each second (appendfsync everysec): what a crash takes is told again by those who wait for it, and no stored file or unacknowledged save is lost',
        ),
      ]
    case 'no':
      return [
        warn(
          'writes-sometimes',
          'appendfsync is no',
          'A crash takes what the system has not written, half a minute perhaps.',
          'set appendfsync everysec',
        ),
      ]
    default:
      return [
        skipped('writes-untold', 'it does not tell appendfsync; see that it is everysec or always'),
      ]
  }
}

const fieldsOf =
  (info: string) =>
  (name: string): string | undefined =>
    new RegExp(`^${name}:(.*)$`, 'm').exec(info)?.[1]?.trim()
