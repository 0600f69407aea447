/** The option `prefix`: it is a part of names in Redis, of userdata, and of what a ref is signed for. */
export const DEFAULT_PREFIX = 'docs'
export const PREFIX_RULE = 'allowed are 1 to 32 characters of 0-9 A-Z a-z _ -'

export const isPrefix = (given: unknown): given is string =>
  typeof given === 'string' && /^[0-9A-Za-z_-]{1,32}$/.test(given)
