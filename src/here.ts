/** Where the code is: what is installed, and the files that come with it, are looked for from there. */
import { pathToFileURL } from 'node:url'

/** A bundle for CommonJS has no `import.meta.url`. */
const urlOf = ({ url }: { url?: string }): string | undefined => url

/** In a bundle, where the bundle is. */
export const here: string = urlOf(import.meta) ?? pathToFileURL(__filename).href
