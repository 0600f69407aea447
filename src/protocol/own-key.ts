/**
 * Document keys that this package makes: `<file>.<random>.<MAC>`. The file is its ref as it is, or `=` and the ref
 * in base64url, or `==` and a hash of a ref that is too long for a key. The MAC is made with the secret, so the key of
 * another application is never taken for one of ours.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { sha256 } from './sha256.js'

/** What a key of ours stands for. */
export type KeyOfFile = { readonly ref: string } | { readonly hash: string }

export interface OwnKeys {
  /** A new key for a file, never the same twice. */
  make(ref: string): string
  /** What this key stands for; undefined: it is not one of ours. */
  read(key: string): KeyOfFile | undefined
}

/** 8 random bytes and 12 bytes of MAC, in characters of base64url. */
const RANDOM = 8
const MAC_LENGTH = 16
const FORM = /^(.+)\.([\w-]{11})\.([\w-]{16})$/
/** What is left for the file of the 128 characters that a key may have. */
const LONGEST_FILE = 128 - 11 - MAC_LENGTH - 2
/** What can stand in a key as it is. */
const PLAIN = /^\w[\w.-]*$/

/** `secrets`: the first one makes keys, all of them are recognised; null when tokens are off. */
export function createOwnKeys(secrets: readonly string[] | null, prefix: string): OwnKeys {
  // Without a secret it tells our keys from those of others, and keeps nobody from making one.
  const keys = (secrets ?? ['']).map((secret) =>
    createHmac('sha256', secret).update(`koa-docs-callback key ${prefix}`).digest(),
  )
  const mac = (key: Buffer, text: string): string =>
    createHmac('sha256', key).update(text).digest('base64url').slice(0, MAC_LENGTH)

  return {
    make(ref) {
      const text = `${fileOf(ref)}.${randomBytes(RANDOM).toString('base64url')}`
      const [key] = keys
      if (key === undefined) throw new TypeError('no secret to make a key with')
      return `${text}.${mac(key, text)}`
    },
    read(key) {
      const [, file, random, signature] = FORM.exec(key) ?? []
      if (file === undefined || random === undefined || signature === undefined) return undefined
      const given = Buffer.from(signature)
      const isOurs = keys.some((one) =>
        timingSafeEqual(given, Buffer.from(mac(one, `${file}.${random}`))),
      )
      if (!isOurs) return undefined
      if (file.startsWith('==')) return { hash: file.slice(2) }
      if (!file.startsWith('=')) return { ref: file }
      return { ref: Buffer.from(file.slice(1), 'base64url').toString() }
    },
  }
}

function fileOf(ref: string): string {
  if (PLAIN.test(ref) && ref.length <= LONGEST_FILE) return ref
  const encoded = `=${Buffer.from(ref).toString('base64url')}`
  return encoded.length <= LONGEST_FILE ? encoded : `==${sha256(ref)}`
}
