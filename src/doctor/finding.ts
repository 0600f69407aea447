/** What a check finds, and what the checks tell each other. */
import type { Clock } from '../clock.js'
import type { Http } from '../client/http.js'
import type { CommandMethod } from '../protocol/command.js'
import type { Settings } from './settings.js'

export type Level = 'ok' | 'warn' | 'fail' | 'skipped'

/** One thing that was seen. The names of its fields are those of `--json`. */
export interface Finding {
  level: Level
  /** What it is, for scripts: it stays when the words change. */
  code: string
  /** What was seen. */
  what: string
  /** Why that matters. */
  why?: string
  /** What to do, one step each. */
  fix?: string[]
}

export interface Check {
  name: string
  /** Whom it asks, and so whose fault it is when no answer comes. */
  asks: 'server' | 'callback' | 'nobody else'
  /** What the check needs beside `--timeout`, ms. */
  extra?: (settings: Settings) => number
  /** Ends when `signal` is aborted; what it throws becomes a finding. */
  run: (context: Context) => Promise<Finding[]>
}

/** What the Docs server takes commands with, as far as it was found out. */
export interface Credential {
  /** `null`: without a token. */
  secret: string | null
  in: 'body' | 'header'
  /** Its clock minus ours, ms, where ours is too wrong to sign with. */
  offset: number
}

/** A moment of the Docs server's clock, by a `Date` header, and ours around it, ms. */
export interface Moment {
  date: number
  sent: number
  came: number
}

/** How callbacks are made that mean nothing, by `probe.ts`. */
export interface Probe {
  /** Where a callback goes: with its ref. */
  url: URL
  /** Whether that ref is the application's own, by `callbackUrl()`. */
  complete: boolean
  /** A body of these claims, with a token in it; `padding` makes it longer and counts for nothing. */
  body: (claims: object, padding?: string) => string
  /** The same in a header, beside an empty body. Undefined: tokens are off. */
  header: ((claims: object) => Record<string, string>) | undefined
}

/** What one check learns and a later one needs; undefined: it could not be learned. */
export interface Known {
  /** Whether anything has answered at the Docs server's address. */
  reached?: boolean
  /** The address of the command service. */
  commands?: URL
  /** How commands get there. Undefined: as far as is known by POST. */
  method?: CommandMethod
  credential?: Credential
  moments: Moment[]
  /** The keys of forgotten files. */
  forgotten?: readonly string[]
  /** Whether the callback address answers as this package does. */
  ours?: boolean
  /** How a callback is made that the application trusts. */
  probe?: Probe
}

export interface Context {
  settings: Settings
  known: Known
  http: Http
  clock: Clock
  signal: AbortSignal
}

/** A thing that is as it should be. */
export const ok = (code: string, what: string): Finding => ({ level: 'ok', code, what })

/** A thing that works and should be seen to. */
export const warn = (code: string, what: string, why: string, ...fix: string[]): Finding => ({
  ...{ level: 'warn', code, what, why, fix },
})

/** A thing that does not work. */
export const fail = (code: string, what: string, why: string, ...fix: string[]): Finding => ({
  ...{ level: 'fail', code, what, why, fix },
})

/** A thing that was not looked at, and the reason. */
export const skipped = (code: string, what: string): Finding => ({ level: 'skipped', code, what })
