/** `examples/s3` beside a real S3 server: versions with their changes, and a gigabyte in flat memory. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { describe, it, type TestContext } from 'node:test'
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3'
import type { Version } from '../examples/s3/versions.js'
import { environment } from './support/first-example.js'
import { linesIn } from './support/lines-in.js'
import { postSigned } from './support/callbacks.js'
import { freePort } from './support/redis.js'
import { ask, byItself, startTown } from './support/town.js'
import { until } from './support/until.js'

/** Against hangs only: a gigabyte goes through four processes. */
const LIMIT = { timeout: 600_000 }
const BUCKET = 'files'
const CREDENTIALS = { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' }
const GIGABYTE = 1024 ** 3
/** How much more memory the example may take for it, in bytes. */
const FLAT = 300 * 1024 ** 2

/** A real S3 server, and what the example is told about it. */
async function startS3(t: TestContext): Promise<{ env: Record<string, string>; client: S3Client }> {
  const folder = await mkdtemp(join(tmpdir(), 's3-'))
  const port = await freePort()
  const program = join(
    dirname(createRequire(import.meta.url).resolve('s3rver/package.json')),
    'bin/s3rver.js',
  )
  const args = ['-d', folder, '-a', '127.0.0.1', '-p', String(port), '--configure-bucket', BUCKET]
  const child = spawn(process.execPath, ['--no-deprecation', program, ...args], {
    env: environment(),
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const endpoint = `http://127.0.0.1:${port}`
  const client = new S3Client({
    ...{ region: 'us-east-1', endpoint, forcePathStyle: true, credentials: CREDENTIALS },
    requestChecksumCalculation: 'WHEN_REQUIRED',
  })
  t.after(async () => {
    client.destroy()
    child.kill('SIGKILL')
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  })
  await once(child.stdout, 'data')
  // Nobody reads what it logs.
  child.stdout.resume()
  return {
    client,
    env: {
      ...{ S3_ENDPOINT: endpoint, S3_BUCKET: BUCKET },
      AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
    },
  }
}

async function objectOf(client: S3Client, Key: string): Promise<Uint8Array> {
  const { Body } = await client.send(new GetObjectCommand({ Bucket: BUCKET, Key }))
  return (await Body?.transformToByteArray()) ?? new Uint8Array()
}

describe('versions in S3', LIMIT, () => {
  it('are stored with their changes, and listed', async (t) => {
    const { server, serve, end } = await startTown(t)
    const { env, client } = await startS3(t)
    const url = await serve('s3/s3.ts', env)
    const { callbackUrl } = await ask<{ callbackUrl: string }>(`${url}/callback-url/a%2Fletter`)
    const editor = await server.open('key-1', { user: 'ann', callbackUrl })
    editor.type('Dear Ben,')
    const { outcome, certain, stored } = await ask<{
      outcome: string
      certain: boolean
      stored: { version: number; sha256: string }
    }>(`${url}/save/key-1`, { method: 'POST' })
    assert.deepEqual([outcome, certain, stored.version], ['saved', true, 1])
    editor.type('all is well.')
    await editor.close()
    await server.idle()

    const versions = await ask<Version[]>(`${url}/versions/a%2Fletter`)
    assert.deepEqual(
      versions.map(({ number, key, users }) => ({ number, key, users })),
      [1, 2].map((number) => ({ number, key: 'key-1', users: ['ann'] })),
    )
    const file = await objectOf(client, 'a%2Fletter/000002/file')
    assert.equal(linesIn(Buffer.from(file)), '1 ann Dear Ben,\n2 ann all is well.\n')
    const sha256 = createHash('sha256').update(file).digest('hex')
    assert.deepEqual([versions[1]?.sha256, versions[1]?.size], [sha256, file.length])
    assert.equal(versions[0]?.sha256, stored.sha256)
    assert.notEqual(versions[1]?.history, undefined)
    const changes = await objectOf(client, 'a%2Fletter/000002/changes.zip')
    assert.equal(Buffer.from(changes.subarray(0, 2)).toString(), 'PK')
    assert.deepEqual(await end(), [byItself])
  })

  it('a gigabyte is uploaded while it is downloaded, in flat memory', async (t) => {
    const hash = createHash('sha256')
    const large = createServer((_request, response) => {
      response.writeHead(200, { 'content-length': GIGABYTE })
      const parts = function* () {
        const chunk = Buffer.alloc(1024 ** 2)
        chunk.write('PK\x03\x04')
        for (let part = 0; part < 1024; part += 1) {
          hash.update(chunk)
          yield chunk
        }
      }
      Readable.from(parts()).pipe(response)
    }).listen(0, '127.0.0.1')
    await once(large, 'listening')
    t.after(() => {
      large.closeAllConnections()
      large.close()
    })
    const docsUrl = `http://127.0.0.1:${(large.address() as AddressInfo).port}`

    const { start } = await startTown(t)
    const { env } = await startS3(t)
    const port = await freePort()
    const child = await start('s3/s3.ts', { ...env, DOCS_URL: docsUrl, PORT: String(port) })
    const url = `http://127.0.0.1:${port}`
    const { callbackUrl } = await ask<{ callbackUrl: string }>(`${url}/callback-url/large`)
    const before = await peakOf(child.pid)
    const callback = {
      ...{ key: 'key-large', status: 2, users: ['ann'], actions: [{ type: 0, userid: 'ann' }] },
      ...{ url: `${docsUrl}/cache/files/data/key-large/output.docx`, filetype: 'docx' },
    }
    // On a busy machine it takes longer than a callback waits: then it is stored all the same.
    const reply = postSigned(callbackUrl, callback)
    reply.catch(() => {})
    const listed = async (): Promise<Version[]> => ask<Version[]>(`${url}/versions/large`)
    await until(async () => (await listed()).length === 1, 'it was not stored', LIMIT.timeout)
    const [version] = await listed()
    assert.deepEqual(
      [version?.size, version?.sha256],
      [GIGABYTE, hash.digest('hex')],
      'every byte is there',
    )
    const more = (await peakOf(child.pid)) - before
    assert.ok(more < FLAT, `it took ${Math.round(more / 1024 ** 2)} MB more`)
    await reply
  })
})

/** The most memory that a process has taken, in bytes. */
async function peakOf(pid = 0): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024
}
