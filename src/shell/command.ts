/** What every command is made of. */
import type { Docs } from '../api.js'
import type { Output } from './output.js'
import type { Settings, Takes } from './settings.js'

export interface Command extends Takes {
  /** One line for the list of commands. */
  summary: string
  /** What `--help` says beside the options that all commands have. */
  usage: string
  run: (work: Work) => Promise<Done>
}

export interface Work {
  docs: Docs
  settings: Settings
  output: Output
}

export interface Done {
  /** See `exit.ts`. */
  exit: number
  /** What the JSON document holds beside `command` and `exit`. */
  document: object
}
