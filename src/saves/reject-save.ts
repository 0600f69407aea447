import { hasBrand } from '../errors.js'

// Symbol.for is shared by two copies of the package, where `instanceof` is not.
const brand = Symbol.for('koa-docs-callback.RejectSave')

/**
 * Thrown by `onSave` to say that this save can never be stored: the file is gone, the user may not
 * write it. It is not tried again; the Docs server is answered `{"error":1}` and keeps a final save
 * as a forgotten file (`docs-server.md`, "What our reply does").
 *
 * @example
 * async onSave(save) {
 *   if (!(await files.has(save.ref))) throw new RejectSave('the file was deleted')
 *   await save.downloadTo(files.path(save.ref))
 * }
 */
export class RejectSave extends Error {
  /** Always `RejectSave`: for logs. */
  override readonly name = 'RejectSave'

  constructor(message = 'this save can never be stored', options?: ErrorOptions) {
    super(message, options)
    Object.defineProperty(this, brand, { value: true })
  }
}

export const isRejectSave = (error: unknown): boolean => hasBrand(error, brand)
