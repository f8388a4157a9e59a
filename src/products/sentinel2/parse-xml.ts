import { open } from 'node:fs/promises'
import { XMLParser, XMLValidator } from 'fast-xml-parser'
import { ProcessingError } from '../../domain/errors.js'

/** Far above any Sentinel-2 tile metadata or mask (0.6 MB, cloud masks up to some 20 MB). */
const MAX_XML_BYTES = 64 * 1024 * 1024

/** One element: attributes, text and children, namespace prefixes removed. All text stays text: `08` is no number. */
export interface XmlElement {
  readonly name: string
  readonly text: string
  attribute(name: string): string | undefined
  /** All children; those of one name follow each other. */
  children(): XmlElement[]
  /** First descendant along a path of names, `A/B/C`; undefined where there is none. */
  find(path: string): XmlElement | undefined
  /** All descendants along a path of names, every branch followed. */
  findAll(path: string): XmlElement[]
}

type Raw = Readonly<Record<string, unknown>>

const parser = new XMLParser({
  removeNSPrefix: true,
  ignoreAttributes: false,
  attributeNamePrefix: '@',
  textNodeName: '#text',
  alwaysCreateTextNode: true,
  parseTagValue: false,
  parseAttributeValue: false,
  // No entity is ever expanded: products need none, and expansion is how a small file becomes a large one.
  processEntities: false,
  isArray: (_name, _path, _leaf, isAttribute) => !isAttribute,
})

/**
 * Parses XML text into its root element. Throws METADATA_INVALID naming `file` where it is not well-formed, holds a document type
 * declaration or has no root.
 */
export function parseXml(text: string, file: string): XmlElement {
  const invalid = (found: string, cause?: unknown) =>
    new ProcessingError(
      'METADATA_INVALID',
      `'${file}' is no well-formed XML: ${found}. Copy or download the product again.`,
      { cause },
    )
  if (text.trim() === '') throw invalid('it is empty')
  if (/<!DOCTYPE/i.test(text))
    throw invalid('it has a document type declaration, which no Sentinel-2 file has')
  let raw: Raw
  try {
    // Deprecated in favour of a package of its own, which would be one dependency more for the same code.
    // eslint-disable-next-line @typescript-eslint/no-deprecated
    const verdict = XMLValidator.validate(text)
    if (verdict !== true) throw new Error(`${verdict.err.msg} (line ${verdict.err.line})`)
    raw = parser.parse(text) as Raw
  } catch (cause) {
    throw invalid(cause instanceof Error ? cause.message : String(cause), cause)
  }
  for (const [name, value] of Object.entries(raw)) {
    const first: unknown = Array.isArray(value) ? value[0] : undefined
    if (!name.startsWith('?') && !name.startsWith('#') && isRaw(first)) return wrap(name, first)
  }
  throw invalid('it has no root element')
}

/** Reads and parses a file. Throws METADATA_INVALID as `parseXml`, also for a file beyond 64 MB; file system errors pass through. */
export async function readXml(path: string): Promise<XmlElement> {
  const file = await open(path, 'r')
  try {
    const { size } = await file.stat()
    if (size > MAX_XML_BYTES)
      throw new ProcessingError(
        'METADATA_INVALID',
        `'${path}' has ${size} bytes; metadata of more than ${MAX_XML_BYTES} is not read.`,
      )
    return parseXml(await file.readFile('utf8'), path)
  } finally {
    await file.close()
  }
}

function isRaw(value: unknown): value is Raw {
  return typeof value === 'object' && value !== null
}

function wrap(name: string, raw: Raw): XmlElement {
  const named = (child: string): XmlElement[] => {
    const value = raw[child]
    return Array.isArray(value) ? value.filter(isRaw).map((item) => wrap(child, item)) : []
  }
  const textOf = raw['#text']
  const findAll = (path: string): XmlElement[] => {
    const [first = '', ...rest] = path.split('/')
    const found = named(first)
    return rest.length === 0 ? found : found.flatMap((element) => element.findAll(rest.join('/')))
  }
  return {
    name,
    text: typeof textOf === 'string' ? textOf.trim() : '',
    attribute: (key) => {
      const value = raw[`@${key}`]
      return typeof value === 'string' ? value : undefined
    },
    children: () =>
      Object.keys(raw)
        .filter((key) => !key.startsWith('@') && !key.startsWith('#'))
        .flatMap(named),
    find: (path) => findAll(path)[0],
    findAll,
  }
}
