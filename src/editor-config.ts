/**
 * The config that the page gives to the vendor's editor: checked before anybody edits what could not be
 * saved, filled in with what the Docs server wants to see in its token, and signed.
 */
import { checkKey } from './arguments.js'
import { badOption } from './errors.js'
import type { Claims } from './protocol/token.js'

/**
 * What `docs.editorConfig()` takes: the config of the vendor's editor. These are its fields that matter for
 * saving, and those that most applications set; any other field may be there too, and is signed along.
 */
export interface EditorConfig {
  /** The document that is opened. */
  document: {
    /** The document key: 1 to 128 characters of `0-9 A-Z a-z . _ = -`, and not `.` or `..`. */
    key: string
    /** `docx`, for example. */
    fileType?: string | undefined
    /** What the editor shows as its name. */
    title?: string | undefined
    /** Where the Docs server gets the file. */
    url?: string | undefined
    /** What its user may do, `{ edit: false }` for example. Default `{}`: what the editor allows by itself. */
    permissions?: object | undefined
  }
  /** `word`, `cell`, `slide` or `pdf`, for example. */
  documentType?: string | undefined
  /** The rest of the editor's settings. */
  editorConfig?:
    | {
        /** From `docs.callbackUrl(ref)`. */
        callbackUrl?: string | undefined
        /** `edit` (the default) or `view`. */
        mode?: string | undefined
        /** Who edits. */
        user?:
          | {
              /** A number becomes a text: the Docs server gives texts back. */
              id?: string | number | bigint | undefined
              /** What the others see. */
              name?: string | undefined
            }
          | undefined
        /** The language of the editor, `de` for example. */
        lang?: string | undefined
        /** How the editor looks, and whether its save button saves to the application (`forcesave`). */
        customization?: object | undefined
      }
    | undefined
  /** One of before is replaced. */
  token?: string | undefined
}

/** What `docs.editorConfig()` gives: the config for the page, as it is signed. */
export type SignedEditorConfig<Config extends EditorConfig = EditorConfig> = Omit<
  Config,
  'document' | 'editorConfig' | 'token'
> & {
  /** As given; `permissions` is there. */
  document: Omit<Config['document'], 'permissions'> & {
    permissions: NonNullable<Config['document']['permissions']>
  }
  /** As given; `mode` is there, and the user's id is a text. */
  editorConfig: Omit<NonNullable<Config['editorConfig']>, 'mode' | 'user'> & {
    mode: string
    user?: Omit<NonNullable<NonNullable<Config['editorConfig']>['user']>, 'id'> & { id?: string }
  }
  /** Not where tokens are off. */
  token?: string
}

/** `sign`: undefined where tokens are off. */
export function createEditorConfig(
  sign: ((claims: Claims) => string) | undefined,
): <Config extends EditorConfig>(config: Config) => SignedEditorConfig<Config> {
  return <Config extends EditorConfig>(config: Config) => {
    // A token of before is not signed along.
    const { token: _old, ...given } = objectOf('config', config)
    const claims = {
      ...given,
      document: documentOf(objectOf('document', given['document'])),
      editorConfig: settingsOf(objectOf('editorConfig', given['editorConfig'] ?? {})),
    }
    const made = sign === undefined ? claims : { ...claims, token: sign(claims) }
    return made as unknown as SignedEditorConfig<Config>
  }
}

/** The Docs server refuses an editor whose token has no permissions (`docs-server.md`, "The editor's token"). */
function documentOf(document: Claims): Claims {
  checkKey(document['key'], 'document.key')
  const permissions = objectOf('document.permissions', document['permissions'] ?? {})
  return { ...document, permissions }
}

/** Nor may the mode be missing there. */
function settingsOf(settings: Claims): Claims {
  const { mode, user } = settings
  const filled = { ...settings, mode: mode ?? 'edit' }
  return user === undefined ? filled : { ...filled, user: userOf(objectOf(USER, user)) }
}

const USER = 'editorConfig.user'

/** The Docs server's callbacks and `info` name users by texts, whatever the editor was given. */
function userOf(user: Claims): Claims {
  const { id } = user
  if (id === undefined || typeof id === 'string') return user
  if (typeof id === 'bigint' || (typeof id === 'number' && Number.isFinite(id)))
    return { ...user, id: String(id) }
  throw badOption(`${USER}.id`, id, 'give a text or a number, or leave it out')
}

function objectOf(name: string, value: unknown): Claims {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Claims
  throw badOption(name, value, 'give an object')
}
