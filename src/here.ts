/** Where the code is: what is installed, and the files that come with it, are looked for from there. */
import { pathToFileURL } from 'node:url'

/** A bundle for CommonJS has none. */
const { url }: { url?: string } = import.meta

/** In a bundle, where the bundle is. */
export const here: string = url ?? pathToFileURL(__filename).href
