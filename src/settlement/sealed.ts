/** Whether a key can still be edited by whoever opens it. */
import type { DocumentState } from './state.js'

/**
 * The last word about the key is a final save that is stored, and nobody has come or left since it arrived. Whoever opens
 * the key for some minutes after that can only view it (`docs-server.md`, "Seen since"). If somebody was there when the
 * save was acknowledged, the key can be edited on, though everything is acknowledged.
 */
export function isSealed({ saves, cameOrLeft = 0 }: DocumentState): boolean {
  const last = saves.findLast(({ trigger }) => trigger !== 'forgotten')
  if (last?.status !== 2 || last.phase !== 'stored' || last.turn <= cameOrLeft) return false
  return saves.every(({ lastTurn, name }) => name === last.name || lastTurn < last.lastTurn)
}
