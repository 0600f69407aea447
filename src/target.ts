/** Which document a call is about. */

/** Its document key, or the file that `docs.open()` was called for: then it is about the file's current key. */
export type Target =
  | string
  | {
      /** The application's name for the file. */
      readonly ref: string
    }
