/** What the environment says: `examples/storage-app/README.md` has them in a table. */

export interface Settings {
  port: number
  /** Which addresses it listens on. */
  host: string
  /** Where the Docs server, and browsers, reach this application. */
  publicUrl: string
  /** The folder of the files. */
  folder: string
  /** Where this process reaches the Docs server. */
  docsUrl: string
  /** Where browsers reach it. */
  docsPublicUrl: string
  secret: string
  /** Where it keeps its cache, if that is a storage of its own. */
  downloadOrigins: string[]
  redis: string | undefined
  /** Whether the key of each file is kept with the files where Redis is not there. */
  keepsKeys: boolean
  /** How long a save may take, in ms. */
  timeout: number
  /** Whether the inspector is there: it shows to everybody what goes to and fro. */
  inspector: boolean
}

/**
 * @throws Error when `DOCS_URL` is there and `DOCS_SECRET` is not
 * @example const settings = readSettings({ ...process.env, DOCS_URL: 'http://localhost:8080', DOCS_SECRET: '…' })
 */
export function readSettings(env: Readonly<Record<string, string | undefined>>): Settings {
  const { PORT = '3000', HOST = '127.0.0.1', DOCS_URL, DOCS_SECRET } = env
  if (DOCS_URL === undefined || DOCS_SECRET === undefined) {
    throw new Error('set DOCS_URL and DOCS_SECRET, the address and the secret of the Docs server')
  }
  const docsUrl = DOCS_URL.replace(/\/+$/, '')
  const docsPublicUrl = (env['DOCS_PUBLIC_URL'] ?? docsUrl).replace(/\/+$/, '')
  const origins = (env['DOWNLOAD_ORIGINS'] ?? '').split(',').map((origin) => origin.trim())
  return {
    port: Number(PORT),
    host: HOST,
    publicUrl: (env['PUBLIC_URL'] ?? `http://localhost:${PORT}`).replace(/\/+$/, ''),
    folder: env['FILES'] ?? '.tmp/storage-app',
    docsUrl,
    docsPublicUrl,
    secret: DOCS_SECRET,
    downloadOrigins: origins.filter((origin) => origin !== ''),
    redis: env['REDIS_URL'],
    keepsKeys: true,
    timeout: Number(env['SAVE_TIMEOUT'] ?? 20_000),
    inspector: env['NODE_ENV'] !== 'production' && ['127.0.0.1', '::1', 'localhost'].includes(HOST),
  }
}
