/** The ledger of several processes: the same contract, over a real Redis. */
import { after, before } from 'node:test'
import { Redis } from 'ioredis'
import { createRedisLedger } from '../src/ledger/redis.js'
import { createRedisStore } from '../src/ledger/redis-store.js'
import { silentLogger } from '../src/events.js'
import { startRedis, type TestRedis } from './support/redis.js'
import { testLedger } from './support/ledger-contract.js'

let server: TestRedis
let count = 0
before(async () => {
  server = await startRedis()
})
after(() => server.stop())

testLedger({
  name: 'redis',
  create(parts) {
    const prefix = `t${(count += 1)}`
    const redis = new Redis(server.url)
    const subscriber = new Redis(server.url)
    const store = createRedisStore(redis, prefix)
    const ledger = createRedisLedger({
      ...parts,
      store,
      logger: silentLogger,
      ownTime: true,
      subscribe(wake, wakeAll) {
        subscriber.on('message', (_channel, message) => wake(message))
        void subscriber.subscribe(store.channel).then(wakeAll)
        return () => Promise.resolve()
      },
    })
    return {
      ...ledger,
      async close() {
        await ledger.close()
        redis.disconnect()
        subscriber.disconnect()
      },
    }
  },
  ioMs: 20,
  manyKeys: 500,
})
