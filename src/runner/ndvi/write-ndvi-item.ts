import type { Grid } from '../../domain/grid.js'
import { ndvi } from '../../processors/ndvi/definition.js'
import type { L2aProduct } from '../../products/l2a/open-l2a.js'
import { NDVI_FILE, PRODUCT_FILES, type ReflectanceKind } from '../../products/layout.js'
import type { BandStatistics } from '../../products/report.js'
import { writeCheckedItem } from '../write-checked-item.js'

export interface NdviItemInput {
  readonly folder: string
  readonly name: string
  readonly source: L2aProduct
  readonly grid: Grid
  readonly kind: ReflectanceKind
  readonly band: BandStatistics
  /** 0..1 of the valid pixels; null where not known. */
  readonly cloudShare: number | null
  readonly lineage: string
  readonly versions: Readonly<Record<string, string>>
  readonly createdAt: string
}

/** `item.json` of an L3B product; time, sun and grid naming are those of its L2A product. Returns its box. Rejects as `writeCheckedItem`. */
export async function writeNdviItem(
  input: NdviItemInput,
): Promise<readonly [number, number, number, number]> {
  const { folder, name, source, grid, kind, band, cloudShare, lineage, versions, createdAt } = input
  const { min, mean, max, valid_share } = band
  return writeCheckedItem({
    ...{ folder, name, grid, lineage, createdAt },
    level: 'L3B',
    platforms: [source.platform],
    naming: source.naming,
    relativeOrbit: source.id.relativeOrbit,
    ...(source.orbitDirection === undefined ? {} : { orbitDirection: source.orbitDirection }),
    sensedAt: source.sensedAt,
    sun: source.sun,
    cloudPercent: cloudShare === null ? null : cloudShare * 100,
    processorVersion: String(ndvi.version),
    software: versions,
    properties: { 'tilth:reflectance': kind },
    quicklookTitle: 'NDVI in colours',
    rasters: [
      {
        file: NDVI_FILE,
        title: 'Normalised difference vegetation index',
        roles: ['data'],
        grid,
        ...{ dataType: 'int16', nodata: -32768, scale: 0.0001, offset: 0, unit: '1' },
        ...(min === null || mean === null || max === null
          ? {}
          : { statistics: { min, mean, max, validPercent: valid_share * 100 } }),
      },
      {
        file: PRODUCT_FILES.mask,
        title: 'Mask bits of the L2A product',
        roles: ['data', 'data-mask'],
        grid,
        ...{ dataType: 'uint16', nodata: null, scale: 1, offset: 0, unit: '1' },
      },
    ],
  })
}
