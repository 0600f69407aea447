/** Runs one command from its arguments to its exit code. */
import { isDocsError } from '../errors.js'
import type { Environment } from './arguments.js'
import { openClient } from './client.js'
import type { Command, Done } from './command.js'
import { DONE, FAILED } from './exit.js'
import { createOutput, write } from './output.js'
import { readSettings, type Settings } from './settings.js'
import { usageOf } from './usage.js'
import { plain, wordsForError } from './words.js'

/** Resolves with the exit code. @throws UsageError */
export async function runCommand(
  command: Command,
  args: readonly string[],
  environment: Environment,
): Promise<number> {
  const settings = await readSettings(command, args, environment)
  if (settings === undefined) {
    await write(process.stdout, usageOf(command))
    return DONE
  }
  const output = createOutput(settings.json)
  try {
    const { exit, document } = await perform(command, settings)
    await output.document({ command: command.name, exit, ...document })
    return exit
  } catch (error) {
    if (!isDocsError(error)) throw error
    if (!settings.json) await write(process.stderr, `${wordsForError(error)}\n`)
    await output.document({ command: command.name, exit: FAILED, error: plain(error) })
    return FAILED
  }

  async function perform(command: Command, settings: Settings): Promise<Done> {
    const docs = await openClient(command, settings)
    try {
      return await command.run({ docs, settings, output })
    } finally {
      await docs.close()
    }
  }
}
