/**
 * What `import … from 'koa-docs-callback'` gives: `createDocs()`, its errors, and the types of all that goes in and out.
 *
 * Times are milliseconds and lengths bytes unless said otherwise.
 * @module koa-docs-callback
 */
export { createDocs } from './docs.js'
export type { CallOptions } from './call-options.js'
export type { Docs, ForcesaveOptions, License, StartedForcesave } from './api.js'
export type { DocsOptions } from './options.js'
export type { ForcesaveResult, InfoResult } from './results.js'
export type { ForcesaveAllItem, ForcesaveAllOptions } from './sessions/forcesave-all.js'
export type { Session } from './sessions/sessions.js'
export type { Forgotten, RecoverOptions, Recovery, RecoveryResult } from './recovery/forgotten.js'
export type { RefOf } from './recovery/recover.js'
export type { CallbackReply, CallbackRequest, FailedConversion } from './receiver/receive.js'
export type { Save } from './saves/save.js'
export type { Download } from './client/download.js'
export type { Trigger } from './ledger/state.js'
export type { Action } from './protocol/callback.js'
export type { Algorithm, TokenOptions } from './protocol/token.js'
export type { DocsEvents, Listener, Logger } from './events.js'
export type { DocsStats } from './stats.js'
export type { DurationStats } from './histogram.js'
export type { CallbackTrace, CommandTrace, SaveTrace } from './channels.js'
export { RejectSave } from './saves/reject-save.js'
export { DocsError, isDocsError, type DocsErrorCode } from './errors.js'
