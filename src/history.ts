/** What the editor's history panel wants, made from the versions that an application has stored. */
import { checkKey } from './arguments.js'
import { isRecord } from './check.js'
import { badOption } from './errors.js'
import type { Claims } from './protocol/token.js'

/** A version of a file, as the application has stored it. */
export interface StoredVersion {
  /** Its number; higher is newer. */
  version: number
  /**
   * A document key that no other version has, since the editor keeps contents by it: `save.id`, for example. The key of
   * a session is that of several versions, wherever saves were forced.
   */
  key: string
  /** When it was stored. A `Date` is shown in UTC, a string as it is. */
  created: Date | string
  /** `docx`, for example. */
  fileType: string
  /** Where the editor in the browser gets the file. */
  url: string
  /** Where it gets what `save.downloadChanges()` gave. Without it no changes are marked. */
  changesUrl?: string | undefined
  /** `save.history`, as it was. */
  history?: unknown
  /** Who made it. Left out: who made the last of its changes. */
  user?: { id?: string | undefined; name?: string | undefined } | undefined
}

/** For the history panel of the editor. */
export interface History {
  /** For `editor.refreshHistory()`, in `onRequestHistory`. */
  list: { currentVersion: number; history: Record<string, unknown>[] }
  /**
   * For `editor.setHistoryData()`, in `onRequestHistoryData`: that of the version that the event names, with its token if
   * tokens are on.
   *
   * @throws DocsError `BAD_OPTION` for a version that is not there
   */
  data: (version: number) => Record<string, unknown>
}

/** `sign`: undefined where tokens are off. */
export function createHistory(
  sign: ((claims: Claims) => string) | undefined,
): (versions: readonly StoredVersion[]) => History {
  return (versions) => {
    const sorted = [...versions].sort((one, other) => one.version - other.version)
    checkVersions(sorted)
    return {
      list: { currentVersion: sorted.at(-1)?.version ?? 0, history: sorted.map(entryOf) },
      data(version) {
        const index = sorted.findIndex((one) => one.version === version)
        const found = sorted[index]
        if (found === undefined) {
          throw badOption('version', version, 'give the number of one of the versions')
        }
        const { key, fileType, url, changesUrl } = found
        const previous = sorted[index - 1]
        const claims = {
          ...{ version, key, fileType, url },
          // Changes are marked against the version before.
          ...(previous !== undefined && {
            previous: { key: previous.key, fileType: previous.fileType, url: previous.url },
            ...(changesUrl !== undefined && { changesUrl }),
          }),
        }
        return sign === undefined ? claims : { ...claims, token: sign(claims) }
      },
    }
  }
}

function checkVersions(versions: readonly StoredVersion[]): void {
  for (const [index, { version, key }] of versions.entries()) {
    checkKey(key, 'versions.key')
    const others = versions.slice(0, index)
    if (others.some((other) => other.version === version)) {
      throw badOption('versions.version', version, 'two versions have this number')
    }
    if (others.some((other) => other.key === key)) {
      throw badOption('versions.key', key, 'two versions have it; save.id is one for each')
    }
  }
}

function entryOf({ version, key, created, history, user }: StoredVersion): Record<string, unknown> {
  const { changes: given, serverVersion } = isRecord(history) ? history : {}
  const changes: unknown[] = Array.isArray(given) ? given : []
  const last = changes.at(-1)
  const author = user ?? (isRecord(last) ? last['user'] : undefined)
  return {
    ...{ version, key, created: created instanceof Date ? timeOf(created) : created },
    ...(author !== undefined && { user: author }),
    ...(changes.length > 0 && { changes }),
    ...(serverVersion !== undefined && { serverVersion }),
  }
}

/** `2026-11-22 09:30:00`, in UTC: the form that the Docs server has for changes. */
const timeOf = (date: Date): string => date.toISOString().slice(0, 19).replace('T', ' ')
