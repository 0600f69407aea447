/** Bytes that a process has allocated, by what V8 tells of its collections (`--trace-gc`). */

/** `23.1 (41.0) -> 20.5 (41.2) MB`: in use before and after one. */
const SIZES = /: \S+(?: \S+)* ([\d.]+) \([\d.]+\) -> ([\d.]+) \([\d.]+\) MB/

/** What was allocated from the first collection in `trace` to the last one. */
export function allocatedIn(trace: string): number {
  let megabytes = 0
  let left: number | undefined
  for (const line of trace.split('\n')) {
    const [, before, after] = SIZES.exec(line) ?? []
    if (before === undefined || after === undefined) continue
    if (left !== undefined) megabytes += Math.max(Number(before) - left, 0)
    left = Number(after)
  }
  return megabytes * 1024 * 1024
}
