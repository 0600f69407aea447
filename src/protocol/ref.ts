/**
 * The application's own name for a file, signed into the callback URL, so that a callback cannot be
 * sent for another file. Form: `<ref in base64url>.<HMAC-SHA256 in base64url>`.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'

export interface RefSigner {
  sign(ref: string): string
  /** The ref, or undefined when it is not one that `sign` made. */
  verify(signed: string): string | undefined
}

/** Refs are kept in the ledger: bounded, in characters. */
export const MAX_REF = 1024
/** How many of the signed refs that came last are remembered, so as not to be verified again. */
const MAX_GENUINE = 1_000

/**
 * `secrets`: the first signs, all verify; null when tokens are off and nothing can be signed.
 * `prefix` is part of what is signed: two applications with one secret never meet.
 */
export function createRefSigner(secrets: readonly string[] | null, prefix: string): RefSigner {
  // In base64url even so: a ref like `..` would be lost in a URL.
  if (secrets === null) return { sign: encode, verify: decode }
  // A key of its own, so that no signature of a ref is ever one of a token.
  const keys = secrets.map((secret) =>
    createHmac('sha256', secret).update(`koa-docs-callback ref ${prefix}`).digest(),
  )
  const mac = (key: Buffer, text: string): string =>
    createHmac('sha256', key).update(text).digest('base64url')
  // Only what was found to be genuine: what a stranger sends is not kept.
  const genuine = new Map<string, string>()
  return {
    sign(ref) {
      const text = encode(ref)
      const [key] = keys
      if (key === undefined) throw new TypeError('no secret to sign a ref with')
      return `${text}.${mac(key, text)}`
    },
    verify(signed) {
      const known = genuine.get(signed)
      if (known !== undefined) return known
      const [text, signature, ...rest] = signed.split('.')
      if (text === undefined || signature === undefined || rest.length > 0) return undefined
      // As text: the same bytes can be written in other ways, and a URL has one form only.
      const given = Buffer.from(signature)
      const isGenuine = keys.some((key) => {
        const expected = Buffer.from(mac(key, text))
        return given.length === expected.length && timingSafeEqual(given, expected)
      })
      if (!isGenuine) return undefined
      const ref = decode(text)
      const [oldest] = genuine.keys()
      if (genuine.size === MAX_GENUINE && oldest !== undefined) genuine.delete(oldest)
      if (ref.length <= MAX_REF) genuine.set(signed, ref)
      return ref
    },
  }
}

const encode = (ref: string): string => Buffer.from(ref).toString('base64url')
const decode = (text: string): string => Buffer.from(text, 'base64url').toString()
