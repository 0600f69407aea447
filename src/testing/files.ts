/** The files behind the links: conversion results and forgotten files, and who may fetch them. */
import { createHash } from 'node:crypto'
import type { Clock } from '../clock.js'
import { editsOf, fileOf, filetypeOf, newEdits, type Snapshot } from './content.js'

/** How long a link is good for, in seconds (docs-server.md "Callbacks"). */
const LINK_LIFETIME = 15 * 60
const ROOT = '/cache/files'

/** What a request for a link is answered: the bytes, or the HTTP status that refuses it. */
export type Fetched = { status: 200; bytes: Uint8Array } | { status: 403 | 404 }

export class Files {
  readonly #clock: Clock
  readonly #random: () => number
  /** Scheme, host and port of the links. */
  origin: string
  /** Bytes are made when they are asked for: most links of a simulation are never followed. */
  readonly #files = new Map<string, () => Uint8Array>()
  /** Where the forgotten file of a key is. */
  readonly #forgotten = new Map<string, string>()
  /** Folders whose save is not settled yet. */
  readonly #live = new Set<string>()
  /** Signed links by `md5`: until when each is good, in seconds since the epoch, and for what. */
  readonly #links = new Map<string, { path: string; expires: number }>()
  #signed = 0

  constructor(clock: Clock, random: () => number, origin: string) {
    this.#clock = clock
    this.#random = random
    this.origin = origin
  }

  /**
   * Keeps a conversion's result. Answers its folder, which names that conversion:
   * `/cache/files/data/<key>_<up to 4 digits>` (`test/wire/replay-after-error-reply.jsonl`: `_43`).
   */
  store(key: string, snapshot: Snapshot): string {
    let digits = Math.floor(this.#random() * 10_000)
    // Digits can come up twice, but an unsettled save's link must not change its content.
    while (this.#live.has(folderOf(key, digits))) digits = (digits + 1) % 10_000
    const folder = folderOf(key, digits)
    this.#live.add(folder)
    this.#files.set(output(folder, snapshot), () => fileOf(editsOf(snapshot), snapshot.file))
    this.#files.set(`${folder}/changes.zip/changes.zip`, () =>
      fileOf(newEdits(snapshot), undefined),
    )
    this.#files.set(`${folder}/formsdata.json/formsdata.json`, () => formsData(snapshot))
    return folder
  }

  /** The save is settled: its digits may come up again. Until then its links go on working. */
  release(folder: string | undefined): void {
    if (folder !== undefined) this.#live.delete(folder)
  }

  /** Keeps a file that nobody took (`test/wire/final-save-forgotten-after-error-reply.jsonl`). */
  storeForgotten(key: string, snapshot: Snapshot): void {
    this.deleteForgotten(key)
    const path = output(forgottenFolder(key), snapshot)
    this.#forgotten.set(key, path)
    this.#files.set(path, () => fileOf(editsOf(snapshot), snapshot.file))
  }

  deleteForgotten(key: string): void {
    const path = this.#forgotten.get(key)
    if (path !== undefined) this.#files.delete(path)
    this.#forgotten.delete(key)
  }

  /** The link to a file that `storeForgotten` has kept. */
  forgottenLink(key: string): string {
    return this.#sign(this.#forgotten.get(key) ?? `${forgottenFolder(key)}/output.docx/output.docx`)
  }

  /** A fresh link to a conversion's result. */
  resultLink(folder: string, snapshot: Snapshot): string {
    return this.#sign(output(folder, snapshot))
  }

  /** A fresh link to a file of that folder: the path stays, the query is new every time. */
  link(folder: string, filename: string): string {
    return this.#sign(`${folder}/${filename}/${filename}`)
  }

  #sign(path: string): string {
    const filename = path.slice(path.lastIndexOf('/') + 1)
    const expires = Math.ceil(this.#clock.now() / 1000) + LINK_LIFETIME
    const md5 = createHash('md5').update(`${path} ${this.#signed++}`).digest('base64url')
    this.#links.set(md5, { path, expires })
    return `${this.origin}${path}?md5=${md5}&expires=${expires}&filename=${filename}`
  }

  /** The bytes at a path or URL, whatever its signature. */
  bytes(pathOrUrl: string): Uint8Array | undefined {
    return this.#files.get(new URL(pathOrUrl, 'http://docs').pathname)?.()
  }

  /** What a GET of this path and query is answered. */
  fetch(pathAndQuery: string): Fetched {
    const url = new URL(pathAndQuery, 'http://docs')
    const make = this.#files.get(url.pathname)
    if (make === undefined) return { status: 404 }
    const link = this.#links.get(url.searchParams.get('md5') ?? '')
    const genuine =
      link?.path === url.pathname && String(link.expires) === url.searchParams.get('expires')
    if (!genuine || this.#clock.now() > link.expires * 1000) return { status: 403 }
    return { status: 200, bytes: make() }
  }
}

function folderOf(key: string, digits: number): string {
  return `${ROOT}/data/${key}_${digits}`
}

function forgottenFolder(key: string): string {
  return `${ROOT}/forgotten/${key}`
}

function output(folder: string, snapshot: Snapshot): string {
  const filename = `output.${filetypeOf(snapshot)}`
  return `${folder}/${filename}/${filename}`
}

/** The data of a submitted form: its fields here are the edits. */
function formsData(snapshot: Snapshot): Uint8Array {
  const fields = editsOf(snapshot).map(({ number, text }) => ({
    key: `field${number}`,
    tag: '',
    value: text,
    type: 'text',
  }))
  return new TextEncoder().encode(JSON.stringify(fields))
}
