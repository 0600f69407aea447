/** What a save costs on one busy key, and on a key that remembers many saves, beside one that does not. */
import type { Row, Sample } from './row.js'
import { median, type Documents, type Load } from './statistics.js'

/** CPU of the application per save, ms, and the ratio to the first of them in the same round. */
export interface Beside {
  on: Documents
  cpu: number
  ratio: number
}

export interface OnDocuments {
  name: string
  /** 256 calls at once: 256 keys, one key, one key where each sends a forcesave of its own. */
  hot: Beside[]
  /** 8 at once: new keys, keys that remember 64 saves. */
  remembered: Beside[]
}

export const REMEMBERED_SAVES = 64

export async function onDocuments(row: Row, repeats: number, ms: number): Promise<OnDocuments> {
  const many = { lanes: 256, ms }
  const few = { lanes: 8, ms }
  await row.load({ ...few, on: 'remembered', remember: REMEMBERED_SAVES })
  return {
    name: row.name,
    hot: await inTurn(row, repeats, many, ['few', 'one', 'one, each its own']),
    remembered: await inTurn(row, repeats, few, ['new', 'remembered']),
  }
}

async function inTurn(
  row: Row,
  repeats: number,
  load: Load,
  kinds: readonly Documents[],
): Promise<Beside[]> {
  const rounds: Sample[][] = []
  // The first round warms up.
  for (let repeat = 0; repeat <= repeats; repeat += 1) {
    const round: Sample[] = []
    for (const on of kinds) round.push(await row.load({ ...load, on }))
    if (repeat > 0) rounds.push(round)
  }
  return kinds.map((on, index) => ({
    on,
    cpu: median(rounds.map((round) => round[index]?.cpu ?? NaN)),
    ratio: median(rounds.map((round) => (round[index]?.cpu ?? NaN) / (round[0]?.cpu ?? NaN))),
  }))
}
