import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Grid } from '../../domain/grid.js'
import type { AngleGrid, L1Scene } from '../../domain/l1-scene.js'
import { meanDirection, type Direction } from '../../domain/mean-direction.js'
import { vapourAboveGround } from '../../processors/l2a/above-sea-level.js'
import { l2a } from '../../processors/l2a/definition.js'
import { CELL_BANDS, CELL_NO_DATA } from '../../processors/l2a/cells.js'
import { meanOf } from '../../processors/l2a/fields.js'
import type { FoundAtmosphere } from '../../processors/l2a/found-atmosphere.js'
import type { NbarPlan } from '../../processors/l2a/nbar.js'
import {
  ANGLE_FILES,
  ANGLE_NO_DATA,
  PRODUCT_FILES,
  STATE_RATIO_FILE,
  STATE_RATIO_SIGMA_FILE,
  bandFile,
  finerStateFile,
  stateFile,
} from '../../products/layout.js'
import { ANGLES_FILE } from '../../products/l2a/angles.js'
import type { CoregistrationReport } from '../../products/report.js'
import { publishError } from '../../products/publish.js'
import { buildItem, readFileFacts, type RasterAsset } from '../../products/stac/build-item.js'
import { validateStacItem } from '../../products/stac/validate-stac-item.js'
import { gridOutline, toLonLat } from '../../raster/transform.js'
import type { CorrectedBand } from './correct-bands.js'
import { meanSunZenith } from './prepare-nbar.js'
import { productGrids, type ProductGrids } from './product-grids.js'
import type { MaskShares } from './write-masks.js'

export interface WriteItemInput {
  readonly folder: string
  readonly name: string
  readonly scene: L1Scene
  readonly air: FoundAtmosphere
  /** Null: the product has no such layer. */
  readonly nbar: NbarPlan | null
  readonly bands: readonly CorrectedBand[]
  readonly quicklookTitle: string
  readonly shares: MaskShares
  readonly versions: Readonly<Record<string, string>>
  readonly createdAt: string
  /** The grid of the state's files. */
  readonly cells: Grid
  /** The smaller ones of the chain's state. */
  readonly finer: Grid
  /** Null: it was not asked for. */
  readonly coregistration: CoregistrationReport | null
}

/** Points an edge of the footprint gets: 5 km apart on a full tile, so that its edges follow the meridians' curve within a metre. */
const POINTS_PER_EDGE = 22

/** Writes and validates `item.json`. Returns the footprint's box, east > 180 over the antimeridian. Rejects with INTERNAL for an invalid item. */
export async function writeItem(
  input: WriteItemInput,
): Promise<{ bbox: readonly [number, number, number, number] }> {
  const { folder, scene, air, nbar } = input
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
    lineage: `${scene.productUri}, surface reflectance with ${lineageOf(air)}.`,
    processorVersion: String(l2a.version),
    software: input.versions,
    properties: {
      ...(scene.datatakeId === undefined ? {} : { 'tilth:datatake_id': scene.datatakeId }),
      ...(nbar === null
        ? {}
        : {
            'tilth:nbar_sun_zenith': Math.round(meanSunZenith(nbar) * 100) / 100,
            'tilth:nbar_bandpass': nbar.bandpass,
          }),
      ...shiftProperties(input.coregistration),
    },
    rasters: [
      ...input.bands.map(reflectanceAsset),
      ...(await Promise.all(
        [...otherAssets(grids), ...stateAssets(input.cells, input.finer), ...angleAssets(input.cells)].map(
          async (a) => ({
            ...a,
            ...(await readFileFacts(join(folder, a.file))),
          }),
        ),
      )),
    ],
    quicklook: {
      file: PRODUCT_FILES.quicklook,
      title: input.quicklookTitle,
      ...(await readFileFacts(join(folder, PRODUCT_FILES.quicklook))),
    },
    angles: { file: ANGLES_FILE, ...(await readFileFacts(join(folder, ANGLES_FILE))) },
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

/** As the report has them; what was not found is left out. */
const shiftProperties = (found: CoregistrationReport | null): Record<string, string | number | boolean> =>
  found === null
    ? {}
    : {
        'tilth:coregistration_reference': found.reference,
        'tilth:coregistration_applied': found.applied,
        'tilth:coregistration_confidence': Math.round(found.confidence * 1000) / 1000,
        ...(found.dx_m === null ? {} : { 'tilth:coregistration_dx_m': found.dx_m }),
        ...(found.dy_m === null ? {} : { 'tilth:coregistration_dy_m': found.dy_m }),
        ...(found.residual_m === null ? {} : { 'tilth:coregistration_residual_m': found.residual_m }),
      }

/** The air above the ground in a few words; means over the cells. */
function lineageOf({ air, ozone, aerosol, origins }: FoundAtmosphere): string {
  return (
    `AOT ${meanOf(air.aot).toFixed(3)} at 550 nm (${origins.aot}), ${meanOf(vapourAboveGround(air)).toFixed(2)} g/cm2 water vapour (${origins.wv}), ` +
    `${ozone.toFixed(0)} DU ozone (${origins.ozone}), ${aerosol} aerosol (${origins.aerosol})`
  )
}

const TITLES: Readonly<Record<CorrectedBand['kind'], string>> = {
  sre: 'flat ground',
  fre: 'corrected for slopes',
  nbar: 'flat ground seen from above (NBAR)',
  sigma: 'standard deviation',
  fre_sigma: 'corrected for slopes, standard deviation',
}

function reflectanceAsset({ band, kind, grid, statistics, facts }: CorrectedBand): RasterAsset {
  const file = bandFile(band, kind)
  const { min, mean, max, valid_share } = statistics
  return {
    file,
    title: `Surface reflectance of ${band}, ${TITLES[kind]}`,
    band,
    roles: kind === 'sigma' || kind === 'fre_sigma' ? ['data', 'uncertainty'] : ['data', 'reflectance'],
    grid,
    dataType: 'int16',
    nodata: -32768,
    scale: 0.0001,
    offset: 0,
    unit: '1',
    ...(min === null || mean === null || max === null
      ? {}
      : { statistics: { min, mean, max, validPercent: valid_share * 100 } }),
    ...facts,
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
      title: 'Water vapour of the column above the ground',
      roles: ['data', 'metadata'],
      grid: coarsest,
      ...thousandths,
      unit: 'g/cm2',
    },
  ]
}

function stateAssets(grid: Grid, finer: Grid): Omit<RasterAsset, 'sizeBytes' | 'sha256'>[] {
  const roles = ['metadata']
  const memoryAssets = (on: Grid, fileOf: (what: string) => string, where: string) => [
    ...CELL_BANDS.map((band) => ({
      ...{ file: fileOf(band), roles, grid: on, dataType: 'int16' as const, nodata: CELL_NO_DATA },
      ...{ scale: 0.0001, offset: 0, unit: '1' },
      title: `State of the chain: reflectance when last clear, ${band}${where}`,
    })),
    {
      ...{ file: fileOf('days'), roles, grid: on, dataType: 'uint16' as const, nodata: 0 },
      ...{ scale: 1, offset: 0, unit: 'd' },
      title: `State of the chain: day on which the cell was clear, since 1970-01-01${where}`,
    },
  ]
  return [
    ...memoryAssets(grid, stateFile, ''),
    ...memoryAssets(finer, finerStateFile, ', smaller cells'),
    {
      ...{ file: STATE_RATIO_FILE, roles, grid, dataType: 'int16' as const, nodata: CELL_NO_DATA },
      ...{ scale: 0.0001, offset: 0, unit: '1' },
      title: 'State of the chain: blue over red as clear dates have shown it',
    },
    {
      ...{ file: STATE_RATIO_SIGMA_FILE, roles, grid, dataType: 'uint16' as const, nodata: 0 },
      ...{ scale: 0.0001, offset: 0, unit: '1' },
      title: 'State of the chain: standard deviation of blue over red',
    },
  ]
}

/** Mean direction over all nodes, degrees. */
const meanAngles = (grids: readonly AngleGrid[]): Direction =>
  meanDirection(
    grids.flatMap((grid) =>
      Array.from(grid.zenith, (zenith, i) => ({ zenith, azimuth: grid.azimuth[i] ?? 0 })),
    ),
  )

function angleAssets(grid: Grid): Omit<RasterAsset, 'sizeBytes' | 'sha256'>[] {
  const titles = [
    'Zenith of the sun',
    'Azimuth of the sun',
    'Zenith of the satellite',
    'Azimuth of the satellite',
  ]
  return ANGLE_FILES.map((file, i) => ({
    ...{ file, grid, title: titles[i] ?? '', roles: ['metadata'], dataType: 'uint16' as const },
    ...{ nodata: ANGLE_NO_DATA, scale: 0.01, offset: 0, unit: 'degree' },
  }))
}
