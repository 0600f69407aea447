import { sha256 } from './sha256.js'

/**
 * One save, one name (`settlement.md` 2): made of what stays the same when the Docs server sends a
 * save again, and of nothing that changes then (query, token, userdata). The path alone would not
 * do: its 4 digits can come up twice.
 */
export function saveName(save: {
  key: string
  status: number
  url?: string | undefined
  lastSave?: number | undefined
  history?: unknown
  /** Tells apart what the rest does not: failures, which have no `url`, and forgotten files. */
  mark?: string | undefined
}): string {
  const facts = [save.key, save.status, pathOf(save.url), save.lastSave, save.history, save.mark]
  // A letter in front: an id of digits only is not a legal BullMQ job id.
  return 's' + sha256(JSON.stringify(facts))
}

function pathOf(url: string | undefined): string | undefined {
  return url !== undefined && URL.canParse(url) ? new URL(url).pathname : url
}
