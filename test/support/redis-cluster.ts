/** A Redis Cluster of the test's own: three nodes without replicas, each with a third of the slots. */
import { createServer } from 'node:net'
import { Cluster, Redis } from 'ioredis'
import { freePort, startRedisOn, type TestRedis } from './redis.js'
import { until } from './until.js'

export interface ClusterNode {
  readonly redis: TestRedis
  /** A connection of the test's own, to this node alone. */
  readonly admin: Redis
  /** What the cluster calls it. */
  readonly id: string
}

export interface TestCluster extends AsyncDisposable {
  readonly nodes: readonly ClusterNode[]
  /** Where a client begins. */
  readonly startup: readonly { host: string; port: number }[]
  /** A connection as an application has one; it ends with the cluster. */
  readonly connect: (options?: ConstructorParameters<typeof Cluster>[1]) => Cluster
  /** Resolves when every node says that all is well. */
  readonly well: () => Promise<void>
  /** Resolves when the nodes that are there know that one is not. */
  readonly down: () => Promise<void>
  readonly slotOf: (key: string) => Promise<number>
  /** The node that serves this slot now. */
  readonly ownerOf: (slot: number) => Promise<ClusterNode>
  /** Every key of every node. */
  readonly keys: (pattern: string) => Promise<string[]>
  /** Moves a slot with all its keys, as `redis-cli --cluster reshard` does. */
  readonly move: (slot: number, to: ClusterNode) => Promise<void>
  readonly stop: () => Promise<void>
}

const SLOTS = 16_384
const NODES = 3
/** The port on which nodes talk to each other is this much above their own. */
const BUS = 10_000

export async function startCluster(): Promise<TestCluster> {
  const nodes = await Promise.all(Array.from({ length: NODES }, () => startNode()))
  const [first] = nodes
  const part = Math.ceil(SLOTS / NODES)
  await Promise.all(
    nodes.map(({ admin }, index) => {
      const from = index * part
      const slots = Array.from({ length: Math.min(part, SLOTS - from) }, (_, slot) => from + slot)
      return admin.cluster('ADDSLOTS', ...slots)
    }),
  )
  for (const [index, { admin, redis }] of nodes.entries()) {
    // Two nodes with one epoch would first have to find out who gives way.
    await admin.call('CLUSTER', 'SET-CONFIG-EPOCH', index + 1)
    if (index > 0) await first!.admin.call('CLUSTER', 'MEET', '127.0.0.1', redis.port)
  }
  const startup = nodes.map(({ redis }) => ({ host: '127.0.0.1', port: redis.port }))
  const connections: Cluster[] = []

  async function well(): Promise<void> {
    await until(async () => {
      const states = await Promise.all(nodes.map(({ admin }) => stateOf(admin)))
      return states.every((state) => state === 'ok')
    }, 'the cluster does not come up')
  }

  async function down(): Promise<void> {
    await until(async () => {
      const there = nodes.filter(({ admin }) => admin.status === 'ready')
      const states = await Promise.all(there.map(({ admin }) => stateOf(admin)))
      return states.length < NODES && states.every((state) => state === 'fail')
    }, 'the cluster does not notice')
  }

  const slotOf = (key: string): Promise<number> => first!.admin.cluster('KEYSLOT', key)

  async function ownerOf(slot: number): Promise<ClusterNode> {
    const ranges = await first!.admin.cluster('SLOTS')
    const [, , node] = ranges.find(([from, to]) => from <= slot && slot <= to) ?? []
    const port = node?.[1]
    const owner = nodes.find(({ redis }) => redis.port === port)
    if (owner === undefined) throw new Error(`slot ${slot} has no node`)
    return owner
  }

  await well()
  return {
    nodes,
    startup,
    connect(options = {}) {
      const connection = new Cluster([...startup], options)
      connection.on('error', () => {})
      connections.push(connection)
      return connection
    },
    ...{ well, down, slotOf, ownerOf },
    async keys(pattern) {
      const all = await Promise.all(nodes.map(({ admin }) => admin.keys(pattern)))
      return all.flat()
    },
    async move(slot, to) {
      const from = await ownerOf(slot)
      await to.admin.cluster('SETSLOT', slot, 'IMPORTING', from.id)
      await from.admin.cluster('SETSLOT', slot, 'MIGRATING', to.id)
      for (;;) {
        const keys = await from.admin.cluster('GETKEYSINSLOT', slot, 100)
        if (keys.length === 0) break
        const target = ['127.0.0.1', to.redis.port, '', 0, 5_000, 'KEYS', ...keys]
        await from.admin.call('MIGRATE', ...target)
      }
      for (const { admin } of [to, from, ...nodes]) {
        await admin.cluster('SETSLOT', slot, 'NODE', to.id)
      }
    },
    stop,
    [Symbol.asyncDispose]: stop,
  }

  async function stop(): Promise<void> {
    for (const connection of connections) connection.disconnect()
    for (const { admin } of nodes) admin.disconnect()
    await Promise.all(nodes.map(({ redis }) => redis.stop()))
  }
}

async function startNode(): Promise<ClusterNode> {
  const redis = await startRedisOn(
    await freePorts(),
    ...['--cluster-enabled', 'yes', '--cluster-node-timeout', '1000'],
  )
  const admin = new Redis(redis.url, { retryStrategy: () => 50, maxRetriesPerRequest: null })
  admin.on('error', () => {})
  return { redis, admin, id: await admin.cluster('MYID') }
}

/** A free port, with the other one above it free as well. */
async function freePorts(): Promise<number> {
  for (let tries = 0; tries < 100; tries += 1) {
    const port = await freePort()
    if (port + BUS <= 65_535 && (await isFree(port + BUS))) return port
  }
  throw new Error('no two free ports')
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.on('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

async function stateOf(admin: Redis): Promise<string | undefined> {
  if (admin.status !== 'ready') return undefined
  const info = await admin.cluster('INFO')
  // Every node knows all the others.
  if (!info.includes(`cluster_known_nodes:${NODES}`)) return undefined
  return /^cluster_state:(\w+)/m.exec(info)?.[1]
}
