/**
 * The versions of each document in a bucket: a folder for each with the file, the changes for the history panel, and
 * a `version.json`. That is written last, so a version is there whole or not at all.
 */
import {
  GetObjectCommand,
  paginateListObjectsV2,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import type { Download, Save } from '../../src/index.js'

export interface Version {
  /** From 1. */
  number: number
  /** The save's name: the same when the Docs server sends the same save again. */
  save: string
  /** The document key of the session that it was made in. */
  key: string
  filetype: string | undefined
  size: number
  sha256: string
  /** ISO 8601 */
  savedAt: string
  users: readonly string[]
  /** For the history panel, with the `changes.zip` beside it. */
  history: unknown
}

/** A part is held in memory until it is sent: so many at once, of so many bytes. */
const PARTS = 4
const PART_SIZE = 8 * 1024 * 1024

export class Versions {
  readonly #client: S3Client
  readonly #Bucket: string

  constructor(client: S3Client, bucket: string) {
    this.#client = client
    this.#Bucket = bucket
  }

  /** Oldest first. */
  async list(ref: string): Promise<Version[]> {
    const found: Version[] = []
    const query = { Bucket: this.#Bucket, Prefix: folderOf(ref) }
    for await (const { Contents = [] } of paginateListObjectsV2({ client: this.#client }, query)) {
      for (const { Key = '' } of Contents) {
        if (!Key.endsWith('/version.json')) continue
        const { Body } = await this.#client.send(
          new GetObjectCommand({ Bucket: this.#Bucket, Key }),
        )
        found.push(JSON.parse((await Body?.transformToString()) ?? '') as Version)
      }
    }
    return found.sort((one, other) => one.number - other.number)
  }

  /** Stores the next version. The saves of a key come one at a time, so nobody else takes its number. */
  async add(save: Save): Promise<Version> {
    const versions = await this.list(save.ref)
    // Sent again, because our answer was lost.
    const stored = versions.find((version) => version.save === save.id)
    if (stored !== undefined) return stored
    const number = (versions.at(-1)?.number ?? 0) + 1
    const folder = `${folderOf(save.ref)}${String(number).padStart(6, '0')}/`
    const file = await save.download()
    await this.#upload(`${folder}file`, file)
    if (save.changesUrl !== undefined) {
      await this.#upload(`${folder}changes.zip`, await save.downloadChanges())
    }
    const version: Version = {
      ...{ number, save: save.id, key: save.key, filetype: save.filetype },
      // Of the bytes that were uploaded: they were measured on their way.
      ...(await file.measured),
      ...{ savedAt: new Date().toISOString(), users: save.users, history: save.history },
    }
    const Body = JSON.stringify(version)
    const Key = `${folder}version.json`
    await this.#client.send(new PutObjectCommand({ Bucket: this.#Bucket, Key, Body }))
    return version
  }

  /** Rejects when the download breaks off: then nothing is left in the bucket. */
  async #upload(Key: string, { toNode, type }: Download): Promise<void> {
    await new Upload({
      client: this.#client,
      params: { Bucket: this.#Bucket, Key, Body: toNode(), ContentType: type },
      queueSize: PARTS,
      partSize: PART_SIZE,
    }).done()
  }
}

/** A ref may be any text: no `/` of it makes another folder. */
const folderOf = (ref: string): string => `${encodeURIComponent(ref)}/`
