import type { Grid } from '../../../domain/grid.js'
import type { Offsets } from './sky-paths.js'

/** Azimuths and distances that are tried. */
const AZIMUTH_STEP_DEG = 5
const [NEAREST_M, FARTHEST_M, DISTANCE_STEP_M] = [200, 4000, 100]
/** Cells of cloud that are projected at most. */
const MOST_CELLS = 20_000
/** By how much the shaded ground must be darker than all ground, in `darkness`. */
const LEAST_CONTRAST = 0.15

/**
 * Where shadows fall in an image that comes without directions: the azimuth in which the clouds together, moved by some distance, lie on the darkest ground. Null where no
 * azimuth stands out. Distances take the place of heights: the offsets are those of a sun 45 degrees high, seen from above.
 * @param darkness as `cloudHeights` takes it: NaN where the ground cannot be seen.
 */
export function guessedSun(cloud: Uint8Array, darkness: Float32Array, grid: Grid): Offsets | null {
  const all: number[] = []
  cloud.forEach((v, i) => {
    if (v !== 0) all.push(i)
  })
  const every = Math.max(1, Math.ceil(all.length / MOST_CELLS))
  const cells = all.filter((_, i) => i % every === 0)
  let [total, seen] = [0, 0]
  for (const value of darkness)
    if (!Number.isNaN(value)) {
      total += value
      seen++
    }
  if (seen === 0 || cells.length === 0) return null
  let best = { contrast: LEAST_CONTRAST, azimuth: NaN }
  for (let azimuth = 0; azimuth < 360; azimuth += AZIMUTH_STEP_DEG) {
    const [east, north] = [Math.sin((azimuth * Math.PI) / 180), Math.cos((azimuth * Math.PI) / 180)]
    for (let far = NEAREST_M; far <= FARTHEST_M; far += DISTANCE_STEP_M) {
      const [dx, dy] = [
        Math.round((far * east) / grid.pixelWidthM),
        Math.round((-far * north) / grid.pixelHeightM),
      ]
      let [sum, count] = [0, 0]
      for (const cell of cells) {
        const x = (cell % grid.width) + dx
        const y = Math.floor(cell / grid.width) + dy
        if (x < 0 || y < 0 || x >= grid.width || y >= grid.height) continue
        const dark = darkness[y * grid.width + x]!
        if (Number.isNaN(dark)) continue
        sum += dark
        count++
      }
      if (count < cells.length / 10) continue
      const contrast = sum / count - total / seen
      if (contrast > best.contrast) best = { contrast, azimuth }
    }
  }
  if (Number.isNaN(best.azimuth)) return null
  // Shadows fall away from the sun.
  const size = grid.width * grid.height
  return {
    east: new Float32Array(size).fill(-Math.sin((best.azimuth * Math.PI) / 180)),
    north: new Float32Array(size).fill(-Math.cos((best.azimuth * Math.PI) / 180)),
  }
}
