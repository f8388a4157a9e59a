import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ForeignL2a } from '../../domain/foreign-l2a.js'
import type { Grid } from '../../domain/grid.js'
import { PRODUCT_FILES, bandFile } from '../../products/layout.js'
import { publishError } from '../../products/publish.js'
import { buildItem, readFileFacts, type RasterAsset } from '../../products/stac/build-item.js'
import { validateStacItem } from '../../products/stac/validate-stac-item.js'
import { importL2a } from '../../processors/import_l2a/definition.js'
import { gridOutline, toLonLat } from '../../raster/transform.js'
import type { ConvertedRaster } from './convert-l2a.js'

const NO_DATA = -32768
/** Points an edge of the footprint gets, as in our own items. */
const POINTS_PER_EDGE = 22

export interface ForeignItemInput {
  readonly source: ForeignL2a
  readonly name: string
  readonly folder: string
  readonly rasters: readonly ConvertedRaster[]
  readonly finest: Grid
  /** 0..1 of the valid pixels; null where none is valid. */
  readonly cloudShare: number | null
  readonly versions: Readonly<Record<string, string>>
  readonly createdAt: string
}

/** Writes and validates `item.json`, which names the processor that made the reflectance; returns its bounds, east > 180 over the antimeridian. Rejects with INTERNAL for an invalid item. */
export async function writeForeignItem(
  input: ForeignItemInput,
): Promise<readonly [number, number, number, number]> {
  const { source, name, folder, rasters, finest, cloudShare, versions, createdAt } = input
  const facts = (file: string) => readFileFacts(join(folder, file))
  const item = buildItem({
    name,
    level: 'L2A',
    platforms: [source.platform],
    naming: {
      extension: 'mgrs',
      properties: {
        'mgrs:utm_zone': Number(source.tile.slice(0, 2)),
        'mgrs:latitude_band': source.tile.slice(2, 3),
        'mgrs:grid_square': source.tile.slice(3, 5),
      },
    },
    relativeOrbit: source.relativeOrbit,
    orbitDirection: source.orbitDirection,
    sensedAt: source.sensedAt,
    createdAt,
    epsg: finest.epsg,
    outline: toLonLat(finest.epsg, gridOutline(finest, POINTS_PER_EDGE)),
    sun: source.sun,
    cloudPercent: cloudShare === null ? null : cloudShare * 100,
    lineage: `${source.productUri}, surface reflectance made by ${source.producer.name} (${source.producer.version}), layout changed, no pixel corrected.`,
    processorVersion: String(importL2a.version),
    ...(source.datatakeId === null ? {} : { properties: { 'tilth:datatake_id': source.datatakeId } }),
    software: { ...versions, [source.producer.name.toLowerCase()]: source.producer.version },
    rasters: await Promise.all(
      rasters.map(async (raster): Promise<RasterAsset> => ({
        ...assetOf(source, raster),
        ...(await facts(raster.file)),
      })),
    ),
    quicklook: {
      file: PRODUCT_FILES.quicklook,
      title: 'True-colour picture',
      ...(await facts(PRODUCT_FILES.quicklook)),
    },
    report: { file: PRODUCT_FILES.report, ...(await facts(PRODUCT_FILES.report)) },
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

function assetOf(
  source: ForeignL2a,
  { file, grid, statistics }: ConvertedRaster,
): Omit<RasterAsset, 'sizeBytes' | 'sha256'> {
  const band = source.bands.find(({ id, kind }) => bandFile(id, kind) === file)
  const bits = { nodata: null, scale: 1, offset: 0, unit: '1', roles: ['data', 'data-mask'] } as const
  if (file === PRODUCT_FILES.mask) return { file, grid, title: 'Mask bits', dataType: 'uint16', ...bits }
  if (file === PRODUCT_FILES.scl)
    return { file, grid, title: "Scene class, Sen2Cor's numbers", dataType: 'uint8', ...bits, nodata: 0 }
  const stored = { dataType: 'int16', nodata: NO_DATA, offset: 0 } as const
  if (band === undefined) {
    const isAot = file === PRODUCT_FILES.aot
    const title = isAot ? 'Aerosol optical thickness at 550 nm' : 'Water vapour column'
    return {
      file,
      grid,
      title,
      roles: ['data', 'metadata'],
      ...stored,
      scale: 0.001,
      unit: isAot ? '1' : 'g/cm2',
    }
  }
  const { min = null, mean = null, max = null, valid_share = 0 } = statistics ?? {}
  return {
    file,
    grid,
    title: `Surface reflectance of ${band.id}, ${band.kind === 'fre' ? 'corrected for slopes' : 'flat ground'}`,
    band: band.id,
    roles: ['data', 'reflectance'],
    ...stored,
    scale: 0.0001,
    unit: '1',
    ...(min === null || mean === null || max === null
      ? {}
      : { statistics: { min, mean, max, validPercent: valid_share * 100 } }),
  }
}
