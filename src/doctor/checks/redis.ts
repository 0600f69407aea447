/** Redis as this package needs it. ioredis is optional: it is loaded here, when there is something to ask. */
import { resolve } from '../packages.js'
import { fail, skipped, type Check } from '../finding.js'

export const redis: Check = {
  name: 'redis',
  asks: 'nobody else',
  async run(context) {
    const { redis: url } = context.settings
    if (url === undefined)
      return [
        skipped(
          'not-given',
          'not asked: give --redis or REDIS_URL where createDocs() has the option redis',
        ),
      ]
    if (resolve('ioredis') === undefined) {
      return [
        fail(
          'no-ioredis',
          'ioredis is not installed',
          'createDocs() needs it for the option redis.',
          'npm install bullmq@^6.3.3 ioredis',
        ),
      ]
    }
    const { examineRedis } = await import('../redis.js')
    return examineRedis(url, context)
  },
}
