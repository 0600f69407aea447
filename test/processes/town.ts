/** A whole installation: Redis, the simulated Docs server, a balancer, and processes that come and go. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createDocs } from '../../src/index.js'
import { startDocsServer, type DocsServer } from '../../src/testing/index.js'
import { freePort, startRedis, type TestRedis } from '../support/redis.js'
import { startBalancer, type Balancer } from './balancer.js'
import { startProcess, type Process } from './fleet.js'
import type { Settings } from './settings.js'
import { createWitness, type Witness } from './witness.js'

export interface Town extends AsyncDisposable {
  readonly redis: TestRedis
  readonly server: DocsServer
  readonly balancer: Balancer
  readonly folder: string
  /** Those that were started, the dead too. */
  readonly processes: Process[]
  /** When and which processes were killed, or ended by themselves. */
  readonly deaths: Map<number, number>
  readonly witness: Witness
  /** A callback URL that leads to whichever web process takes it. */
  callbackUrl: (ref: string) => string
  /** `port`: that of a web process that was there before. */
  startWeb: (own?: Partial<Settings>) => Promise<Process>
  startWorker: (own?: Partial<Settings>) => Promise<Process>
}

export interface TownOptions {
  settings?: Partial<Settings>
  /** How long a conversion takes, ms, and how often one fails, 0 to 1. */
  conversion?: number
  failing?: number
}

const SECRET = 's3cret-s3cret-s3cret-s3cret-s3cret'

export async function startTown({
  settings = {},
  conversion = 5,
  failing = 0,
}: TownOptions = {}): Promise<Town> {
  const folder = await mkdtemp(join(tmpdir(), 'docs-town-'))
  const redis = await startRedis()
  const server = await startDocsServer({
    secret: SECRET,
    // The people here know nothing of a document that is for viewing only.
    viewOnlyFor: 0,
    conversion: { delay: conversion, fails: () => Math.random() < failing },
  })
  const witness = createWitness(server, Date.now())
  const balancer = await startBalancer()
  // Only signs: no callback ever comes here.
  const signer = createDocs({
    ...{ server: server.url, secret: SECRET, publicUrl: balancer.url },
    onSave: () => {},
  })
  const processes: Process[] = []
  const deaths = new Map<number, number>()
  const base: Settings = {
    ...{ server: server.url, secret: SECRET, redis: redis.url, prefix: 'docs' },
    ...{ publicUrl: balancer.url, port: 0, folder, storing: 5, worker: false, deaths: {} },
    ...{ trouble: { failing: 0, slow: 0 }, deaf: false, exits: false },
    // Nothing but commands saves here, so no call has to wait for a stranger's save.
    options: { otherSaves: false },
    ...settings,
  }

  async function start(program: 'web' | 'worker', own: Partial<Settings>): Promise<Process> {
    const started = await startProcess(program, { ...base, ...own })
    processes.push(started)
    void started.gone.then(() => deaths.set(started.pid, Date.now()))
    return started
  }

  return {
    ...{ redis, server, balancer, folder, processes, deaths, witness },
    callbackUrl: (ref) => signer.callbackUrl(ref),
    async startWeb(own = {}) {
      const port = own.port ?? (await freePort())
      const web = await start('web', { publicUrl: `http://127.0.0.1:${port}`, ...own, port })
      if (!balancer.targets.includes(web.url)) balancer.targets.push(web.url)
      return web
    },
    startWorker: (own = {}) => start('worker', { worker: { concurrency: 16 }, ...own }),
    async [Symbol.asyncDispose]() {
      await Promise.all(processes.map((one) => one.kill()))
      await signer.close()
      await server.close()
      await balancer[Symbol.asyncDispose]()
      await redis.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
