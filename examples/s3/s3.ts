/**
 * Versions in S3, or in what speaks like it. A file is uploaded while it is downloaded: 1 GB takes no more memory
 * than 1 MB. The credentials are the usual `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`.
 *
 *     export DOCS_URL=http://docs.internal DOCS_SECRET=… S3_BUCKET=files AWS_REGION=eu-central-1
 *     node --import tsx examples/s3/s3.ts
 */
import { createServer } from 'node:http'
import { S3Client } from '@aws-sdk/client-s3'
import Koa from 'koa'
import { createDocs, isDocsError } from '../../src/index.js'
import { options, port } from '../settings.js'
import { Versions } from './versions.js'

const { S3_ENDPOINT, S3_BUCKET = 'files', AWS_REGION = 'us-east-1' } = process.env
const client = new S3Client({
  region: AWS_REGION,
  // What is not Amazon's own has its address here, and may not know its checksums.
  ...(S3_ENDPOINT !== undefined && {
    ...{ endpoint: S3_ENDPOINT, forcePathStyle: true },
    requestChecksumCalculation: 'WHEN_REQUIRED',
  }),
})
const versions = new Versions(client, S3_BUCKET)

const docs = createDocs({
  ...options,
  // Large files: the download goes on as long as the upload does.
  ...{ maxDownload: 5 * 1024 ** 3, downloadTimeout: 15 * 60_000 },
  async onSave(save) {
    const { number, size, sha256 } = await versions.add(save)
    return { version: number, size, sha256 }
  },
})

const app = new Koa()
app.use(docs.routes())
app.use(async (ctx) => {
  const [, action, name = ''] = ctx.path.split('/').map(decodeURIComponent)
  if (action === 'callback-url') {
    // For `editorConfig.callbackUrl` in the page.
    ctx.body = { callbackUrl: docs.callbackUrl(name) }
  } else if (action === 'versions') {
    ctx.body = await versions.list(name)
  } else if (action === 'save' && ctx.method === 'POST') {
    try {
      ctx.body = await docs.forcesave(name)
    } catch (error) {
      if (!isDocsError(error)) throw error
      ctx.status = error.retryable ? 503 : 500
      ctx.body = { error: error.code }
    }
  }
})

const handle = app.callback()
const listener = createServer((request, response) => void handle(request, response))
listener.listen(port, () => console.log(`S3 example listens on ${port}`))

process.once('SIGTERM', () => {
  listener.close()
  void docs.close().then(() => {
    listener.closeAllConnections()
    client.destroy()
  })
})
