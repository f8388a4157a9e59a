import type { Grid } from '../../../domain/grid.js'
import type { Offsets } from './sky-paths.js'

/** How much higher than the ground, m, the shadow's upper edge must pass: below that it is noise of the elevation model. */
const CLEARANCE_M = 2

/**
 * 1 where terrain stands before the sun. The height of the shadow's upper edge is carried from cell to cell away from the sun, falling with the sun's slope; one pass, in the mean
 * direction of the scene (over a tile the azimuth turns by less than a degree), with the elevation of each cell's own sun. Slopes that face away are shaded by their own ridge.
 * @param altitudeM m, NaN as sea level.
 */
export function terrainShadow(altitudeM: Float32Array, sun: Offsets, grid: Grid): Uint8Array {
  const { width, height, pixelWidthM } = grid
  const mean = (offsets: Float32Array) => {
    let [sum, count] = [0, 0]
    for (let i = 0; i < offsets.length; i++)
      if (!Number.isNaN(offsets[i]!)) {
        sum += offsets[i]!
        count++
      }
    return count === 0 ? 0 : sum / count
  }
  const [east, north] = [mean(sun.east), mean(sun.north)]
  const far = Math.max(Math.abs(east), Math.abs(north))
  const out = new Uint8Array(altitudeM.length)
  if (far === 0) return out
  // One cell towards the sun along the longer axis, a fraction of one along the other.
  const isByColumns = Math.abs(east) >= Math.abs(north)
  const towards = isByColumns ? Math.sign(east) : -Math.sign(north)
  const aside = (isByColumns ? -north : east) / far
  const stepM = pixelWidthM * Math.hypot(1, aside)
  const [lines, along] = isByColumns ? [width, height] : [height, width]
  const cellAt = (line: number, place: number) => (isByColumns ? place * width + line : line * width + place)
  const heightOf = (cell: number) => altitudeM[cell]! || 0
  // Upper edge of what shades the cells of the line before, or the ground itself where that is higher.
  let before = new Float64Array(along).fill(-Infinity)
  let now = new Float64Array(along)
  for (let k = 0; k < lines; k++) {
    const line = towards > 0 ? lines - 1 - k : k
    for (let place = 0; place < along; place++) {
      const cell = cellAt(line, place)
      const slope = Math.hypot(sun.east[cell]!, sun.north[cell]!)
      const at = place + aside
      const low = Math.floor(at)
      const share = at - low
      const a = before[low] ?? -Infinity
      const b = before[low + 1] ?? -Infinity
      const upper = share === 0 ? a : a === -Infinity || b === -Infinity ? -Infinity : a + share * (b - a)
      const edge = slope > 0 ? upper - stepM / slope : -Infinity
      const ground = heightOf(cell)
      if (edge > ground + CLEARANCE_M) out[cell] = 1
      now[place] = Math.max(edge, ground)
    }
    ;[before, now] = [now, before]
  }
  return out
}
