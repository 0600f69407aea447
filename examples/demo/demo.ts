/**
 * `npm run demo`: the recorded conversations of a real Docs server, played against the mounted
 * middleware and against the obvious hand-written way, and then a live run. Ends with 1 when a
 * verdict is not the one in `test/support/wire-verdicts.ts`.
 *
 * `npm run demo -- file.jsonl` plays recordings that were given instead, those that `docs.inspector()` has made
 * for instance, and prints each verdict. Ends with 1 when a call never ends.
 *
 * `GRACE=200 npm run demo` plays them with another grace period, in ms; some verdicts are others then.
 */
import { playOurs } from '../../test/support/ours.js'
import { recordings, type Recording } from '../../test/support/recording.js'
import { verdictOf } from '../../test/support/verdicts-of.js'
import { expectedVerdicts } from '../../test/support/wire-verdicts.js'
import { playGiven } from './given.js'
import { playByHand } from './by-hand-player.js'
import { live } from './live.js'
import { byHandWords, cameBy, line, mark, title, verdictWords, type Mark } from './table.js'

const { GRACE } = process.env
const options = GRACE === undefined ? {} : { grace: Number(GRACE) }
const print = (text: string): void => console.log(text)

const files = process.argv.slice(2)
if (files.length > 0) process.exit((await playGiven(files, print)) ? 0 : 1)

const ours: Mark[] = []
const byHand: Mark[] = []
let wrong = 0

async function show(recording: Recording): Promise<void> {
  const { name } = recording
  const played = await playOurs(recording, options)
  const handMade = await playByHand(recording)
  print(title(recording))
  for (const command of played.commands) {
    const { id, recorded } = command
    if (recorded.c !== 'forcesave') continue
    const row = expectedVerdicts.find((one) => one.recording === name && one.command === id)
    const other = handMade.commands.find((one) => one.id === id)
    if (row === undefined || other === undefined) throw new Error(`${name}: command ${id} is new`)
    const verdict = verdictOf(command, played)
    ours.push(mark(command))
    byHand.push(mark(other))
    print(
      line([
        row.situation,
        String(command.answer),
        cameBy(played, command),
        verdictWords(verdict),
        byHandWords(other, command),
      ]),
    )
    if (verdict === row.verdict) continue
    wrong += 1
    print(`    WRONG: expected is ${row.verdict}`)
    print(`           and not     ${verdict}`)
  }
  print('')
}

function summary(name: string, marks: readonly Mark[]): string {
  const count = (wanted: Mark): number => marks.filter((one) => one === wanted).length
  return `  ${name.padEnd(18)} ${count('false')} false confirmations, ${count('hangs')} hangs`
}

print('Recorded conversations of a real Docs server, one line for each forcesave(key)')
print('')
print(line(['situation', 'answer', 'came by callback', 'koa-docs-callback', 'by hand']))
print(`  ${'─'.repeat(116)}`)
for (const recording of recordings) {
  const asks = recording.entries.some(
    (entry) => entry.type === 'command' && entry.body.c === 'forcesave',
  )
  if (asks) await show(recording)
}
print(
  'answer            of the Docs server: 0 accepted, 1 unknown key, 3 internal, 4 nothing to save',
)
print(
  'came by callback  before our verdict: status (2 final save, 6 forced save; 3 and 7: it failed)',
)
print('                  and the userdata that was recorded with it')
print('by hand           a map of promises by userdata, see examples/demo/by-hand.ts')
print('✗ FALSE           it says that all is well, while what was typed is not stored')
print('')
print(`${ours.length} forcesaves`)
print(summary('koa-docs-callback', ours))
print(summary('by hand', byHand))
print('')
print('Live: the simulated Docs server of koa-docs-callback/testing, real HTTP, real time')
const stored = await live(print)
print('')
if (wrong > 0) print(`${wrong} verdicts are not those of test/support/wire-verdicts.ts`)
if (!stored) print('the live run did not store what was typed')
if (wrong > 0 || !stored || ours.some((one) => one !== 'right')) process.exitCode = 1
else print('every verdict is the expected one')
