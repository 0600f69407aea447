/**
 * A document key as the Docs server takes it: `[0-9A-Za-z._=-]`, 1 to 128 characters.
 * `.` and `..` are in that alphabet and mean a folder where a key becomes part of a path: never a key.
 */
const KEY = /^[0-9A-Za-z._=-]{1,128}$/

export const KEY_RULE = '1 to 128 characters of 0-9 A-Z a-z . _ = -, and not "." or ".."'

export function isKey(value: unknown): value is string {
  return typeof value === 'string' && KEY.test(value) && value !== '.' && value !== '..'
}
