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

/** How often the height of the ground is looked up on the way to it: each time the place moves by the slope times the sun's tangent of what it moved before. */
const LOOKS = 2

/**
 * Where a cloud's shadow falls, seen from where the image shows the cloud: up along the line of sight, then down along the sunlight. A cloud at an altitude H that is seen at p, where
 * the ground has z(p), stands over c = p + (H - z(p)) v, and shades the q for which q = c - (H - z(q)) s. Altitudes, not heights above the ground: the clouds of a deck stand level over hills.
 */
export class ShadowPath {
  /** m above the sea by cell. */
  private readonly groundsM: Float32Array

  constructor(
    private readonly grid: Grid,
    private readonly sun: Offsets,
    private readonly view: Offsets,
    /** NaN as sea level; null: level ground at 0. */
    altitudeM: Float32Array | null,
  ) {
    this.groundsM = altitudeM?.map((z) => z || 0) ?? new Float32Array(grid.width * grid.height)
  }

  /** Altitude of the ground, m. */
  groundM(cell: number): number {
    return this.groundsM[cell]!
  }

  /** Cell that a cloud shades which is seen in `cell` and stands at this altitude, m; -1 beyond the image or where directions are unknown. */
  shaded(cell: number, cloudM: number): number {
    return this.follow(cell, cloudM, this.view, this.sun)
  }

  /** Cell in which a cloud at this altitude, m, is seen that shades `cell`; -1 beyond the image. */
  seen(cell: number, cloudM: number): number {
    return this.follow(cell, cloudM, this.sun, this.view)
  }

  /** Up from a cell along one direction, down along the other. */
  private follow(cell: number, cloudM: number, up: Offsets, down: Offsets): number {
    const { grid, groundsM } = this
    const [east, north] = [down.east[cell]! / grid.pixelWidthM, down.north[cell]! / grid.pixelHeightM]
    const over = cloudM - groundsM[cell]!
    const x = (cell % grid.width) + 0.5 + (over * up.east[cell]!) / grid.pixelWidthM
    const y = Math.floor(cell / grid.width) + 0.5 - (over * up.north[cell]!) / grid.pixelHeightM
    let at = cellAt(grid, x - over * east, y + over * north)
    for (let look = 0; look < LOOKS && at !== -1; look++) {
      const fall = cloudM - groundsM[at]!
      at = cellAt(grid, x - fall * east, y + fall * north)
    }
    return at
  }

  /**
   * Adds what clouds at rising altitudes, seen in `cell`, would shade: `values` to `sums`, 1 to `counts`, where a value is no NaN. As `shaded` for each altitude, but the ground is first looked up
   * where the altitude before came down. Altitudes nearer to the cell's ground than `leastM` are left out.
   */
  addShaded(
    cell: number,
    altitudesM: Float64Array,
    leastM: number,
    values: Float32Array,
    sums: Float64Array,
    counts: Float64Array,
  ): void {
    const { grid, groundsM, sun, view } = this
    const { width, height } = grid
    const ground = groundsM[cell]!
    const east = sun.east[cell]! / grid.pixelWidthM
    const north = sun.north[cell]! / grid.pixelHeightM
    const viewEast = view.east[cell]! / grid.pixelWidthM
    const viewNorth = view.north[cell]! / grid.pixelHeightM
    const column = (cell % width) + 0.5
    const row = Math.floor(cell / width) + 0.5
    let below = ground
    for (let a = 0; a < altitudesM.length; a++) {
      const over = altitudesM[a]! - ground
      if (over < leastM) continue
      const x = column + over * viewEast
      const y = row - over * viewNorth
      let fall = altitudesM[a]! - below
      let right = x - fall * east
      let down = y + fall * north
      // What falls beyond the image does so from farther up, too. NaN where directions are unknown.
      if (!(right >= 0 && down >= 0 && right < width && down < height)) return
      below = groundsM[Math.trunc(down) * width + Math.trunc(right)]!
      fall = altitudesM[a]! - below
      right = x - fall * east
      down = y + fall * north
      if (!(right >= 0 && down >= 0 && right < width && down < height)) continue
      const value = values[Math.trunc(down) * width + Math.trunc(right)]!
      if (Number.isNaN(value)) continue
      sums[a]! += value
      counts[a]!++
    }
  }
}

/** -1 beyond the grid or where a coordinate is NaN. */
function cellAt({ width, height }: Grid, x: number, y: number): number {
  return x >= 0 && y >= 0 && x < width && y < height ? Math.floor(y) * width + Math.floor(x) : -1
}
