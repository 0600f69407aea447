/** What Redis tells about itself. */
import { Redis } from 'ioredis'

export interface RedisCounts {
  /** Commands run, those within scripts and those of this look too. */
  commands: number
  /** How often Redis has read from a connection: round trips, where nothing is sent side by side. */
  reads: number
  /** ms */
  cpu: number
  /** Bytes in use. */
  memory: number
}

export interface RedisLook {
  version: string
  counts: () => Promise<RedisCounts>
  /** So many more documents that are remembered: copies of one that has been saved. */
  copy: (prefix: string, copies: number) => Promise<void>
  close: () => void
}

/** Of a document and of its verdict, under a name that no document has. */
const COPY = `
local found = redis.call('SCAN', 0, 'MATCH', ARGV[1] .. ':{*}:document', 'COUNT', 1000)
local document = found[2][1]
local tag = string.match(document, '{(.*)}')
local verdict = redis.call('KEYS', ARGV[1] .. ':{' .. tag .. '}:verdict:*')[1]
for i = tonumber(ARGV[2]), tonumber(ARGV[3]) do
  local name = string.rep('0', 43 - #tostring(i)) .. i
  redis.call('COPY', document, ARGV[1] .. ':{' .. name .. '}:document')
  if verdict then redis.call('COPY', verdict, ARGV[1] .. ':{' .. name .. '}:verdict:0') end
end`

export async function lookInto(url: string): Promise<RedisLook> {
  const redis = new Redis(url)
  const field = (info: string, name: string): string =>
    new RegExp(`^${name}:(.*)$`, 'm').exec(info)?.[1]?.trim() ?? ''
  return {
    version: field(await redis.info('server'), 'redis_version'),
    async counts() {
      const info = await redis.info('everything')
      const calls = [...info.matchAll(/^cmdstat_(\S+):calls=(\d+)/gm)]
      return {
        commands: calls.reduce((sum, [, , count]) => sum + Number(count), 0),
        reads: Number(field(info, 'total_reads_processed')),
        cpu: 1000 * (Number(field(info, 'used_cpu_sys')) + Number(field(info, 'used_cpu_user'))),
        memory: Number(field(info, 'used_memory')),
      }
    },
    async copy(prefix, copies) {
      for (let done = 0; done < copies; done += 10_000) {
        await redis.eval(COPY, 0, prefix, done + 1, Math.min(done + 10_000, copies))
      }
    },
    close: () => redis.disconnect(),
  }
}
