/**
 * Where a random test begins. `SEED=123 npm test` replays a run. In CI it is always the same place, so that
 * what turns red there is the change; everywhere else it is a new one.
 */
export const firstSeed = (): number =>
  Number(
    process.env['SEED'] ?? (process.env['CI'] === 'true' ? 1 : Math.floor(Math.random() * 2 ** 31)),
  )
