/** The task of the kernel pool that decides masks: many plain loops over cells, which beside correction cost no time. */
import type { AngleGrid, DetectorAngles, SpectralSensor } from '../../domain/l1-scene.js'
import { gasTransmittance } from '../../processors/l2a/gas.js'
import { cirrusCells } from '../../processors/l2a/masks/cirrus.js'
import { decideMasks, type DecidedMasks, type MaskInput } from '../../processors/l2a/masks/decide-masks.js'
import { coverOfCells } from '../../processors/l2a/masks/ground-cover.js'
import type { MaskBand, MaskCells } from '../../processors/l2a/masks/mask-cells.js'
import { sunOffsets, viewOffsets, type Offsets } from '../../processors/l2a/masks/sky-paths.js'
import { pressureAtAltitude, SEA_LEVEL_HPA } from '../../processors/l2a/pressure.js'
import { anySaturated, type ToaCells } from '../../processors/l2a/toa-cells.js'

/** All of it can be handed to another thread. */
export interface MaskTask extends Pick<MaskInput, 'altitudeM' | 'givenCloud' | 'chain' | 'dilationM'> {
  readonly satellite: 's2' | 'landsat'
  readonly sensor: SpectralSensor
  readonly sun: AngleGrid
  /** View directions of the red band. */
  readonly views: readonly DetectorAngles[]
  /** The bands that masks look at. */
  readonly ids: Readonly<Record<MaskBand | 'cirrus', string>>
  /** On the cells on which masks are decided. */
  readonly toa: ToaCells
  /** Water vapour of a column at sea level, g/cm2. */
  readonly wv: number
}

export interface SceneMasks extends Pick<DecidedMasks, 'bits'> {
  /** Class of each cell in SCL.tif, were it clear land; on shared memory. */
  readonly cover: Uint8Array
}

export function decideCellMasks(task: MaskTask): SceneMasks {
  const { ids, toa, sun, views, altitudeM, givenCloud, chain, dilationM } = task
  const { grid } = toa
  const cells = maskCellsOf(task)
  const sky = {
    sun: sunOffsets(sun, grid),
    view: viewOffsets(
      views,
      toa.bands.get(ids.red)?.detectors ?? new Uint32Array(grid.width * grid.height),
      grid,
    ),
  }
  const cirrus = cirrusOf(task, sky)
  const { bits } = decideMasks({ cells, sky, altitudeM, chain, cirrus, givenCloud, dilationM })
  return { bits, cover: coverOfCells(cells) }
}

/** A band that the scene lacks has no value anywhere: nothing is decided then. */
function maskCellsOf({ ids, toa }: MaskTask): MaskCells {
  const { grid, bands } = toa
  const size = grid.width * grid.height
  const of = (band: MaskBand): Float32Array => bands.get(ids[band])?.rho ?? new Float32Array(size).fill(NaN)
  return {
    grid,
    bands: {
      ...{ blue: of('blue'), green: of('green'), red: of('red') },
      ...{ nir: of('nir'), swir16: of('swir16'), swir22: of('swir22') },
    },
    isSaturated: anySaturated(toa, [ids.blue, ids.green, ids.red]),
  }
}

/** Null where the scene has no cirrus band. */
function cirrusOf(
  { ids, satellite, sensor, toa, wv, altitudeM }: MaskTask,
  { sun, view }: { readonly sun: Offsets; readonly view: Offsets },
): Uint8Array | null {
  const measured = toa.bands.get(ids.cirrus)
  if (measured === undefined) return null
  const secant = ({ east, north }: Offsets, i: number) => Math.hypot(1, east[i] ?? NaN, north[i] ?? NaN)
  return cirrusCells(measured.rho, altitudeM, satellite, (z, cell) => {
    const pressureRatio = pressureAtAltitude(z) / SEA_LEVEL_HPA
    const airMass = secant(sun, cell) + secant(view, cell)
    return gasTransmittance(sensor, ids.cirrus, { airMass, wv, ozone: 0, pressureRatio }).water
  })
}
