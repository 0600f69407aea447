/** The config that `docs.open()` takes: what is filled in may not be given otherwise. */
import { badOption, DocsError } from '../errors.js'
import { isRecord } from '../check.js'
import type { EditorConfig, SignedEditorConfig } from '../editor-config.js'

/**
 * What `docs.open()` takes: the config of the vendor's editor without key and callback URL, which are filled in.
 */
export type OpenConfig = Omit<EditorConfig, 'document'> & {
  /** The document that is opened. A key of before is replaced. */
  document: Omit<EditorConfig['document'], 'key'> & { key?: string | undefined }
}

/** What `docs.open()` gives: the signed config for the page, with key and callback URL. */
export type OpenedConfig<Config extends OpenConfig = OpenConfig> = SignedEditorConfig<
  Config & { document: { key: string }; editorConfig: { callbackUrl: string } }
>

/** `isOwnKey`: whether it is a key that `open()` has made for this file. */
export function checkOpenConfig(
  config: unknown,
  callbackUrl: string,
  isOwnKey: (key: string) => boolean,
): void {
  if (!isRecord(config)) throw badOption('config', config, 'give the config of an editor')
  const { document, editorConfig = {} } = config
  if (!isRecord(document)) throw badOption('document', document, 'give an object')
  if (!isRecord(editorConfig)) throw badOption('editorConfig', editorConfig, 'give an object')
  const { key } = document
  if (key !== undefined && !(typeof key === 'string' && isOwnKey(key))) {
    throw badOption('document.key', key, 'leave it out: open() fills in the key of the file')
  }
  const given = editorConfig['callbackUrl']
  if (given !== undefined && given !== callbackUrl) {
    // Not shown: it may hold a token.
    const message =
      'editorConfig.callbackUrl: it is not the one of this file; leave it out: open() fills it in'
    throw new DocsError('BAD_OPTION', message)
  }
}
