import type { Grid } from '../../../domain/grid.js'
import type { AngleGrid, DetectorAngles } from '../../../domain/l1-scene.js'
import { bracketOfIndex, newBracket } from '../interpolate.js'

/** Offsets on the ground by metre of height, m east and north, by cell: tan(zenith) (sin, cos)(azimuth). NaN where unknown. */
export interface Offsets {
  readonly east: Float32Array
  readonly north: Float32Array
}

const RAD = Math.PI / 180

/** Towards the sun. */
export function sunOffsets(sun: AngleGrid, grid: Grid): Offsets {
  const nodes = offsetNodes(sun)
  return onCells(grid, () => nodes)
}

/**
 * Towards the sensor as one band sees it. Detectors look fore and aft by turns, so each cell takes its own: at a cloud of 5 km neighbours differ by 250 m.
 * @param detectors bit d set where detector d measured in the cell (31: that or a higher one); the lowest counts.
 */
export function viewOffsets(views: readonly DetectorAngles[], detectors: Uint32Array, grid: Grid): Offsets {
  const byBit = new Map<number, OffsetNodes>()
  for (const { detector, angles } of views) {
    const bit = Math.min(31, detector)
    if (!byBit.has(bit)) byBit.set(bit, offsetNodes(angles))
  }
  return onCells(grid, (cell) => {
    const bits = detectors[cell]!
    return bits === 0 ? undefined : byBit.get(31 - Math.clz32(bits & -bits))
  })
}

interface OffsetNodes {
  readonly angles: AngleGrid
  readonly east: Float64Array
  readonly north: Float64Array
}

/** Angles jump from 360 to 0 and turn about the zenith; offsets do not. */
function offsetNodes(angles: AngleGrid): OffsetNodes {
  const far = (i: number) => Math.tan(angles.zenith[i]! * RAD)
  return {
    angles,
    east: angles.azimuth.map((azimuth, i) => far(i) * Math.sin(azimuth * RAD)),
    north: angles.azimuth.map((azimuth, i) => far(i) * Math.cos(azimuth * RAD)),
  }
}

function onCells(grid: Grid, nodesOf: (cell: number) => OffsetNodes | undefined): Offsets {
  const size = grid.width * grid.height
  const [across, down] = [newBracket(), newBracket()]
  const [east, north] = [new Float32Array(size).fill(NaN), new Float32Array(size).fill(NaN)]
  for (let row = 0; row < grid.height; row++)
    for (let column = 0; column < grid.width; column++) {
      const cell = row * grid.width + column
      const nodes = nodesOf(cell)
      if (nodes === undefined) continue
      const { angles } = nodes
      bracketOfIndex(
        (grid.ulx + (column + 0.5) * grid.pixelWidthM - angles.ulx) / angles.stepXM,
        angles.cols - 1,
        across,
      )
      bracketOfIndex(
        (angles.uly - grid.uly + (row + 0.5) * grid.pixelHeightM) / angles.stepYM,
        angles.rows - 1,
        down,
      )
      const fx = across.fraction
      const fy = down.fraction
      const at = down.index * angles.cols + across.index
      const mix = (field: Float64Array) =>
        (1 - fy) * ((1 - fx) * field[at]! + fx * field[at + 1]!) +
        fy * ((1 - fx) * field[at + angles.cols]! + fx * field[at + angles.cols + 1]!)
      east[cell] = mix(nodes.east)
      north[cell] = mix(nodes.north)
    }
  return { east, north }
}

/**
 * Where a cloud's shadow falls, seen from where the image shows the cloud: up along the line of sight, then down along the sunlight. A cloud seen at p whose height is h
 * above the ground there stands over p + h v and shades p + h (v - s).
 */
export class ShadowPath {
  constructor(
    private readonly grid: Grid,
    private readonly sun: Offsets,
    private readonly view: Offsets,
    /** Metres above the sea by cell, NaN as sea level; null: flat ground. */
    private readonly altitudeM: Float32Array | null,
  ) {}

  /** Cell that a cloud seen in `cell`, `heightM` above the ground there, shades; -1 beyond the image or where directions are unknown. */
  shaded(cell: number, heightM: number): number {
    const { grid, sun, view, altitudeM } = this
    const sunEast = sun.east[cell]!
    const sunNorth = sun.north[cell]!
    const x = (cell % grid.width) + 0.5 + (heightM * (view.east[cell]! - sunEast)) / grid.pixelWidthM
    const y =
      Math.floor(cell / grid.width) + 0.5 - (heightM * (view.north[cell]! - sunNorth)) / grid.pixelHeightM
    const flat = cellAt(grid, x, y)
    if (altitudeM === null || flat === -1) return flat
    // On higher ground than the cloud's own cell the shadow falls nearer to the sun.
    const rise = (altitudeM[flat]! || 0) - (altitudeM[cell]! || 0)
    return cellAt(grid, x + (rise * sunEast) / grid.pixelWidthM, y - (rise * sunNorth) / grid.pixelHeightM)
  }

  /** Cell in which the cloud would be seen that shades `cell` from `heightM` above it, on flat ground; -1 beyond the image. */
  seen(cell: number, heightM: number): number {
    const { grid, sun, view } = this
    return cellAt(
      grid,
      (cell % grid.width) + 0.5 + (heightM * (sun.east[cell]! - view.east[cell]!)) / grid.pixelWidthM,
      Math.floor(cell / grid.width) +
        0.5 -
        (heightM * (sun.north[cell]! - view.north[cell]!)) / grid.pixelHeightM,
    )
  }
}

/** -1 beyond the grid or where a coordinate is NaN. */
function cellAt({ width, height }: Grid, x: number, y: number): number {
  return x >= 0 && y >= 0 && x < width && y < height ? Math.floor(y) * width + Math.floor(x) : -1
}
