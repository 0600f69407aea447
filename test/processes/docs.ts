/** What both programs do: make `docs`, do what the test asks for, end when they are told to. */
import { createDocs, isDocsError, type Docs } from '../../src/index.js'
import { readSettings, type Ask, type End, type FromProcess, type Settings } from './settings.js'
import { createStorage, dieAt } from './storage.js'

/** `stopListening`: begun before `docs.close()`, so that no new request comes in meanwhile. */
export interface Program {
  settings: Settings
  docs: Docs
  ready: (stopListening: () => void) => void
}

export function startProgram(): Program {
  const settings = readSettings()
  const { server, secret, redis, prefix, publicUrl, worker, options } = settings
  const docs = createDocs({
    ...{ server, secret, redis, prefix, publicUrl, onSave: createStorage(settings) },
    ...(worker === undefined ? {} : { worker }),
    ...options,
  })
  docs.on('saving', ({ key }) => dieAt(settings, key, 'before'))
  docs.on('saved', ({ key }) => dieAt(settings, key, 'reported'))
  process.on('message', (ask: Ask) => void answer(ask))
  return { settings, docs, ready }

  async function answer({ number, call, args }: Ask): Promise<void> {
    tell({ number, end: await endOf(call, args) })
  }

  async function endOf(call: Ask['call'], args: unknown[]): Promise<End> {
    try {
      const calls = docs as unknown as Record<string, (...args: unknown[]) => unknown>
      return { result: await calls[call]?.(...args) }
    } catch (error) {
      if (isDocsError(error)) {
        const { code, message, key } = error
        return { error: { code, message, key } }
      }
      return { error: { code: undefined, message: String(error), key: undefined } }
    }
  }

  function ready(stopListening: () => void): void {
    process.once('SIGTERM', () => {
      stopListening()
      // Without `exits`, a handle that is left open keeps the process alive.
      void docs.close().then(() => (settings.exits ? process.exit() : process.disconnect()))
    })
    tell({ ready: true })
  }
}

function tell(message: FromProcess): void {
  if (process.connected) process.send?.(message)
}
