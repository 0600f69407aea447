/**
 * Where a random test begins. It is always the same place, so that what turns red is the change. `SEED=123 npm test`
 * begins elsewhere; `npm run schedules`, `openings` and `fuzz` begin at a new place each time.
 */
export const firstSeed = (): number => Number(process.env['SEED'] ?? 1)
