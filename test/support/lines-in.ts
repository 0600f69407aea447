/** The text of a file of the simulated Docs server, without how a zip begins: so does a docx of it. */
export const linesIn = (file: string | Uint8Array): string =>
  (typeof file === 'string' ? file : Buffer.from(file).toString()).replace(/^PK\p{Cc}{2}\n/u, '')
