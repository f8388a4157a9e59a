import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Grid } from '../domain/grid.js'
import { PRODUCT_FILES } from '../products/layout.js'
import { publishError } from '../products/publish.js'
import { buildItem, readFileFacts, type ItemInput, type RasterAsset } from '../products/stac/build-item.js'
import { validateStacItem } from '../products/stac/validate-stac-item.js'
import { gridOutline, toLonLat } from '../raster/transform.js'

/** Points an edge of the footprint gets: 5 km apart on a full tile, so that its edges follow the meridians' curve within a metre. */
const POINTS_PER_EDGE = 22

/** An item before the facts of its files are known. */
export interface DraftItem extends Omit<ItemInput, 'epsg' | 'outline' | 'rasters' | 'quicklook' | 'report'> {
  readonly folder: string
  /** Whose outline is the footprint. */
  readonly grid: Grid
  readonly rasters: readonly Omit<RasterAsset, 'sizeBytes' | 'sha256'>[]
  readonly quicklookTitle: string
}

/**
 * Writes `item.json` of a folder whose rasters, quicklook and report are complete, valid by our schemas. Returns the footprint's box, east > 180
 * over the antimeridian. Rejects with INTERNAL for an invalid item, DISK_FULL, WRITE_FAILED.
 */
export async function writeCheckedItem(draft: DraftItem): Promise<readonly [number, number, number, number]> {
  const { folder, grid, rasters, quicklookTitle, ...rest } = draft
  const factsOf = (file: string) => readFileFacts(join(folder, file))
  const item = buildItem({
    ...rest,
    epsg: grid.epsg,
    outline: toLonLat(grid.epsg, gridOutline(grid, POINTS_PER_EDGE)),
    rasters: await Promise.all(rasters.map(async (r) => ({ ...r, ...(await factsOf(r.file)) }))),
    quicklook: {
      file: PRODUCT_FILES.quicklook,
      title: quicklookTitle,
      ...(await factsOf(PRODUCT_FILES.quicklook)),
    },
    report: { file: PRODUCT_FILES.report, ...(await factsOf(PRODUCT_FILES.report)) },
  })
  await validateStacItem(item)
  try {
    await writeFile(join(folder, PRODUCT_FILES.item), `${JSON.stringify(item, null, 2)}\n`)
  } catch (cause) {
    throw publishError(`Writing ${PRODUCT_FILES.item}`, cause)
  }
  const [west, south, east, north] = item.bbox
  return [west, south, east < west ? east + 360 : east, north]
}
