/** What every call takes. */
export interface CallOptions {
  /** Ends the call at once; it rejects with the signal's reason. What was sent stays sent. */
  signal?: AbortSignal | undefined
  /** The call's deadline in ms. Default: 60 s for a forcesave, 15 s for the others; Infinity for none. */
  timeout?: number | undefined
}
