import { readFile, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { ProcessingError } from '../../domain/errors.js'
import type { L1Scene } from '../../domain/l1-scene.js'
import { CELL_BAND_IDS } from '../../processors/l2a/cells.js'
import { openL2aProduct, type L2aProduct } from '../../products/l2a/open-l2a.js'
import { parseProductJson } from '../../products/l2a/parse-json.js'
import { bandFile, PRODUCT_FILES } from '../../products/layout.js'
import { productsIn } from './chain-in-folder.js'

/** What an image is laid on. */
export interface ShiftReference {
  readonly product: L2aProduct
  /** Its near infrared, and what tells this file from any other of the name. */
  readonly nir: { readonly path: string; readonly file: string; readonly digest: string | null }
  /** The band by which clouds of the scene are told before anything is known: of both, the one that haze shows best. */
  readonly blue: { readonly band: string; readonly path: string }
  readonly maskPath: string
}

/** Coastal blue sees the same light from both families, as blue does. */
const BLUE_BANDS = ['B01', 'B02']

/**
 * The product that `path` names: itself, or the only one of the scene's tile in a folder of products.
 * @throws ProcessingError NOT_FOUND; BAD_ARGUMENT where a folder has none or several of the tile, or the product lacks what is compared; those of `openL2aProduct`.
 */
export async function openShiftReference(
  path: string,
  scene: Pick<L1Scene, 'tile' | 'bands'>,
): Promise<ShiftReference> {
  const product = await openL2aProduct(await folderOf(resolve(path), scene.tile))
  const file = bandFile(CELL_BAND_IDS[product.satellite].nir, 'sre')
  const blue = BLUE_BANDS.find(
    (id) => product.files.has(bandFile(id, 'sre')) && scene.bands.some((band) => band.id === id),
  )
  if (!product.files.has(file) || blue === undefined)
    throw new ProcessingError(
      'BAD_ARGUMENT',
      `coregister '${product.folder}': expected ${file} and, of a band that the image has too, ${BLUE_BANDS.map((id) => bandFile(id, 'sre')).join(' or ')}; ` +
        `found ${[...product.files].sort().join(', ')}.`,
    )
  return {
    product,
    nir: { path: await product.path(file), file, digest: await digestOf(product.folder, file) },
    blue: { band: blue, path: await product.path(bandFile(blue, 'sre')) },
    maskPath: await product.path(PRODUCT_FILES.mask),
  }
}

async function folderOf(path: string, tile: string): Promise<string> {
  const info = await stat(path).catch(() => undefined)
  if (info?.isDirectory() !== true)
    throw new ProcessingError(
      'NOT_FOUND',
      `coregister: there is no folder '${path}'. Name that of an L2A product, or one with a product for each tile.`,
    )
  const isProduct = await stat(join(path, PRODUCT_FILES.item)).catch(() => undefined)
  if (isProduct !== undefined) return path
  const ofTile = (await productsIn(path)).filter(({ id }) => id.tile === tile)
  const [only] = ofTile
  if (only === undefined || ofTile.length > 1)
    throw new ProcessingError(
      'BAD_ARGUMENT',
      `coregister '${path}': expected the folder of an L2A product, or one with exactly one product of tile ${tile}; ` +
        `found ${ofTile.length === 0 ? 'none' : ofTile.map(({ name }) => name).join(', ')}. Name the one that is meant.`,
    )
  return join(path, only.name)
}

const checksums = z.object({
  assets: z.record(z.string(), z.looseObject({ href: z.string(), 'file:checksum': z.string().optional() })),
})

/** What the item says of the file's bytes; null where it says nothing. */
async function digestOf(folder: string, file: string): Promise<string | null> {
  const path = join(folder, PRODUCT_FILES.item)
  const item = parseProductJson(path, await readFile(path, 'utf8'), checksums, 'no item of a product')
  const asset = Object.values(item.assets).find(({ href }) => href.replace(/^\.\//, '') === file)
  return asset?.['file:checksum'] ?? null
}
