import { ProcessingError } from '../../domain/errors.js'
import type { Grid } from '../../domain/grid.js'
import type { L1Scene, L1SceneBand, PixelBytes } from '../../domain/l1-scene.js'
import { toUtm } from '../../domain/utm.js'
import { gridOutline, toLonLat } from '../../raster/transform.js'
import { placedBytes } from './places.js'
import { productGrids } from './product-grids.js'
import { cellsOf } from './take-state.js'

/** West, south, east, north, degrees (WGS 84). */
export type LonLatBox = readonly [number, number, number, number]

/** Points along an edge of the box: between them a parallel bends by less than a pixel over a tile. */
const POINTS_PER_EDGE = 16

/**
 * The part of a scene that holds a box, grown to whole cells of the chain (240 m, where pixels allow it), so that its state lies on those of the whole scene. Only what is needed of the
 * images is decoded; pixels are those of the whole image, but the air and the masks are decided from what is inside.
 * @throws ProcessingError BAD_ARGUMENT where the box does not touch the scene, or its CRS is no UTM.
 */
export function cropScene(scene: L1Scene, box: LonLatBox): L1Scene {
  const { finest, coarsest } = productGrids(scene)
  const part = partOf(finest, coarsest, cellsOf(scene), box)
  if (part === null) {
    const [west, south, east, north] = toLonLat(finest.epsg, gridOutline(finest, 2)).reduce(
      ([w, s, e, n], [lon, lat]) => [Math.min(w, lon), Math.min(s, lat), Math.max(e, lon), Math.max(n, lat)],
      [Infinity, Infinity, -Infinity, -Infinity],
    )
    throw new ProcessingError(
      'BAD_ARGUMENT',
      `bbox ${box.join(',')}: expected a box that touches '${scene.productUri}', which reaches from ${west.toFixed(4)},${south.toFixed(4)} to ${east.toFixed(4)},${north.toFixed(4)} degrees.`,
    )
  }
  const crop = (grid: Grid): Grid => ({
    ...grid,
    ...{ ulx: part.left, uly: part.top },
    width: Math.round((part.right - part.left) / grid.pixelWidthM),
    height: Math.round((part.top - part.bottom) / grid.pixelHeightM),
  })
  const bands = scene.bands.map((band): L1SceneBand => ({
    ...band,
    grid: crop(band.grid),
    placement: band.placement ?? { image: band.grid, eastM: 0, northM: 0 },
  }))
  const ofWhole = (bytes: PixelBytes, grid: Grid, image: Grid) =>
    placedBytes(bytes, grid, { image, eastM: 0, northM: 0 })
  return {
    ...scene,
    bands,
    openDetectors: async (band) => {
      const whole = scene.bands.find(({ id }) => id === band.id)
      if (whole === undefined) throw new Error(`the scene has no band ${band.id}`)
      return ofWhole(await scene.openDetectors(whole), band.grid, whole.grid)
    },
    openMask: async (grid) => {
      const whole = scene.bands.find((band) => band.grid.pixelWidthM === grid.pixelWidthM)?.grid
      if (whole === undefined) throw new Error('a mask is asked for on a grid that no band has')
      const bytes = await scene.openMask(whole)
      return bytes === null ? null : ofWhole(bytes, grid, whole)
    },
  }
}

interface Part {
  readonly left: number
  readonly right: number
  readonly top: number
  readonly bottom: number
}

/** In metres of the scene's CRS, edges on pixels of all bands; null where the box lies beside. */
function partOf(finest: Grid, coarsest: Grid, cells: Grid, box: LonLatBox): Part | null {
  const zone = finest.epsg % 100
  const isSouth = Math.floor(finest.epsg / 100) === 327
  if (!isSouth && Math.floor(finest.epsg / 100) !== 326)
    throw new ProcessingError(
      'BAD_ARGUMENT',
      `bbox: the images lie in EPSG:${finest.epsg}, expected a UTM zone. Correct the whole scene.`,
    )
  const [west, south, east, north] = box
  let [x0, x1, y0, y1] = [Infinity, -Infinity, Infinity, -Infinity]
  for (let k = 0; k <= POINTS_PER_EDGE; k++) {
    const [lon, lat] = [
      west + (k / POINTS_PER_EDGE) * (east - west),
      south + (k / POINTS_PER_EDGE) * (north - south),
    ]
    for (const [a, b] of [
      [lon, south],
      [lon, north],
      [west, lat],
      [east, lat],
    ] as const) {
      const [x, y] = toUtm(a, b, zone, isSouth)
      x0 = Math.min(x0, x)
      x1 = Math.max(x1, x)
      y0 = Math.min(y0, y)
      y1 = Math.max(y1, y)
    }
  }
  const { ulx, uly } = finest
  const right = ulx + finest.width * finest.pixelWidthM
  const bottom = uly - finest.height * finest.pixelHeightM
  if (x1 <= ulx || x0 >= right || y1 <= bottom || y0 >= uly) return null
  // Cells hold whole pixels of the near infrared; where other pixels are larger than cells (coarse simulations), edges lie on these.
  const isOfCells = Number.isInteger(cells.pixelWidthM / coarsest.pixelWidthM)
  const lattice = isOfCells ? cells : { ulx, uly, pixelWidthM: coarsest.pixelWidthM }
  const step = lattice.pixelWidthM
  const down = (x: number, from: number) => from + Math.floor((x - from) / step) * step
  const up = (x: number, from: number) => from + Math.ceil((x - from) / step) * step
  return {
    left: Math.max(ulx, down(x0, lattice.ulx)),
    right: Math.min(right, up(x1, lattice.ulx)),
    top: Math.min(uly, up(y1, lattice.uly)),
    bottom: Math.max(bottom, down(y0, lattice.uly)),
  }
}
