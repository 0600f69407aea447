import { hash } from 'node:crypto'

/** What stands for a text that is too long, or whose characters do not fit: its SHA-256 in base64url. */
export const sha256 = (text: string): string => hash('sha256', text, 'base64url')
