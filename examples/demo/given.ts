/** Recordings that somebody has given, played against the mounted middleware: nobody expects a verdict. */
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { playOurs } from '../../test/support/ours.js'
import { recordingIn } from '../../test/support/recording.js'
import { verdictOf } from '../../test/support/verdicts-of.js'
import { cameBy, line, ruleIn, verdictWords } from './table.js'

/** Plays them with the options that were recorded, and answers whether every call has ended. */
export async function playGiven(
  files: readonly string[],
  print: (text: string) => void,
): Promise<boolean> {
  let hangs = 0
  for (const file of files) {
    const recording = recordingIn(basename(file, '.jsonl'), readFileSync(file, 'utf8'))
    const played = await playOurs(recording, recording.options)
    print(`${recording.name}: ${recording.note}`)
    print('')
    print(line(['document', 'answer', 'came by callback', 'verdict', 'rule']))
    for (const command of played.commands) {
      const { recorded, answer, end } = command
      if (recorded.c !== 'forcesave' && recorded.c !== 'info') continue
      if (end === undefined) hangs += 1
      const verdict = end === undefined ? undefined : verdictOf(command, played)
      print(
        line([
          recorded.c === 'info' ? `${recorded.key ?? ''} (info)` : (recorded.key ?? ''),
          String(answer ?? 'none'),
          cameBy(played, command),
          verdict === undefined ? 'it never ended' : verdictWords(verdict),
          verdict === undefined ? '' : ruleIn(verdict),
        ]),
      )
    }
    print('')
  }
  return hangs === 0
}
