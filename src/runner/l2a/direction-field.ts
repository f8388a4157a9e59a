import type { AngleGrid } from '../../domain/l1-scene.js'
import type { Direction } from '../../domain/mean-direction.js'
import { bracketOfIndex, newBracket } from '../../processors/l2a/interpolate.js'

// One of each for all calls: they are filled anew in every one.
const [ACROSS, DOWN] = [newBracket(), newBracket()]

/** Directions of a grid of angles as unit vectors, which angles that jump from 360 to 0 are not. */
export class DirectionField {
  private readonly east: Float64Array
  private readonly north: Float64Array
  private readonly up: Float64Array

  constructor(private readonly angles: AngleGrid) {
    const { zenith, azimuth } = angles
    const radians = (degrees: number) => (degrees * Math.PI) / 180
    this.east = zenith.map((z, i) => Math.sin(radians(z)) * Math.sin(radians(azimuth[i] ?? 0)))
    this.north = zenith.map((z, i) => Math.sin(radians(z)) * Math.cos(radians(azimuth[i] ?? 0)))
    this.up = zenith.map((z) => Math.cos(radians(z)))
  }

  /** Bilinear between the four nodes around a point; the outermost nodes hold beyond the grid. */
  at(x: number, y: number): Direction {
    const { ulx, uly, stepXM, stepYM, rows, cols } = this.angles
    const { index: i, fraction: a } = bracketOfIndex((x - ulx) / stepXM, cols - 1, ACROSS)
    const { index: j, fraction: b } = bracketOfIndex((uly - y) / stepYM, rows - 1, DOWN)
    const node = j * cols + i
    const between = (field: Float64Array): number =>
      (1 - b) * ((1 - a) * (field[node] ?? 0) + a * (field[node + 1] ?? 0)) +
      b * ((1 - a) * (field[node + cols] ?? 0) + a * (field[node + cols + 1] ?? 0))
    const east = between(this.east)
    const north = between(this.north)
    const degrees = (Math.atan2(east, north) * 180) / Math.PI
    return {
      zenith: (Math.atan2(Math.hypot(east, north), between(this.up)) * 180) / Math.PI,
      azimuth: degrees < 0 ? degrees + 360 : degrees,
    }
  }
}
