/**
 * The floor over Redis: a small conditional write each for registered, answered, arrived and stored,
 * and no rules. With `jobs` each save is a BullMQ job too, taken and finished by hand.
 */
import { Queue, Worker, type Job } from 'bullmq'
import { Redis } from 'ioredis'
import type { Keep } from './floor.js'

/** Writes a field if the version is the one that was expected. */
const WRITE = `if (redis.call('HGET', KEYS[1], 'v') or '') ~= ARGV[1] then return -1 end
redis.call('HSET', KEYS[1], 'v', ARGV[2], ARGV[3], ARGV[4]) redis.call('PEXPIRE', KEYS[1], 3600000)
return 1`

export async function keepInRedis(url: string, prefix: string, jobs: boolean): Promise<Keep> {
  const redis = new Redis(url, { maxRetriesPerRequest: null })
  const hash = String(await redis.script('LOAD', WRITE))
  const versions = new Map<string, number>()

  async function write(key: string, field: string, value: object): Promise<unknown> {
    const version = versions.get(key) ?? 0
    versions.set(key, version + 1)
    const [before, after] = [version === 0 ? '' : String(version), String(version + 1)]
    const name = `${prefix}:{${key}}`
    return redis.evalsha(hash, 1, name, before, after, field, JSON.stringify(value))
  }

  if (!jobs) {
    return {
      write,
      async run(_callback, arrived, store) {
        await arrived
        return store()
      },
    }
  }
  const options = { connection: redis, prefix: `{${prefix}}` }
  const queue = new Queue('floor', {
    ...{ ...options, skipMetasUpdate: true },
    defaultJobOptions: { removeOnComplete: true },
  })
  const worker = new Worker('floor', null, { ...options, autorun: false })
  let tokens = 0
  return {
    write,
    async run({ key, url }, arrived, store) {
      const token = `t${(tokens += 1)}`
      await Promise.all([arrived, queue.add('save', { key, url })])
      const job = (await worker.getNextJob(token, { block: false })) as Job | undefined
      const stored = store()
      job?.moveToCompleted(null, token, false).catch(() => {})
      return stored
    },
  }
}
