/** Apart from `userdata.ts`, whose types the pages read: nothing of Node is in that. */
import { randomBytes } from 'node:crypto'

/** The id of a command: 16 random bytes in base64url, which cannot be guessed. */
export const newId = (): string => randomBytes(16).toString('base64url')
