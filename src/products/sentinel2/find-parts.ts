import { existsSync } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { isAbsolute, join, normalize } from 'node:path'
import { ProcessingError } from '../../domain/errors.js'
import { readXml, type XmlElement } from './parse-xml.js'

/** Where the two metadata files of a SAFE folder lie, and the product one parsed. Absolute paths. */
export interface SafeParts {
  readonly productXml: XmlElement
  readonly productXmlPath: string
  /** Of all granules; empty where no manifest names them: the image lists of the product metadata then tell. */
  readonly tileXmlPaths: readonly string[]
}

/**
 * Finds the metadata of a SAFE folder by its manifest (data objects for product and tile metadata), and where there is none by the
 * root element of the XML files at its top; never by folder or file names.
 * Throws NOT_FOUND, PRODUCT_UNSUPPORTED where the folder is no Sentinel-2 product, PRODUCT_INCOMPLETE where a named file is missing.
 */
export async function findSafeParts(safePath: string, notes: string[]): Promise<SafeParts> {
  const info = await stat(safePath).catch((cause: unknown) => {
    throw new ProcessingError(
      'NOT_FOUND',
      `'${safePath}' does not exist or cannot be entered. Check the path.`,
      { cause },
    )
  })
  if (!info.isDirectory())
    throw new ProcessingError(
      'PRODUCT_UNSUPPORTED',
      `'${safePath}' is a file; expected a SAFE folder with manifest.safe and GRANULE/ in it. Archives are unpacked by \`tilth ingest\` and \`tilth l2a\`.`,
    )
  const manifest = join(safePath, 'manifest.safe')
  if (existsSync(manifest)) {
    const hrefs = manifestHrefs(await readXml(manifest))
    const product = hrefs.find(({ id }) => /Level-1C_Product_Metadata$/.test(id))
    const tiles = hrefs.filter(({ id }) => /Level-1C_Tile\d*_Metadata$/.test(id))
    if (product === undefined)
      throw new ProcessingError(
        'PRODUCT_UNSUPPORTED',
        `'${manifest}' names no Level-1C product metadata; this reader takes Sentinel-2 L1C products only. Sen2Cor L2A: \`tilth import-l2a\` or \`tilth ingest\`.`,
      )
    const productXmlPath = insideSafe(safePath, product.href, manifest)
    return {
      productXml: await readNamed(productXmlPath, manifest),
      productXmlPath,
      tileXmlPaths: tiles.map(({ href }) => insideSafe(safePath, href, manifest)),
    }
  }
  for (const name of (await readdir(safePath)).filter((entry) => entry.endsWith('.xml')).sort()) {
    const path = join(safePath, name)
    const root = await readXml(path)
    if (root.name !== 'Level-1C_User_Product') continue
    notes.push('manifest.safe is missing; the product metadata was found by its root element.')
    return { productXml: root, productXmlPath: path, tileXmlPaths: [] }
  }
  // The folders of a SAFE without its metadata, or nothing at all yet: the rest may still be on its way.
  const entries = await readdir(safePath)
  if (entries.length === 0 || entries.some((entry) => entry === 'GRANULE' || entry === 'DATASTRIP'))
    throw new ProcessingError(
      'PRODUCT_INCOMPLETE',
      `'${safePath}' has neither manifest.safe nor product metadata. Copy or download it again.`,
    )
  throw new ProcessingError(
    'PRODUCT_UNSUPPORTED',
    `'${safePath}' is no Sentinel-2 L1C product: no manifest.safe and no XML with root Level-1C_User_Product.`,
  )
}

function manifestHrefs(manifest: XmlElement): { id: string; href: string }[] {
  return manifest.findAll('dataObjectSection/dataObject').map((object) => ({
    id: object.attribute('ID') ?? '',
    href: object.find('byteStream/fileLocation')?.attribute('href') ?? '',
  }))
}

/** An XML file that another one names. Throws PRODUCT_INCOMPLETE where it is missing. */
export async function readNamed(path: string, namedBy: string): Promise<XmlElement> {
  if (!existsSync(path)) throw missingFile(path, namedBy)
  return readXml(path)
}

export function missingFile(path: string, namedBy: string): ProcessingError {
  return new ProcessingError(
    'PRODUCT_INCOMPLETE',
    `'${path}' is missing, but '${namedBy}' names it. Copy or download the product again.`,
  )
}

/** Joins a path written in metadata to the SAFE folder. Throws METADATA_INVALID where it would lead out of it. */
export function insideSafe(safePath: string, relative: string, writtenIn: string): string {
  const clean = normalize(relative)
  if (
    relative === '' ||
    isAbsolute(clean) ||
    clean === '..' ||
    clean.startsWith('../') ||
    clean.includes('\0')
  )
    throw new ProcessingError(
      'METADATA_INVALID',
      `'${writtenIn}' names the file '${relative}', which is no path inside the product.`,
    )
  return join(safePath, clean)
}
