import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { basename, dirname, join, relative } from 'node:path'
import { ProcessingError } from '../../domain/errors.js'
import type { S2Band } from '../../domain/sentinel2.js'
import { isAwsLayout, openAwsLayout } from './aws-layout.js'
import { findSafeParts, insideSafe, missingFile, readNamed } from './find-parts.js'
import {
  parseProductMetadata,
  parseTileMetadata,
  type GranuleMetadata,
  type ProductMetadata,
  type TileMetadata,
} from './parse-metadata.js'

/** Where the parts of one granule lie, and its metadata parsed; the layouts differ in nothing else. */
export interface L1cLayout {
  readonly granulePath: string
  /** See `L1cProduct.manyTilesKey`. */
  readonly manyTilesKey: string | null
  readonly product: Omit<ProductMetadata, 'granules'>
  readonly tile: TileMetadata
  readonly tileXmlPath: string
  /** The file that says which images there are, for messages. */
  readonly namedBy: string
  /** Paths of the images without extension. */
  readonly images: ReadonlyMap<S2Band, string>
  /** Where a mask that the tile metadata name may lie; the first that exists is it. */
  readonly maskPaths: (mask: TileMetadata['masks'][number]) => string[]
}

/**
 * Where the acquisitions of a product lie: `['']` for a product of one tile, else the paths of its granule folders below it that are there
 * (of products of many tiles people keep some). Throws as `openLayout`.
 */
export async function listGranules(path: string): Promise<readonly string[]> {
  if (isAwsLayout(path)) return ['']
  const { productXml, productXmlPath } = await findSafeParts(path, [])
  const { granules } = parseProductMetadata(productXml, productXmlPath)
  if (granules.length === 1) return ['']
  const folders = granules.map((granule) => granuleFolder(path, granule, productXmlPath))
  const present = folders.filter((folder) => existsSync(folder))
  if (present.length === 0) throw missingFile(folders[0] ?? '', productXmlPath)
  return present.map((folder) => relative(path, folder))
}

/**
 * Opens one granule: of a SAFE folder with one tile, of a granule folder within a SAFE folder, or of a folder as AWS keeps them.
 * Throws NOT_FOUND, PRODUCT_UNSUPPORTED (no such product, or several tiles: the message lists their folders), PRODUCT_INCOMPLETE,
 * METADATA_INVALID.
 */
export async function openLayout(path: string, notes: string[]): Promise<L1cLayout> {
  if (isAwsLayout(path)) return openAwsLayout(path, notes)
  const isGranule = basename(dirname(path)) === 'GRANULE'
  const safePath = isGranule ? dirname(dirname(path)) : path
  const { productXml, productXmlPath, tileXmlPaths } = await findSafeParts(safePath, notes)
  const product = parseProductMetadata(productXml, productXmlPath)
  const granule = chooseGranule(product, safePath, productXmlPath, isGranule ? path : null)
  const granulePath = granuleFolder(safePath, granule, productXmlPath)
  const tileXmlPath =
    tileXmlPaths.find((one) => dirname(one) === granulePath) ??
    (product.granules.length === 1 ? tileXmlPaths[0] : undefined) ??
    (await tileXmlIn(granulePath))
  const tile = parseTileMetadata(await readNamed(tileXmlPath, productXmlPath), tileXmlPath, notes)
  return {
    granulePath: dirname(tileXmlPath),
    manyTilesKey: product.granules.length === 1 ? null : keyOf(product),
    product,
    tile,
    tileXmlPath,
    namedBy: productXmlPath,
    images: new Map(
      [...granule.images].map(([band, image]) => [band, insideSafe(safePath, image, productXmlPath)]),
    ),
    // Early products name the file alone, the first without its extension.
    maskPaths: ({ path: named }) => [
      insideSafe(safePath, named, tileXmlPath),
      join(dirname(tileXmlPath), 'QI_DATA', basename(named)),
      join(dirname(tileXmlPath), 'QI_DATA', `${basename(named)}.gml`),
    ],
  }
}

function keyOf({ productUri, generationTime, granules }: ProductMetadata): string {
  const digest = createHash('sha256').update(
    [productUri, generationTime, ...granules.map(({ id }) => id).sort()].join(),
  )
  return digest.digest('hex').slice(0, 12)
}

function chooseGranule(
  { granules }: ProductMetadata,
  safePath: string,
  productXmlPath: string,
  wanted: string | null,
): GranuleMetadata {
  const [only, ...others] = granules
  if (only !== undefined && others.length === 0) return only
  const folders = new Map(granules.map((one) => [granuleFolder(safePath, one, productXmlPath), one]))
  const found = wanted === null ? undefined : folders.get(wanted)
  if (found !== undefined) return found
  throw new ProcessingError(
    'PRODUCT_UNSUPPORTED',
    wanted === null
      ? `'${safePath}' holds ${granules.length} tiles. \`tilth ingest\` takes them all; else name one of their folders: ${[...folders.keys()].map((folder) => relative(safePath, folder)).join(', ')}.`
      : `'${wanted}' is no granule that '${productXmlPath}' lists.`,
  )
}

/** By the path of an image, GRANULE/L1C_.../IMG_DATA/T55JEJ_..._B01. */
function granuleFolder(safePath: string, { images }: GranuleMetadata, productXmlPath: string): string {
  const image = [...images.values()][0] ?? ''
  return dirname(dirname(insideSafe(safePath, image, productXmlPath)))
}

/** MTD_TL.xml, or before December 2016 S2A_OPER_MTD_L1C_TL_*.xml; the former's path where there is neither. */
async function tileXmlIn(granulePath: string): Promise<string> {
  const compact = join(granulePath, 'MTD_TL.xml')
  if (existsSync(compact) || !((await stat(granulePath).catch(() => null))?.isDirectory() ?? false))
    return compact
  const old = (await readdir(granulePath)).filter((name) => /^\w+_MTD_L1C_TL_.*\.xml$/.test(name)).sort()
  return old[0] === undefined ? compact : join(granulePath, old[0])
}
