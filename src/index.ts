/**
 * What `import … from 'koa-docs-callback'` gives: `createDocs()`, its errors, and the types of all that goes in and out.
 *
 * Times are milliseconds and lengths bytes unless said otherwise. `key` is always the document key, `ref`
 * the application's name for the file, `users` are ids.
 * @module koa-docs-callback
 */
export { createDocs } from './docs.js'
export type { CallOptions } from './call-options.js'
export type { RedisOption } from './backends/backend.js'
export type { Docs, ForcesaveOptions, License, OpenOptions, StartedForcesave } from './api.js'
export type { Target } from './target.js'
export type { EditorConfig, SignedEditorConfig } from './editor-config.js'
export type { OpenConfig, OpenedConfig } from './opening/config.js'
export type { DocsOptions } from './options.js'
export type { ForcesaveResult, InfoResult } from './results.js'
export type { ForcesaveAllItem, ForcesaveAllOptions } from './sessions/forcesave-all.js'
export type { Session } from './sessions/sessions.js'
export type { Forgotten, RecoverOptions, Recovery, RecoveryResult } from './recovery/forgotten.js'
export type { KeysOption } from './keys/app-store.js'
export type { RefOf } from './recovery/recover.js'
export type { CallbackReply, CallbackRequest, FailedConversion } from './receiver/receive.js'
export type { AsJson } from './saves/as-json.js'
export type { OnSave } from './saves/runner.js'
export type { Save } from './saves/save.js'
export type { Download } from './client/download.js'
export type { Doubt, Order, Trigger } from './settlement/state.js'
export type { RejectCode } from './protocol/reject-code.js'
export type { Action, SaveStatus } from './protocol/callback.js'
export type { CommandMethod, CommandName } from './protocol/command.js'
export type { Algorithm, TokenOptions } from './protocol/token.js'
export type { DocsEvents, Listener, Logger, Outcome } from './events.js'
export type { InspectorOptions } from './inspector/koa.js'
export type { CountedReply, CountedStatus, Counts, DocsStats } from './stats.js'
export type { DurationStats } from './histogram.js'
export type { CallbackTrace, CommandTrace, SaveTrace } from './channels.js'
export { RejectSave } from './saves/reject-save.js'
export { DocsError, isDocsError, type DocsErrorCode, type DocsErrorDetails } from './errors.js'
