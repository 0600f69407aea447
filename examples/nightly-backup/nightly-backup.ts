/**
 * Before a backup: everything that is being edited is saved, so that the copy has it. A process of its
 * own beside the application of `../multi-process`, whose Redis and settings it shares, for cron:
 *
 *     0 3 * * *  cd /srv/files-app; node --import tsx examples/nightly-backup/nightly-backup.ts; restic backup files
 *
 * Exit code 0: all of it is stored, but what is counted as uncertain is not proven to be. 1: some of it is not, and
 * the last lines say what and why. 130: it was interrupted. With `;` the backup is made in any case, with
 * `&&` only without a failure.
 */
import { createDocs } from '../../src/index.js'
import { options } from '../multi-process/settings.js'
import { showProgress } from './progress.js'

// The callbacks go to the web processes and the files to the workers; the verdicts come here by Redis.
const docs = createDocs({ ...options, worker: false })

const stop = new AbortController()
// By the second one the process ends at once.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => stop.abort())

const counts = { saved: 0, unchanged: 0, uncertain: 0 }
const failed: string[] = []
const progress = showProgress(process.stdout)
try {
  const all = docs.forcesaveAll({ timeout: 120_000, signal: stop.signal })
  for await (const { key, result, error, done, total } of all) {
    if (error !== undefined) failed.push(`${key}: ${error.code}, ${error.message}`)
    else counts[result.certain ? result.outcome : 'uncertain'] += 1
    const verdict = error === undefined ? result.outcome : error.code
    progress.tell(done, total ?? done, `${key}: ${verdict}`)
  }
} catch (error) {
  // The loop itself ends early: interrupted, or nobody knows what is open (Redis is away).
  if (!stop.signal.aborted) failed.push(String(error))
} finally {
  progress.end()
  await docs.close()
}

const { saved, unchanged, uncertain } = counts
console.log(
  `${saved} saved, ${unchanged} unchanged, ${uncertain} uncertain, ${failed.length} failed`,
)
for (const line of failed) console.error(line)
if (stop.signal.aborted) console.error('interrupted: what is missing was not saved')
process.exitCode = stop.signal.aborted ? 130 : failed.length > 0 ? 1 : 0
