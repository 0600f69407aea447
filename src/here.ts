/** Where the code is: what is installed, and the files that come with it, are looked for from there. */
import { pathToFileURL } from 'node:url'

/** In a bundle, where the bundle is. One for CommonJS has no `import.meta.url`, whatever the types say. */
export const here: string =
  (import.meta.url as string | undefined) ?? pathToFileURL(__filename).href
