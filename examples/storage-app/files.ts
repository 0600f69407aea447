/** The files on disk: a folder for each, with all its versions and a `file.json` that tells of them. */
import { createHash, randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { RejectSave, type KeysOption, type Save } from '../../src/index.js'
import { authorsOf, type Author } from './history.js'

export interface Version {
  number: number
  /** The save's name: the same when the Docs server sends the same save again. None: it came with the application. */
  save?: string
  size: number
  sha256: string
  /** ISO 8601 */
  savedAt: string
  /** What asked for it: `command`, `button`, `close` and so on. */
  trigger?: string
  authors: Author[]
}

export interface StoredFile {
  /** The name that the Docs server gets as `ref`: it stays when the file is renamed. */
  id: string
  name: string
  /** `txt`, say */
  type: string
  /** What `docs.open()` keeps of the file, as it is: for `Files.keys`. None: nobody has opened it. */
  opened?: string
  versions: [Version, ...Version[]]
}

const SEEDS: readonly [id: string, name: string, text: string][] = [
  [
    'welcome',
    'Welcome',
    'Welcome!\n\nOpen this page in a second window and type in both.\nThen press "Download latest".\n',
  ],
  ['meeting-notes', 'Meeting notes', 'Meeting notes\n\nPresent:\nAgenda:\n'],
]

export class Files {
  readonly #folder: string
  /** Who changes a `file.json`, or stores a version, waits for the one before. */
  readonly #turns = new Map<string, Promise<unknown>>()

  constructor(folder: string) {
    this.#folder = folder
  }

  /** Makes the folder, and a document or two where there is none. */
  async prepare(): Promise<void> {
    await mkdir(this.#folder, { recursive: true })
    if ((await this.list()).length > 0) return
    for (const [id, name, text] of SEEDS) {
      await mkdir(join(this.#folder, id), { recursive: true })
      const path = join(this.#folder, id, '1.txt')
      await writeDurably(path, text)
      const version = { number: 1, ...(await measure(path)), savedAt: now(), authors: [] }
      await this.#write({ id, name, type: 'txt', versions: [version] })
    }
  }

  async list(): Promise<StoredFile[]> {
    const names = await readdir(this.#folder)
    const files = await Promise.all(names.sort().map((id) => this.read(id)))
    return files.filter((file) => file !== undefined)
  }

  /** `id` may come from anywhere. */
  async read(id: string): Promise<StoredFile | undefined> {
    if (!/^[a-z0-9-]{1,64}$/.test(id)) return undefined
    try {
      return JSON.parse(await readFile(join(this.#folder, id, 'file.json'), 'utf8')) as StoredFile
    } catch (error) {
      if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? ''))
        return undefined
      throw error
    }
  }

  path({ id, type }: StoredFile, { number }: Pick<Version, 'number'>): string {
    return join(this.#folder, id, `${number}.${type}`)
  }

  /** For the option `keys`: with it, people meet in one session after a restart, too. */
  readonly keys: KeysOption = {
    get: async (ref) => (await this.read(ref))?.opened,
    set: (ref, opened, before) =>
      this.#inTurn(ref, async () => {
        const file = await this.read(ref)
        // Of a file that is gone there is nothing to keep: `add()` then says so.
        if (file === undefined) return true
        // Only if it is still what it was: two may open a file at once.
        if (file.opened !== before) return false
        await this.#write({ ...file, opened })
        return true
      }),
  }

  /**
   * Stores what `save` has as the file's next version. When this resolves, it is on disk.
   *
   * @throws RejectSave when there is no such file: then no other attempt can succeed either
   */
  async add(save: Save): Promise<Version> {
    // A turn of its own: nobody who opens the file waits for a download.
    return this.#inTurn(`versions of ${save.ref}`, async () => {
      const file = await this.read(save.ref)
      if (file === undefined) throw new RejectSave('there is no such file')
      // After a restart nothing else remembers that this very save is stored, and by now it may be the older one.
      const stored = file.versions.find((version) => version.save === save.id)
      return stored ?? (await this.#store(file, save))
    })
  }

  /** Puts the file of `save` on disk and into the list of versions. */
  async #store(file: StoredFile, save: Save): Promise<Version> {
    const number = file.versions.length + 1
    const path = this.path(file, { number })
    const measured = await save.downloadTo(path)
    const version: Version = {
      ...{ number, save: save.id, trigger: save.trigger },
      ...measured,
      savedAt: now(),
      authors: authorsOf(save),
    }
    const last = latest(file)
    if (last.sha256 === version.sha256) {
      // The final save after a forced one mostly holds nothing else.
      await rm(path)
      return last
    }
    await this.#inTurn(file.id, async () => {
      // What is kept of its key may have changed meanwhile.
      const { versions, ...now } = (await this.read(file.id)) ?? file
      await this.#write({ ...now, versions: [...versions, version] })
    })
    return version
  }

  async #write(file: StoredFile): Promise<void> {
    await writeDurably(join(this.#folder, file.id, 'file.json'), JSON.stringify(file, null, 2))
  }

  async #inTurn<T>(id: string, work: () => Promise<T>): Promise<T> {
    const turn = (this.#turns.get(id) ?? Promise.resolve()).then(work)
    const ended = turn.then(
      () => {},
      () => {},
    )
    this.#turns.set(id, ended)
    return turn
  }
}

export const latest = ({ versions }: StoredFile): Version => versions.at(-1) ?? versions[0]

const now = (): string => new Date().toISOString()

async function measure(path: string): Promise<Pick<Version, 'size' | 'sha256'>> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer)
  return { size: (await stat(path)).size, sha256: hash.digest('hex') }
}

/** All of it or nothing, and still there after a power cut; as `save.downloadTo()` does. */
async function writeDurably(path: string, text: string): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.part`
  const file = await open(temporary, 'wx')
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(temporary, path)
  const folder = await open(join(path, '..'))
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
