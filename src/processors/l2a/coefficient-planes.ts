import type { Grid } from '../../domain/grid.js'
import type { L1Scene } from '../../domain/l1-scene.js'
import { type BandTable, NO_SLOT, TERMS } from './band-table.js'
import { cosineAt } from './cell-angles.js'
import { lagrangeOf, newLagrange } from './interpolate.js'
import { SCALE_HEIGHT_M } from './nodes.js'
import { altitudeAtPressure } from './pressure.js'
import { directionAt } from './sun-direction.js'

/** Gain, path, spherical albedo. */
export const COEFFICIENTS_PER_NODE = 3

/**
 * Coefficients of one band on nodes for the correction kernel: `y = gain * rho_toa - path; rho_s = y / (1 + albedo * y)`,
 * bilinear between nodes, linear in pressure between `pressureHpa`, never interpolated between slots.
 */
export interface CoefficientPlanes {
  /** [256] slot by detector number (0 = none), so that any byte of a detector image finds its entry; NO_SLOT where there is none. */
  readonly slots: Uint8Array
  readonly slotCount: number
  /** Ascending, or a single value. */
  readonly pressureHpa: Float64Array
  /** Node (0, 0), metres of the product's CRS; x grows eastwards, rows southwards. */
  readonly ulx: number
  readonly uly: number
  readonly stepXM: number
  readonly stepYM: number
  readonly nx: number
  readonly ny: number
  /** [slot][pressure][ny][nx][gain, path, albedo]; 0 at nodes whose surroundings the slot's detector did not see. */
  readonly data: Float32Array
  /** [slot][pressure][ny][nx][2], null where the table has none: total over direct transmittance from ground to sensor, and the direct share of that from sun to ground. */
  readonly legs: Float32Array | null
  /** [slot][ny][nx][4], null where slopes do not count: toward the sun, then the sensor, tangent of the zenith angle times sine and cosine of the azimuth from the grid's north. */
  readonly directions: Float32Array | null
}

/** The atmosphere above a scene on nodes, the centres of the pixels of `grid`, row-major. */
export interface AtmosphereNodes {
  readonly grid: Grid
  /** At 550 nm: of a column at sea level, or above whatever ground where `aotIs` says so. */
  readonly aot: Float32Array
  /** `sea-level`: it decreases with altitude by exp(-z / 2 km). `ground`: it is the same above all ground. */
  readonly aotIs: 'sea-level' | 'ground'
  /** g/cm2 of a column at sea level. */
  readonly wv: Float32Array
}

export interface PlanesInput {
  readonly table: BandTable
  readonly nodes: AtmosphereNodes
  /** Cells of the scene, and in each the detectors that measured there: bit d for detector d, 31 for that or a higher one. */
  readonly cells: Grid
  readonly detectors: Uint32Array
  readonly sun: L1Scene['sun']
  /** Of the product's grid, degrees: `gridConvergence`. */
  readonly convergenceDeg: number
  /** Whether slopes of the ground count, for which the kernel needs to know where sun and sensor stand. */
  readonly isSloping: boolean
  /** `missing`: gains are divided by the cosine of the sun's zenith, so that they apply to reflectances that were not. */
  readonly sunCosine: L1Scene['sunCosine']
}

/**
 * Folds AOT and vapour of each node into its coefficients. Every detector looks fore or aft by its own azimuth, so each has its own plane; only nodes around cells that it saw are
 * made. Throws as `BandTable`.
 */
export function buildCoefficientPlanes(input: PlanesInput): CoefficientPlanes {
  const { table, nodes, sun, sunCosine, convergenceDeg, isSloping } = input
  const { grid, aot, wv } = nodes
  const pressures = Float64Array.from(table.axes.pressureHpa)
  const factors = pressures.map((hpa) =>
    nodes.aotIs === 'ground' ? 1 : Math.exp(-altitudeAtPressure(hpa) / SCALE_HEIGHT_M),
  )
  const [nx, ny] = [Math.max(2, grid.width), Math.max(2, grid.height)]
  const needed = [...neededNodes(input, nx, ny)]
  const slots = new Uint8Array(256).fill(NO_SLOT)
  const slotCount = Math.max(1, needed.length)
  const places = slotCount * pressures.length * ny * nx
  const data = new Float32Array(places * COEFFICIENTS_PER_NODE)
  const legs = table.terms > TERMS ? new Float32Array(places * 2) : null
  const directions = isSloping ? new Float32Array(slotCount * ny * nx * 4) : null
  const column = new Float64Array(table.columnSize)
  const weights = newLagrange()
  for (const [slot, [detector, isNeeded]] of needed.entries()) {
    slots[detector] = slot
    const ofTable = table.slotOf[detector]!
    for (let node = 0; node < nx * ny; node++) {
      if (isNeeded[node] === 0) continue
      const c = node % nx
      const r = Math.floor(node / nx)
      // An image of one node has two of it, because the kernel interpolates between two.
      const from = Math.min(r, grid.height - 1) * grid.width + Math.min(c, grid.width - 1)
      const x = grid.ulx + (c + 0.5) * grid.pixelWidthM
      const y = grid.uly - (r + 0.5) * grid.pixelHeightM
      const perCosine = sunCosine === 'applied' ? 1 : 1 / cosineAt(sun, x, y)
      for (let p = 0; p < pressures.length; p++) {
        lagrangeOf(table.axes.aot, aot[from]! * factors[p]!, weights)
        table.column(ofTable, x, y, pressures[p]!, wv[from]!, column, weights)
        let path = 0
        let log = 0
        let albedo = 0
        let up = 0
        let direct = 0
        for (let i = 0; i < weights.count; i++) {
          const w = weights.weights[i]!
          const at = (weights.first + i) * table.terms
          path += w * column[at]!
          log += w * column[at + 1]!
          albedo += w * column[at + 2]!
          if (legs === null) continue
          up += w * column[at + 3]!
          direct += w * column[at + 4]!
        }
        const gain = Math.exp(-log)
        const place = (slot * pressures.length + p) * nx * ny + node
        const to = place * COEFFICIENTS_PER_NODE
        data[to] = gain * perCosine
        data[to + 1] = gain * path
        data[to + 2] = albedo
        if (legs === null) continue
        legs[2 * place] = up
        legs[2 * place + 1] = direct
      }
      if (directions !== null) {
        const toSun = directionAt(sun, x, y, convergenceDeg)
        const toSensor = directionAt(table.anglesOf(ofTable), x, y, convergenceDeg)
        directions.set([toSun.east, toSun.north, toSensor.east, toSensor.north], 4 * (slot * nx * ny + node))
      }
    }
  }
  return {
    ...{ slots, slotCount, pressureHpa: pressures },
    ulx: grid.ulx + grid.pixelWidthM / 2,
    uly: grid.uly - grid.pixelHeightM / 2,
    ...{ stepXM: grid.pixelWidthM, stepYM: grid.pixelHeightM, nx, ny },
    ...{ data, legs, directions },
  }
}

/** By detector, 1 at each node that a pixel in one of its cells interpolates from. Detectors that the band's metadata do not describe are left out. */
export function neededNodes(
  { table, nodes, cells, detectors }: Pick<PlanesInput, 'table' | 'nodes' | 'cells' | 'detectors'>,
  nx: number,
  ny: number,
): Map<number, Uint8Array> {
  const { grid } = nodes
  let all = 0
  for (const seen of detectors) all |= seen
  const needed = new Map<number, Uint8Array>()
  for (let detector = 1; detector < 256; detector++)
    if (((all >>> Math.min(detector, 31)) & 1) === 1 && table.slotOf[detector] !== NO_SLOT)
      needed.set(detector, new Uint8Array(nx * ny))
  // Edges of what the cells of a column, and of a row, are interpolated from.
  const span = (from: number, size: number, step: number, most: number) => {
    const clamp = (v: number) => Math.min(Math.max(Math.floor(v), 0), most - 2)
    return [clamp(from / step - 0.5), clamp((from + size) / step - 0.5) + 1] as const
  }
  const columns = Array.from({ length: cells.width }, (_, c) =>
    span(cells.ulx + c * cells.pixelWidthM - grid.ulx, cells.pixelWidthM, grid.pixelWidthM, nx),
  )
  const rows = Array.from({ length: cells.height }, (_, r) =>
    span(grid.uly - cells.uly + r * cells.pixelHeightM, cells.pixelHeightM, grid.pixelHeightM, ny),
  )
  for (const [detector, isNeeded] of needed)
    for (let row = 0, i = 0; row < cells.height; row++) {
      const [top, bottom] = rows[row]!
      for (let column = 0; column < cells.width; column++, i++) {
        if (((detectors[i]! >>> Math.min(detector, 31)) & 1) === 0) continue
        const left = columns[column]![0]
        const right = columns[column]![1]
        for (let r = top; r <= bottom; r++) for (let c = left; c <= right; c++) isNeeded[r * nx + c] = 1
      }
    }
  return needed
}
