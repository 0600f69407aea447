/** Where the code is: what is installed, and the files that come with it, are looked for from there. */
import { pathToFileURL } from 'node:url'

/** A bundle for CommonJS has no `import.meta.url`, whatever its type says. Tools know it by these very words. */
const perhaps = (url: string | undefined): string | undefined => url

/** In a bundle, where the bundle is. */
export const here: string = perhaps(import.meta.url) ?? pathToFileURL(__filename).href
