import type { Grid } from '../../domain/grid.js'
import type { L1Scene, L1SceneBand } from '../../domain/l1-scene.js'
import { BandTable, type TableAxes } from '../../processors/l2a/band-table.js'
import {
  CELL_BAND_IDS,
  CELL_BANDS,
  CELL_NO_DATA,
  type CellBand,
  type CellPlanes,
} from '../../processors/l2a/cells.js'
import type { AtmosphereNodes } from '../../processors/l2a/coefficient-planes.js'
import type { L2aParams } from '../../processors/l2a/definition.js'
import { nodeGrid } from '../../processors/l2a/nodes.js'
import { storedCells, surfaceCells } from '../../processors/l2a/surface-cells.js'
import type { ToaCells } from '../../processors/l2a/toa-cells.js'
import { atmosphereOf } from '../rt/atmosphere-table.js'
import { pressureOnCells, type SurfacePressure } from './elevation.js'

/** The radiative transfer of one band of a scene. */
export function tableOf(
  scene: L1Scene,
  band: L1SceneBand,
  { ozone, aerosol }: L2aParams,
  pressure: SurfacePressure,
  axes: Omit<TableAxes, 'pressureHpa'>,
): BandTable {
  const { sensor, sun } = scene
  return new BandTable({
    ...{ model: atmosphereOf(scene), sensor, band, sun, ozone, aerosol },
    axes: { ...axes, pressureHpa: pressure.nodesHpa },
  })
}

/** The atmosphere that the parameters impose, the same everywhere. */
export function imposedNodes(cells: Grid, { aot, wv }: L2aParams): AtmosphereNodes {
  const grid = nodeGrid(cells)
  const everywhere = (value: number) => new Float32Array(grid.width * grid.height).fill(value)
  return { grid, aot: everywhere(aot), aotIs: 'ground', wv: everywhere(wv) }
}

/** Surface reflectance of a scene on cells under the atmosphere that the parameters impose. */
export function correctCells(
  { grid, bands }: ToaCells,
  scene: L1Scene,
  params: L2aParams,
  pressure: SurfacePressure,
): CellPlanes {
  const ids = CELL_BAND_IDS[scene.satellite]
  const everywhere = (value: number) => new Float32Array(grid.width * grid.height).fill(value)
  const air = {
    ...{ grid, pressureHpa: pressureOnCells(pressure, grid) },
    ...{ aot: everywhere(params.aot), wv: everywhere(params.wv) },
  }
  const planeOf = (name: CellBand): Int16Array => {
    const band = scene.bands.find(({ id }) => id === ids[name])
    const toa = bands.get(ids[name])
    if (band === undefined || toa === undefined)
      return new Int16Array(grid.width * grid.height).fill(CELL_NO_DATA)
    const table = tableOf(scene, band, params, pressure, { aot: [params.aot], wv: [params.wv] })
    return storedCells(surfaceCells(toa, table, air))
  }
  const planes = CELL_BANDS.map((name) => [name, planeOf(name)] as const)
  return { grid, bands: Object.fromEntries(planes) as Record<CellBand, Int16Array> }
}
