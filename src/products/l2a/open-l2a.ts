import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { ProcessingError } from '../../domain/errors.js'
import type { GridNaming, L1Platform } from '../../domain/l1-scene.js'
import { PLATFORMS } from '../../domain/platforms.js'
import { bandFile, parseProductName, PRODUCT_FILES, type ProductId, type ReflectanceKind } from '../layout.js'
import { STAC_EXTENSIONS } from '../stac/validate-stac-item.js'
import { parseProductJson } from './parse-json.js'

/** What a consumer needs of an item; other fields may be anything. */
const itemSchema = z.object({
  id: z.string(),
  stac_extensions: z.array(z.string()),
  properties: z.looseObject({
    datetime: z.iso.datetime(),
    created: z.iso.datetime().optional(),
    'eo:cloud_cover': z.number().optional(),
    'view:sun_azimuth': z.number(),
    'view:sun_elevation': z.number(),
    'view:incidence_angle': z.number().optional(),
    'view:azimuth': z.number().optional(),
    'tilth:orbit_direction': z.enum(['ascending', 'descending']).optional(),
    'tilth:datatake_id': z.string().optional(),
    'processing:version': z.string().optional(),
    'tilth:nbar_sun_zenith': z.number().optional(),
    'tilth:nbar_bandpass': z.enum(['none', 'oli']).optional(),
  }),
  assets: z.record(z.string(), z.looseObject({ href: z.string(), 'file:size': z.number().optional() })),
})
type Item = z.infer<typeof itemSchema>

/** One L2A product in our layout, ours or imported: what its item says, no raster opened. */
export interface L2aProduct {
  readonly folder: string
  readonly name: string
  readonly id: ProductId & { readonly relativeOrbit: number }
  readonly platform: L1Platform
  readonly satellite: 's2' | 'landsat'
  /** When the ground was seen, ISO 8601 UTC; `id.sensedAt` is the time in the name. */
  readonly sensedAt: string
  readonly naming: GridNaming
  readonly orbitDirection?: 'ASCENDING' | 'DESCENDING'
  readonly sun: { readonly zenith: number; readonly azimuth: number }
  /** Mean over the tile; null where the item does not say it. */
  readonly view: { readonly zenith: number; readonly azimuth: number } | null
  /** When the product was made, ISO 8601 UTC. */
  readonly createdAt: string
  /** `GS2A_20250510T105031_051624_N05.11`; null where the item does not say it. */
  readonly datatakeId: string | null
  /** Of the processor that made the reflectance; null where the item does not say it. */
  readonly processorVersion: string | null
  /** 0..100 of the valid pixels; null where not known. */
  readonly cloudPercent: number | null
  /** Of its files `_nbar.tif`: the mean sun zenith that they are normalised to, degrees, and whose bands they have; null where it has none. */
  readonly nbar: { readonly sunZenith: number; readonly bandpass: 'none' | 'oli' } | null
  /** Names of its raster files. */
  readonly files: ReadonlySet<string>
  /**
   * Absolute path of one of its rasters, whole as far as its size tells. Rejects with PRODUCT_INCOMPLETE for a file that the product
   * lacks, RASTER_UNREADABLE for one that has another size than the item says.
   */
  path(file: string): Promise<string>
}

/**
 * Reads `item.json` of an L2A product folder. Throws NOT_FOUND where there is no such folder, PRODUCT_UNSUPPORTED where it is no L2A product of
 * our layout, METADATA_INVALID where its item makes no sense.
 */
export async function openL2aProduct(folder: string): Promise<L2aProduct> {
  const item = await readItem(folder)
  const id = parseProductName(item.id)
  if (id?.level !== 'L2A' || id.relativeOrbit === null)
    throw new ProcessingError(
      'PRODUCT_UNSUPPORTED',
      `'${folder}': expected an L2A product as \`tilth l2a\` or \`tilth import-l2a\` writes it, found the item of '${item.id}'.`,
    )
  const platform = Object.hasOwn(PLATFORMS, id.platform) ? (id.platform as L1Platform) : undefined
  const extension = (['mgrs', 'landsat'] as const).find((name) =>
    item.stac_extensions.includes(STAC_EXTENSIONS[name]),
  )
  if (platform === undefined || extension === undefined)
    throw new ProcessingError(
      'METADATA_INVALID',
      `'${join(folder, PRODUCT_FILES.item)}': expected a platform of ${Object.keys(PLATFORMS).join(', ')} and the extension mgrs or landsat, ` +
        `found '${item.id}' with ${item.stac_extensions.join(', ') || 'no extension'}.`,
    )
  const p = item.properties
  const sizes = new Map(
    Object.values(item.assets).map((asset) => [asset.href.replace(/^\.\//, ''), asset['file:size'] ?? null]),
  )
  const direction = p['tilth:orbit_direction']
  return {
    folder,
    name: item.id,
    id: { ...id, relativeOrbit: id.relativeOrbit },
    platform,
    satellite: extension === 'mgrs' ? 's2' : 'landsat',
    sensedAt: p.datetime,
    naming: { extension, properties: namingOf(p, extension) },
    ...(direction === undefined
      ? {}
      : { orbitDirection: direction === 'ascending' ? 'ASCENDING' : 'DESCENDING' }),
    sun: { zenith: 90 - p['view:sun_elevation'], azimuth: p['view:sun_azimuth'] },
    view:
      p['view:incidence_angle'] === undefined || p['view:azimuth'] === undefined
        ? null
        : { zenith: p['view:incidence_angle'], azimuth: p['view:azimuth'] },
    createdAt: p.created ?? p.datetime,
    datatakeId: p['tilth:datatake_id'] ?? null,
    processorVersion: p['processing:version'] ?? null,
    cloudPercent: p['eo:cloud_cover'] ?? null,
    nbar:
      p['tilth:nbar_sun_zenith'] === undefined || p['tilth:nbar_bandpass'] === undefined
        ? null
        : { sunZenith: p['tilth:nbar_sun_zenith'], bandpass: p['tilth:nbar_bandpass'] },
    files: new Set([...sizes.keys()].filter((file) => file.endsWith('.tif'))),
    path: (file) => pathOf(folder, item.id, file, sizes.get(file)),
  }
}

async function readItem(folder: string): Promise<Item> {
  const path = join(folder, PRODUCT_FILES.item)
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    const isFolder = (await stat(folder).catch(() => undefined))?.isDirectory() === true
    throw new ProcessingError(
      isFolder ? 'PRODUCT_UNSUPPORTED' : 'NOT_FOUND',
      isFolder
        ? `'${folder}' has no readable ${PRODUCT_FILES.item}: expected the folder of an L2A product in our layout.`
        : `There is no folder '${folder}'. Name the folder of an L2A product.`,
      { cause },
    )
  }
  return parseProductJson(path, text, itemSchema, 'no item of a product')
}

const namingOf = (
  properties: Readonly<Record<string, unknown>>,
  extension: string,
): Record<string, string | number> =>
  Object.fromEntries(
    Object.entries(properties).filter(
      (entry): entry is [string, string | number] =>
        entry[0].startsWith(`${extension}:`) && ['string', 'number'].includes(typeof entry[1]),
    ),
  )

async function pathOf(
  folder: string,
  name: string,
  file: string,
  expectedBytes: number | null | undefined,
): Promise<string> {
  const path = join(folder, file)
  const info = await stat(path).catch(() => undefined)
  if (expectedBytes === undefined || info?.isFile() !== true)
    throw new ProcessingError(
      'PRODUCT_INCOMPLETE',
      `'${path}' is missing: product ${name} ${expectedBytes === undefined ? 'has no such file' : 'names it in its item'}. Make the product again.`,
    )
  if (expectedBytes !== null && info.size !== expectedBytes)
    throw new ProcessingError(
      'RASTER_UNREADABLE',
      `'${path}' has ${info.size} bytes, ${expectedBytes} were expected: it is cut or was changed. Make the product again.`,
    )
  return path
}

/** The best reflectance that a product has of all these bands: corrected for slopes, else for flat ground; undefined where it has neither of all. */
export const reflectanceKindOf = (
  { files }: Pick<L2aProduct, 'files'>,
  bands: readonly string[],
): ReflectanceKind | undefined =>
  (['fre', 'sre'] as const).find((kind) => bands.every((band) => files.has(bandFile(band, kind))))

/** The error of a product that lacks bands: says which of them, and what it has. */
export function lacksBands(product: L2aProduct, bands: readonly string[]): ProcessingError {
  const missing = bands.filter(
    (band) => !product.files.has(bandFile(band, 'sre')) && !product.files.has(bandFile(band, 'fre')),
  )
  const there = [...product.files].sort().join(', ')
  return new ProcessingError(
    'PRODUCT_INCOMPLETE',
    `'${product.folder}': expected ${bands.join(', ')} as _fre.tif or as _sre.tif, ` +
      `${missing.length > 0 ? `${missing.join(', ')} missing` : 'not all of them are of one kind'}; it has ${there || 'no raster'}.`,
  )
}
