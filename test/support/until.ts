/** Waiting for a state, in real time. */
import assert from 'node:assert/strict'

/** Resolves when `condition` holds; the limit is against hangs only. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what = 'it never happened',
  limitMs = 120_000,
): Promise<void> {
  const end = Date.now() + limitMs
  while (!(await condition())) {
    assert.ok(Date.now() < end, what)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
