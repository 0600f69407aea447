/** Exit codes, the same for every command: scripts rest on them (`docs/reference.md`, "At the shell"). */

/** What was asked is done, and certain. */
export const DONE = 0
/** Something failed. */
export const FAILED = 1
/** The arguments or options are wrong; nothing was done. */
export const WRONG_USAGE = 2
/** Nothing failed, but not everything is proven, or something is left. */
export const NOT_CERTAIN = 3
