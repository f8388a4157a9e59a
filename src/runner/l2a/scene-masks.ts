import type { Grid } from '../../domain/grid.js'
import type { L1Scene } from '../../domain/l1-scene.js'
import { cellGrid } from '../../processors/l2a/cells.js'
import type { L2aParams } from '../../processors/l2a/definition.js'
import { gasTransmittance } from '../../processors/l2a/gas.js'
import { cirrusCells } from '../../processors/l2a/masks/cirrus.js'
import { decideMasks, type DecidedMasks, type MaskInput } from '../../processors/l2a/masks/decide-masks.js'
import { coverOfCells } from '../../processors/l2a/masks/ground-cover.js'
import { MASK_CELL_M, type MaskBand, type MaskCells } from '../../processors/l2a/masks/mask-cells.js'
import { sunOffsets, viewOffsets, type Offsets } from '../../processors/l2a/masks/sky-paths.js'
import { pressureAtAltitude, SEA_LEVEL_HPA } from '../../processors/l2a/pressure.js'
import type { ToaCells } from '../../processors/l2a/toa-cells.js'
import { readHeights } from '../../raster/read-heights.js'
import { givenClouds } from './given-clouds.js'
import { productGrids } from './product-grids.js'

/** The bands of a family that the masks look at. */
const MASK_BAND_IDS: Readonly<Record<'s2' | 'landsat', Readonly<Record<MaskBand | 'cirrus', string>>>> = {
  s2: { blue: 'B02', green: 'B03', red: 'B04', nir: 'B8A', swir16: 'B11', swir22: 'B12', cirrus: 'B10' },
  landsat: {
    ...{ blue: 'B02', green: 'B03', red: 'B04', nir: 'B05' },
    ...{ swir16: 'B06', swir22: 'B07', cirrus: 'B09' },
  },
}

/** Whether a band is wanted on the cells of masks. */
export const isMaskBand =
  ({ satellite }: Pick<L1Scene, 'satellite'>) =>
  (band: string): boolean =>
    Object.values(MASK_BAND_IDS[satellite]).includes(band)

/** The cells on which masks of a scene are decided: whole pixels of the near infrared; of larger ones (the cirrus band's) each cell takes the pixel below its centre. */
export function maskGrid(scene: L1Scene): Grid {
  const { finest } = productGrids(scene)
  const nir = scene.bands.find(({ id }) => id === MASK_BAND_IDS[scene.satellite].nir)
  return cellGrid(finest, nir?.grid ?? finest, MASK_CELL_M)
}

export interface SceneMasksInput {
  readonly scene: L1Scene
  /** Of the bands of `isMaskBand`, on `maskGrid`. */
  readonly toa: ToaCells
  readonly params: Pick<L2aParams, 'dem' | 'cloud_mask' | 'cloud_dilation'>
  /** Water vapour of a column at sea level, g/cm2: whether the ground shines through in the cirrus band. */
  readonly wv: number
  readonly chain: MaskInput['chain']
}

export interface SceneMasks extends DecidedMasks {
  /** Class of each cell in SCL.tif, were it clear land; on shared memory. */
  readonly cover: Uint8Array
}

/** Decides the masks of a scene. Throws as `readHeights` for the DEM and `givenClouds` for the user's mask. */
export async function decideSceneMasks(input: SceneMasksInput): Promise<SceneMasks> {
  const { scene, toa, params, chain } = input
  const { grid } = toa
  const cells = maskCellsOf(toa, scene)
  const ids = MASK_BAND_IDS[scene.satellite]
  const red = scene.bands.find(({ id }) => id === ids.red)
  const size = grid.width * grid.height
  const sky = {
    sun: sunOffsets(scene.sun, grid),
    view: viewOffsets(red?.detectors ?? [], toa.bands.get(ids.red)?.detectors ?? new Uint32Array(size), grid),
  }
  const altitudeM = params.dem === null ? null : (await readHeights(params.dem, grid, 'bilinear')).metres
  const decided = decideMasks({
    ...{ cells, sky, altitudeM, chain },
    cirrus: cirrusOf(input, sky, altitudeM),
    givenCloud: params.cloud_mask === null ? null : await givenClouds(params.cloud_mask, grid, 'whole'),
    dilationM: params.cloud_dilation,
  })
  return { ...decided, cover: coverOfCells(cells) }
}

/** A band that the scene lacks has no value anywhere: nothing is decided then. */
function maskCellsOf({ grid, bands }: ToaCells, { satellite }: L1Scene): MaskCells {
  const ids = MASK_BAND_IDS[satellite]
  const size = grid.width * grid.height
  const of = (band: MaskBand): Float32Array => bands.get(ids[band])?.rho ?? new Float32Array(size).fill(NaN)
  const visible = [ids.blue, ids.green, ids.red].flatMap((id) => bands.get(id) ?? [])
  return {
    grid,
    bands: {
      ...{ blue: of('blue'), green: of('green'), red: of('red') },
      ...{ nir: of('nir'), swir16: of('swir16'), swir22: of('swir22') },
    },
    isSaturated: anyOf(
      visible.map(({ isSaturated }) => isSaturated),
      size,
    ),
  }
}

function anyOf(planes: readonly Uint8Array[], size: number): Uint8Array {
  const any = new Uint8Array(size)
  for (const plane of planes) for (let i = 0; i < size; i++) if (plane[i] === 1) any[i] = 1
  return any
}

/** Null where the scene has no cirrus band. */
function cirrusOf(
  { scene, toa, wv }: SceneMasksInput,
  { sun, view }: { readonly sun: Offsets; readonly view: Offsets },
  altitudeM: Float32Array | null,
): Uint8Array | null {
  const id = MASK_BAND_IDS[scene.satellite].cirrus
  const measured = toa.bands.get(id)
  if (measured === undefined) return null
  const secant = ({ east, north }: Offsets, i: number) => Math.hypot(1, east[i] ?? NaN, north[i] ?? NaN)
  return cirrusCells(measured.rho, altitudeM, scene.satellite, (z, cell) => {
    const pressureRatio = pressureAtAltitude(z) / SEA_LEVEL_HPA
    const airMass = secant(sun, cell) + secant(view, cell)
    return gasTransmittance(scene.sensor, id, { airMass, wv, ozone: 0, pressureRatio }).water
  })
}
