import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Grid } from '../../domain/grid.js'
import type { AngleGrid, L1Scene } from '../../domain/l1-scene.js'
import { l2a, type L2aParams } from '../../processors/l2a/definition.js'
import { CELL_BANDS, CELL_NO_DATA } from '../../processors/l2a/cells.js'
import { PRODUCT_FILES, STATE_DAYS_FILE, bandFile, stateFile } from '../../products/layout.js'
import { publishError } from '../../products/publish.js'
import { buildItem, readFileFacts, type RasterAsset } from '../../products/stac/build-item.js'
import { validateStacItem } from '../../products/stac/validate-stac-item.js'
import { gridOutline, toLonLat } from '../../raster/transform.js'
import type { CorrectedBand } from './correct-bands.js'
import { productGrids, type ProductGrids } from './product-grids.js'
import type { MaskShares } from './write-masks.js'

export interface WriteItemInput {
  readonly folder: string
  readonly name: string
  readonly scene: L1Scene
  readonly params: L2aParams
  readonly bands: readonly CorrectedBand[]
  readonly shares: MaskShares
  readonly versions: Readonly<Record<string, string>>
  readonly createdAt: string
  /** The grid of the state's files. */
  readonly cells: Grid
}

/** Points an edge of the footprint gets: 5 km apart on a full tile, so that its edges follow the meridians' curve within a metre. */
const POINTS_PER_EDGE = 22

/** Writes and validates `item.json`. Returns the footprint's box, east > 180 over the antimeridian. Rejects with INTERNAL for an invalid item. */
export async function writeItem(
  input: WriteItemInput,
): Promise<{ bbox: readonly [number, number, number, number] }> {
  const { folder, scene, params } = input
  const grids = productGrids(scene)
  const reference = scene.bands.find(({ id }) => id === scene.viewBand) ?? scene.bands[0]
  const view =
    reference === undefined || reference.detectors.length === 0
      ? undefined
      : meanAngles(reference.detectors.map((d) => d.angles))
  const item = buildItem({
    name: input.name,
    level: 'L2A',
    platforms: [scene.platform],
    naming: scene.naming,
    relativeOrbit: scene.relativeOrbit,
    orbitDirection: scene.orbitDirection,
    sensedAt: scene.sensedAt,
    createdAt: input.createdAt,
    epsg: grids.finest.epsg,
    outline: toLonLat(grids.finest.epsg, gridOutline(grids.finest, POINTS_PER_EDGE)),
    sun: meanAngles([scene.sun]),
    ...(view === undefined ? {} : { view }),
    cloudPercent: input.shares.cloud === null ? null : input.shares.cloud * 100,
    lineage: `${scene.productUri}, surface reflectance with AOT ${params.aot} at 550 nm, ${params.wv} g/cm2 water vapour, ${params.ozone} DU ozone, ${params.aerosol} aerosol.`,
    processorVersion: String(l2a.version),
    software: input.versions,
    rasters: [
      ...(await Promise.all(input.bands.map((band) => reflectanceAsset(folder, band)))),
      ...(await Promise.all(
        [...otherAssets(grids), ...stateAssets(input.cells)].map(async (a) => ({
          ...a,
          ...(await readFileFacts(join(folder, a.file))),
        })),
      )),
    ],
    quicklook: {
      file: PRODUCT_FILES.quicklook,
      title: 'True-colour picture',
      ...(await readFileFacts(join(folder, PRODUCT_FILES.quicklook))),
    },
    report: { file: PRODUCT_FILES.report, ...(await readFileFacts(join(folder, PRODUCT_FILES.report))) },
  })
  await validateStacItem(item)
  try {
    await writeFile(join(folder, PRODUCT_FILES.item), `${JSON.stringify(item, null, 2)}\n`)
  } catch (cause) {
    throw publishError(`Writing ${PRODUCT_FILES.item}`, cause)
  }
  const [west, south, east, north] = item.bbox
  return { bbox: [west, south, east < west ? east + 360 : east, north] }
}

async function reflectanceAsset(
  folder: string,
  { band, grid, statistics }: CorrectedBand,
): Promise<RasterAsset> {
  const file = bandFile(band, 'sre')
  const { min, mean, max, valid_share } = statistics
  return {
    file,
    title: `Surface reflectance of ${band}, flat ground`,
    band,
    roles: ['data', 'reflectance'],
    grid,
    dataType: 'int16',
    nodata: -32768,
    scale: 0.0001,
    offset: 0,
    unit: '1',
    ...(min === null || mean === null || max === null
      ? {}
      : { statistics: { min, mean, max, validPercent: valid_share * 100 } }),
    ...(await readFileFacts(join(folder, file))),
  }
}

function otherAssets({ finest, scene, coarsest }: ProductGrids): Omit<RasterAsset, 'sizeBytes' | 'sha256'>[] {
  const bits = { dataType: 'uint16', nodata: null, scale: 1, offset: 0, unit: '1' } as const
  const thousandths = { dataType: 'int16', nodata: -32768, scale: 0.001, offset: 0 } as const
  return [
    { file: PRODUCT_FILES.mask, title: 'Mask bits', roles: ['data', 'data-mask'], grid: finest, ...bits },
    {
      file: PRODUCT_FILES.scl,
      title: "Scene class, Sen2Cor's numbers",
      roles: ['data', 'data-mask'],
      grid: scene,
      ...bits,
      dataType: 'uint8',
      nodata: 0,
    },
    {
      file: PRODUCT_FILES.aot,
      title: 'Aerosol optical thickness at 550 nm',
      roles: ['data', 'metadata'],
      grid: coarsest,
      ...thousandths,
      unit: '1',
    },
    {
      file: PRODUCT_FILES.wv,
      title: 'Water vapour of the column above sea level',
      roles: ['data', 'metadata'],
      grid: coarsest,
      ...thousandths,
      unit: 'g/cm2',
    },
  ]
}

function stateAssets(grid: Grid): Omit<RasterAsset, 'sizeBytes' | 'sha256'>[] {
  const roles = ['metadata']
  return [
    ...CELL_BANDS.map((band) => ({
      ...{ file: stateFile(band), roles, grid, dataType: 'int16' as const, nodata: CELL_NO_DATA },
      ...{ scale: 0.0001, offset: 0, unit: '1' },
      title: `State of the chain: reflectance when last clear, ${band}`,
    })),
    {
      ...{
        file: STATE_DAYS_FILE,
        roles,
        grid,
        dataType: 'uint16',
        nodata: 0,
        scale: 1,
        offset: 0,
        unit: 'd',
      },
      title: 'State of the chain: day on which the cell was clear, since 1970-01-01',
    },
  ]
}

/** Mean direction of grids of angles, degrees: of unit vectors, so that azimuths of 359 and 1 meet at 0. */
function meanAngles(grids: readonly AngleGrid[]): { zenith: number; azimuth: number } {
  let [x, y, z] = [0, 0, 0]
  for (const grid of grids)
    grid.zenith.forEach((zenith, i) => {
      const [t, p] = [(zenith * Math.PI) / 180, ((grid.azimuth[i] ?? 0) * Math.PI) / 180]
      x += Math.sin(t) * Math.sin(p)
      y += Math.sin(t) * Math.cos(p)
      z += Math.cos(t)
    })
  const azimuth = (Math.atan2(x, y) * 180) / Math.PI
  return {
    zenith: (Math.atan2(Math.hypot(x, y), z) * 180) / Math.PI,
    azimuth: azimuth < 0 ? azimuth + 360 : azimuth,
  }
}
