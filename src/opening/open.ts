/** `docs.open()` and `docs.replaced()`. */
import { unlessAborted } from '../abort.js'
import type { Docs, OpenOptions } from '../api.js'
import { checkCall, checkRef, versionOf } from '../arguments.js'
import type { Within } from '../call-deadlines.js'
import type { EditorConfig, SignedEditorConfig } from '../editor-config.js'
import type { KeyBook } from '../keys/book.js'
import { checkOpenConfig, type OpenConfig, type OpenedConfig } from './config.js'
import type { OpenKey } from './open-key.js'

export interface OpeningParts {
  book: KeyBook
  openKey: OpenKey
  within: Within
  callbackUrl: (ref: string) => string
  editorConfig: (config: EditorConfig) => SignedEditorConfig
}

/** How long `open()` and `replaced()` may take, ms. */
const TIMEOUT = 60_000

export function createOpening(parts: OpeningParts): Pick<Docs, 'open' | 'replaced'> {
  const { book, openKey, within, callbackUrl, editorConfig } = parts

  return {
    async open<Config extends OpenConfig>(
      ref: string,
      config: Config,
      options: OpenOptions = {},
    ): Promise<OpenedConfig<Config>> {
      checkRef(ref)
      checkCall(options)
      const version = versionOf(options.version)
      const url = callbackUrl(ref)
      checkOpenConfig(config, url, (key) => book.isOfFile(key, ref))
      return within({ name: 'open' }, options, TIMEOUT, async (signal) => {
        const key = await unlessAborted(openKey.keyFor(ref, version), signal)
        return editorConfig({
          ...config,
          document: { ...config.document, key },
          editorConfig: { ...config.editorConfig, callbackUrl: url },
        }) as unknown as OpenedConfig<Config>
      })
    },

    async replaced(ref, options = {}) {
      checkRef(ref)
      checkCall(options)
      await within({ name: 'replaced' }, options, TIMEOUT, (signal) =>
        unlessAborted(openKey.replaced(ref), signal),
      )
    },
  }
}
