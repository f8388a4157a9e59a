import type { L1Scene } from '../../domain/l1-scene.js'
import { BandTable } from '../../processors/l2a/band-table.js'
import { mustBeBrighterThanAir } from '../../processors/l2a/brighter-than-air.js'
import { aboveSeaLevel } from '../../processors/l2a/above-sea-level.js'
import { axesOf } from '../../processors/l2a/axes.js'
import {
  CELL_BAND_IDS,
  CELL_BANDS,
  CELL_NO_DATA,
  type CellBand,
  type CellPlanes,
} from '../../processors/l2a/cells.js'
import type { ChainState } from '../../processors/l2a/chain-state.js'
import { dayOf } from '../../processors/l2a/chain-state.js'
import { buildCoefficientPlanes, type CoefficientPlanes } from '../../processors/l2a/coefficient-planes.js'
import type { L2aParams } from '../../processors/l2a/definition.js'
import { findAtmosphereByTurns } from '../../processors/l2a/find-atmosphere.js'
import type { FoundAtmosphere } from '../../processors/l2a/found-atmosphere.js'
import { storedCells, surfaceCells } from '../../processors/l2a/surface-cells.js'
import { surroundingsOf } from '../../processors/l2a/surroundings.js'
import type { ToaCells } from '../../processors/l2a/toa-cells.js'
import { atmosphereOf } from '../rt/atmosphere-table.js'
import { clearByOwnMask } from './clear-cells.js'
import { firstOf, readGivenForecast } from './given-forecast.js'
import { convergenceOf } from './terrain.js'
import { pressureOnCells, type SurfacePressure } from './elevation.js'

export interface DecideOptions {
  readonly scene: L1Scene
  /** What the first pass measured. */
  readonly toa: ToaCells
  readonly pressure: SurfacePressure
  readonly params: L2aParams
  /** What the chain knows of the ground, on the same cells; null: nothing. */
  readonly state: ChainState | null
  readonly blockSize: number
  readonly signal: AbortSignal
}

/** The atmosphere above a scene, and what a user should know of it. */
export interface DecidedAtmosphere extends FoundAtmosphere {
  /** 1 where the product's own mask leaves a cell clear, or there is none. */
  readonly isClearByMask: Uint8Array
  readonly notes: readonly string[]
  readonly flags: FoundAtmosphere['flags']
}

/** Finds the atmosphere of a scene: from its cells, its own mask, what comes beside its images, and the state of its chain. Throws RASTER_UNREADABLE of the mask, and what `readGivenForecast` throws. */
export async function decideAtmosphere(options: DecideOptions): Promise<DecidedAtmosphere> {
  const { scene, toa, pressure, params, state } = options
  const beside = await scene.readAuxiliary()
  const { air: told, notes } =
    params.auxiliary === null
      ? beside
      : firstOf(await readGivenForecast(params.auxiliary, toa.grid, scene.sensedAt), beside)
  const model = atmosphereOf(scene)
  const pressureHpa = pressureOnCells(pressure, toa.grid)
  const auxiliary = aboveSeaLevel(told, pressureHpa)
  mustBeBrighterThanAir(scene, toa, pressureHpa, model)
  const isClearByMask = await clearByOwnMask(scene, toa.grid, options)
  const request = {
    ...{ model, scene, cells: toa, params, auxiliary, state, day: dayOf(scene.sensedAt) },
    pressureHpa,
    nodesHpa: pressure.nodesHpa,
    isCovered: isClearByMask.map((is) => 1 - is),
  }
  const found = await findAtmosphereByTurns(request, options.signal)
  return { ...found, isClearByMask, notes }
}

/** Coefficients of one band for the second pass; of what lies beside the pixel and of its slope only where they count. */
export function coefficientsOf(
  { scene, toa, pressure }: Pick<DecideOptions, 'scene' | 'toa' | 'pressure'>,
  { nodes, ozone, aerosol }: FoundAtmosphere,
  band: L1Scene['bands'][number],
  ground: { readonly hasSurroundings: boolean; readonly isSloping: boolean },
): CoefficientPlanes {
  const { sensor, sun, sunCosine } = scene
  const axes = axesOf(nodes, pressure.nodesHpa)
  return buildCoefficientPlanes({
    ...{ nodes, cells: toa.grid, sun, sunCosine, convergenceDeg: convergenceOf(toa.grid) },
    table: new BandTable({
      ...{ model: atmosphereOf(scene), sensor, band, sun, ozone, aerosol, axes },
      withLegs: ground.hasSurroundings || ground.isSloping,
    }),
    isSloping: ground.isSloping,
    detectors: toa.bands.get(band.id)?.detectors ?? new Uint32Array(0),
  })
}

/** Surface reflectance of one band on cells, unit 1, NaN where nothing was measured; null where the scene lacks the band. `around` as of `surfaceCells`. */
export function surfaceOnCells(
  { scene, toa, pressure }: Pick<DecideOptions, 'scene' | 'toa' | 'pressure'>,
  { nodes, air, ozone, aerosol }: FoundAtmosphere,
  band: L1Scene['bands'][number],
  around: Float32Array | null = null,
): Float32Array | null {
  const measured = toa.bands.get(band.id)
  if (measured === undefined) return null
  const { sensor, sun } = scene
  const axes = axesOf(nodes, pressure.nodesHpa)
  const table = new BandTable({
    ...{ model: atmosphereOf(scene), sensor, band, sun, ozone, aerosol },
    ...{ axes, withLegs: around !== null },
  })
  return surfaceCells(measured, table, air, around)
}

/**
 * The bands that a chain remembers, as they are stored.
 * @param isSeen 1 for cells without cloud and shadow; null: light from beside is left in.
 */
export function correctCells(
  seen: Pick<DecideOptions, 'scene' | 'toa' | 'pressure'>,
  found: FoundAtmosphere,
  isSeen: Uint8Array | null,
): CellPlanes {
  const { scene, toa } = seen
  const ids = CELL_BAND_IDS[scene.satellite]
  const planeOf = (name: CellBand): Int16Array => {
    const band = scene.bands.find(({ id }) => id === ids[name])
    const own = band === undefined ? null : surfaceOnCells(seen, found, band)
    const known = isSeen === null || own === null ? null : own.map((rho, i) => (isSeen[i] === 1 ? rho : NaN))
    const around = known === null ? null : surroundingsOf(known, toa.grid)
    const rho = band === undefined || around === null ? own : surfaceOnCells(seen, found, band, around)
    return rho === null
      ? new Int16Array(toa.grid.width * toa.grid.height).fill(CELL_NO_DATA)
      : storedCells(rho)
  }
  const planes = CELL_BANDS.map((name) => [name, planeOf(name)] as const)
  return { grid: toa.grid, bands: Object.fromEntries(planes) as Record<CellBand, Int16Array> }
}

/** Bands that the atmosphere is found from, besides those that a chain remembers: blue for haze, vapour, and what aerosol hardly changes. */
const ALSO_WANTED = { s2: ['B01', 'B09', 'B12'], landsat: ['B01', 'B07'] } as const

/** Whether a band is read where only the cells are wanted. */
export const isWantedOnCells =
  (satellite: 's2' | 'landsat') =>
  (band: string): boolean =>
    [...Object.values(CELL_BAND_IDS[satellite]), ...ALSO_WANTED[satellite]].includes(band)
