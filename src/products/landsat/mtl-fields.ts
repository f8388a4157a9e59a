import { readFile } from 'node:fs/promises'
import { ProcessingError } from '../../domain/errors.js'
import { readXml, type XmlElement } from '../sentinel2/parse-xml.js'
import { parseOdl } from './parse-odl.js'

/**
 * The metadata of a product as text by group and key, whatever of the three forms (`_MTL.txt`, `_MTL.json`, `_MTL.xml`) it came in; the
 * checks of single values say file, key, expected and found.
 */
export class MtlFields {
  private constructor(
    readonly file: string,
    /** `LANDSAT_METADATA_FILE` (collection 2) or `L1_METADATA_FILE` (before). */
    readonly root: string,
    private readonly groups: ReadonlyMap<string, ReadonlyMap<string, string>>,
  ) {}

  /** Throws METADATA_INVALID for a file that is none of the three, or cut. */
  static async read(file: string): Promise<MtlFields> {
    const found = /\.xml$/i.test(file)
      ? fromXml(await readXml(file))
      : /\.json$/i.test(file)
        ? fromJson(await readFile(file, 'utf8'), file)
        : fromOdl(await readFile(file, 'utf8'), file)
    const root = ROOTS.find((name) => found.has(name))
    if (root === undefined)
      throw new ProcessingError(
        'METADATA_INVALID',
        `'${file}' has none of the groups ${ROOTS.join(', ')}: it is no metadata of a Landsat product.`,
      )
    return new MtlFields(file, root, found)
  }

  fail(key: string, expected: string, found: string | undefined): never {
    throw new ProcessingError(
      'METADATA_INVALID',
      `'${this.file}', ${key}: expected ${expected}, found ${found === undefined ? 'nothing' : `'${found}'`}. Download the product again.`,
    )
  }
  find(group: string, key: string): string | undefined {
    return this.groups.get(group)?.get(key)
  }
  text(group: string, key: string, pattern: RegExp, expected: string): string {
    const found = this.find(group, key)
    return found !== undefined && pattern.test(found) ? found : this.fail(`${group}/${key}`, expected, found)
  }
  number(group: string, key: string, least: number, most: number): number {
    const found = this.find(group, key)
    const value = found === undefined || found.trim() === '' ? NaN : Number(found)
    return value >= least && value <= most
      ? value
      : this.fail(`${group}/${key}`, `a number from ${least} to ${most}`, found)
  }
  /** A percentage; null where the value is -1 (not assessed) or missing. */
  percent(group: string, key: string): number | null {
    const found = this.find(group, key)
    if (found === undefined) return null
    const value = this.number(group, key, -1, 100)
    return value < 0 ? null : value
  }
  /** ISO 8601 UTC with milliseconds. */
  time(key: string, text: string | undefined): string {
    const ms = text === undefined ? NaN : Date.parse(text)
    return Number.isNaN(ms) ? this.fail(key, 'a time in ISO 8601', text) : new Date(ms).toISOString()
  }
}

const ROOTS = ['LANDSAT_METADATA_FILE', 'L1_METADATA_FILE'] as const
type Groups = Map<string, Map<string, string>>

function fromOdl(text: string, file: string): Groups {
  return new Map(
    [...parseOdl(text, file)].map(([name, keys]) => [
      name,
      new Map([...keys].map(([key, value]) => [key, typeof value === 'string' ? value : value.join(', ')])),
    ]),
  )
}

function fromXml(root: XmlElement): Groups {
  const groups: Groups = new Map([[root.name, new Map<string, string>()]])
  for (const group of root.children())
    groups.set(group.name, new Map(group.children().map((element) => [element.name, element.text])))
  return groups
}

function fromJson(text: string, file: string): Groups {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    throw new ProcessingError(
      'METADATA_INVALID',
      `'${file}' is no JSON: ${cause instanceof Error ? cause.message : String(cause)}. Download the product again.`,
      { cause },
    )
  }
  const entries = (value: unknown) =>
    typeof value === 'object' && value !== null ? Object.entries(value as Record<string, unknown>) : []
  const groups: Groups = new Map()
  for (const [root, content] of entries(json)) {
    groups.set(root, new Map())
    for (const [name, keys] of entries(content))
      groups.set(name, new Map(entries(keys).map(([key, value]) => [key, String(value)])))
  }
  return groups
}
