/** An editor in the browser, as the Docs server sees it: what the tests hold in their hands. */
import { FORCESAVE } from './callbacks.js'
import type { Connection } from './context.js'
import type { Document } from './document.js'
import type { Change } from './text.js'

/**
 * An editor in a browser, as the Docs server sees it. Whatever a user does in one that is not connected
 * any more throws.
 */
export interface Editor {
  /** The document key. */
  readonly key: string
  /** The user's id. */
  readonly user: string
  /** False after `close()`, `vanish()`, a `drop` command, a restart of the server and a refused edit. */
  readonly connected: boolean
  /**
   * It was opened within five minutes (`viewOnlyFor`) of the document's acknowledged final save: no
   * callback tells of it, and the first edit is refused and disconnects it, since its version is outdated.
   */
  readonly viewOnly: boolean
  /** How many warnings this editor saw: one for each status 1 or 4 that was not acknowledged. */
  readonly warnings: number
  /** Resolves when the status 1 about this editor was answered, or never will be. */
  readonly ready: Promise<void>
  /**
   * One edit. Answers its number, which {@link editsIn} finds in the saved file; 0 where it is refused, since
   * the editor is `viewOnly`.
   * @throws Error when it is not connected.
   */
  type(text: string): number
  /** The document's text, with what all have typed. */
  readonly text: string
  /**
   * One edit of the text, if there is a change, by somebody who has seen the edits up to the number
   * `since`. Answers what others have changed meanwhile, as it is after that.
   * @throws Error when it is not connected, or `viewOnly`.
   */
  exchange(since: number, change?: Change): Change[]
  /** Presses the save button: a forced save with `forcesavetype` 1. */
  saveButton(): void
  /** Submits a form: a forced save with `forcesavetype` 3 and `formsdataurl`. */
  submitForm(): void
  /** Leaves. Resolves at once; what follows (status 1, 4, or the final save) comes by itself. */
  close(): Promise<void>
  /** Loses the connection: after a longer pause (`lostDelay`) the same follows as after `close()`. */
  vanish(): void
}

/** As in the recordings, `open`, `edit`, `edit-refused` and `close`, and those that nobody recorded. */
export type EditorAction =
  'open' | 'edit' | 'edit-refused' | 'save-button' | 'submit-form' | 'close' | 'vanish'
/** Sees what editors do. */
export type OnEditor = (action: EditorAction, user: string, key: string) => void

export function createEditor(
  key: string,
  document: Document,
  connection: Connection,
  onEditor: OnEditor,
): Editor {
  const { user } = connection
  const act = (action: EditorAction): void => {
    if (!document.isConnected(connection)) {
      throw connection.viewOnly
        ? outdated(key, user)
        : new Error(`${action}: the editor of ${user} is not connected to ${key} any more`)
    }
    onEditor(action, user, key)
  }
  /** The first edit of somebody who can only view it disconnects him (`reopened-after-final-save.jsonl`). */
  const isRefused = (): boolean => {
    if (!connection.viewOnly || !document.isConnected(connection)) return false
    document.refuse(connection)
    onEditor('edit-refused', user, key)
    return true
  }
  const leave = (action: 'close' | 'vanish'): void => {
    if (!document.isConnected(connection)) return
    act(action)
    document.leave(connection, action === 'vanish')
  }
  onEditor('open', user, key)
  const ready = document.join(connection)
  return {
    key,
    user,
    ready,
    get connected() {
      return document.isConnected(connection)
    },
    get viewOnly() {
      return connection.viewOnly
    },
    get warnings() {
      return connection.warnings
    },
    type(text) {
      if (isRefused()) return 0
      act('edit')
      return document.type(connection, text)
    },
    get text() {
      return document.text
    },
    exchange(since, change) {
      if (change !== undefined) {
        if (isRefused()) throw outdated(key, user)
        act('edit')
      }
      return document.exchange(connection, since, change)
    },
    saveButton() {
      act('save-button')
      void document.forcesave({ type: FORCESAVE.button, user })
    },
    submitForm() {
      act('submit-form')
      void document.forcesave({ type: FORCESAVE.form, user })
    },
    close() {
      leave('close')
      return Promise.resolve()
    },
    vanish: () => leave('vanish'),
  }
}

const outdated = (key: string, user: string): Error =>
  new Error(
    `edit: the final save of ${key} was acknowledged a moment ago, so ${user} could only view it: open a new key, or set viewOnlyFor to 0`,
  )
