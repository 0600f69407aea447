/** What every call takes. */
export interface CallOptions {
  /** Ends the call at once; it rejects with the signal's reason. What was sent stays sent. */
  signal?: AbortSignal | undefined
  /**
   * The call's deadline in ms; Infinity for none. Default: the option `timeout` (60,000) for a forcesave,
   * `commandTimeout` (15,000) for the others, none for `outcome()` and `forgotten.recover()`.
   */
  timeout?: number | undefined
}
