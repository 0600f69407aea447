/**
 * Whether bytes can be a file of a type: what a link answers with 200 may be the log-in or maintenance
 * page of a proxy. Only how a file begins is looked at, so that it is never read twice or kept.
 */

/** A character is a byte. */
const ZIP = ['PK\x03\x04', 'PK\x05\x06', 'PK\x07\x08']
/** The container of Office up to 2003, and of a newer file that has a password. */
const OLE = ['\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1']
const RTF = ['{\\rtf']
const PDF = ['%PDF']
/** A byte order mark may be in front. */
const JSON_TEXT = ['[', '{', '\xef\xbb\xbf[', '\xef\xbb\xbf{']

/** Readers of PDF take bytes in front of it, and a form that is filled in keeps them. */
const PDF_WITHIN = 1024
const LONGEST = 8

interface Beginning {
  /** One of them. */
  of: readonly string[]
  /** It may begin at any of the first so many bytes. */
  within: number
}

const beginnings = (types: string, of: readonly string[], within = 1): [string, Beginning][] =>
  types.split(' ').map((type) => [type, { of, within }])

/**
 * The types whose files always begin alike. Generous where it costs nothing: no page begins like any of
 * these, and a document that is refused by mistake is a save that is lost.
 */
const BEGINNINGS = new Map([
  ...beginnings('docx docm dotx dotm docxf oform odt ott', [...ZIP, ...OLE]),
  ...beginnings('xlsx xlsm xlsb xltx xltm ods ots', [...ZIP, ...OLE]),
  ...beginnings('pptx pptm ppsx ppsm potx potm odp otp odg', [...ZIP, ...OLE]),
  ...beginnings('xls xlt ppt pps pot', [...ZIP, ...OLE]),
  ...beginnings('doc dot', [...ZIP, ...OLE, ...RTF]),
  ...beginnings('rtf', RTF),
  ...beginnings('epub zip', ZIP),
  ...beginnings('pdf', PDF, PDF_WITHIN),
  ...beginnings('json', JSON_TEXT),
])

/** The types whose file has no bytes when the document has no text. All others have some markup. */
const MAY_BE_EMPTY = new Set(['txt', 'csv', 'tsv', 'md'])

/** How many of the first bytes say whether it is a file of this type; 0 where nothing is known of it. */
export function bytesToTell(filetype: string | undefined): number {
  const known = beginningOf(filetype)
  return known === undefined ? 0 : known.within - 1 + LONGEST
}

/** What these first bytes are instead of a file of this type; undefined where they may be one. */
export function unlike(filetype: string | undefined, first: Uint8Array): string | undefined {
  const known = beginningOf(filetype)
  if (known === undefined) return undefined
  const text = Buffer.from(first).toString('latin1')
  const isLike = known.of.some((beginning) => {
    const at = text.indexOf(beginning)
    return at >= 0 && at < known.within
  })
  return isLike ? undefined : describe(text)
}

/** Whether a file of this type can have no bytes at all. */
export function mayBeEmpty(filetype: string | undefined): boolean {
  return MAY_BE_EMPTY.has(filetype?.toLowerCase() ?? '')
}

function beginningOf(filetype: string | undefined): Beginning | undefined {
  return BEGINNINGS.get(filetype?.toLowerCase() ?? '')
}

/** Never the bytes themselves: they may be anything. */
function describe(text: string): string {
  const begun = text.replace(/^\xef\xbb\xbf/, '').trimStart()
  if (/^<(!d|ht)/i.test(begun)) return 'an HTML page'
  if (begun.startsWith('<')) return 'a page of XML or HTML'
  return /^[{[]/.test(begun) ? 'JSON' : 'other bytes'
}
