/**
 * A Docs server for tests, in this process: it behaves as `docs/docs-server.md` says, wart for wart. Its
 * sources are the recordings in `test/wire`.
 * @module koa-docs-callback/testing
 */
export type { Clock } from '../clock.js'
export type { CommandResponse } from '../protocol/command.js'
export type { CallbackBody } from './callbacks.js'
export type { Chances } from './chances.js'
export { virtualClock, type VirtualClock } from './clock.js'
export { editsIn, type TextFile } from './content.js'
export type { Conversion, ConversionJob } from './converter.js'
export {
  createCore,
  type Core,
  type CoreOptions,
  type Deliver,
  type OpenOptions,
  type Outgoing,
  type Simulation,
  type SimulationOptions,
} from './core.js'
export { startDocsServer, type DocsServer, type DocsServerOptions } from './docs-server.js'
export type { Editor, EditorAction, OnEditor } from './editor.js'
export type { Fetched } from './files.js'
export type { LogEntry, LogMessage } from './log.js'
export type { Pause } from './outage.js'
export type { Reply } from './reply.js'
export type { Change } from './text.js'
