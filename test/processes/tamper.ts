/** Ways to spoil a good record, one for each invariant, to see that its check can fail. */
import type { RunRecord, Violation } from './history.js'
import type { Entry } from './storage.js'

export const tamperings: Record<Violation['invariant'], (run: RunRecord) => RunRecord> = {
  // The file that a call was told of lacks an edit.
  I1: (run) => {
    const call = run.calls.find(({ end, edits }) => end === 'saved' && edits > 1)
    const without = (entry: Entry): Entry => ({ ...entry, edits: entry.edits?.slice(0, -1) ?? [] })
    return withHistory(run, call?.key, (history) => history.map(without))
  },
  I2: (run) => withCall(run, ({ began, timeout }) => ({ ended: began + timeout + 60_000 })),
  I3: (run) => withHistory(run, run.finals.at(0)?.key, () => []),
  I4: (run) =>
    withHistory(run, keyWith(run, 2), (history) => {
      const [first] = history.filter(({ edits }) => edits !== undefined)
      return first === undefined ? history : [...history, { ...first, order: 'newest' }]
    }),
  I5: (run) =>
    withHistory(run, keyWith(run, 1), (history) => {
      const [first] = history
      return first === undefined ? history : [first, { ...first, pid: -1 }, ...history.slice(1)]
    }),
  I6: (run) => withCall(run, () => ({ toldUserdata: 'of another call' })),
  I7: (run) => ({ ...run, lasting: ['a key'] }),
  accepted: (run) => ({
    ...run,
    attacks: [...run.attacks, { kind: 'unsigned', at: 0, key: '', replay: false, status: 200 }],
  }),
  'not sent': (run) =>
    withHistory(run, keyWith(run, 1), (history) =>
      history.map((entry) => ({ ...entry, ref: 'another file' })),
    ),
}

/** A key of which at least so many different contents were stored. */
function keyWith({ histories }: RunRecord, contents: number): string | undefined {
  const differing = ([, history]: [string, Entry[]]): boolean =>
    new Set(history.flatMap(({ edits }) => (edits === undefined ? [] : [edits.length]))).size >=
    contents
  return [...histories].find(differing)?.[0]
}

function withHistory(
  run: RunRecord,
  key: string | undefined,
  change: (history: Entry[]) => Entry[],
): RunRecord {
  if (key === undefined) throw new Error('nothing in this run can be tampered with')
  const histories = new Map(run.histories)
  histories.set(key, change(histories.get(key) ?? []))
  return { ...run, histories }
}

function withCall(
  run: RunRecord,
  change: (call: RunRecord['calls'][number]) => Partial<RunRecord['calls'][number]>,
): RunRecord {
  const index = run.calls.findIndex(({ end }) => end === 'saved')
  const call = run.calls[index]
  if (call === undefined) throw new Error('no call of this run was saved')
  return { ...run, calls: run.calls.with(index, { ...call, ...change(call) }) }
}
