import { ProcessingError } from '../../domain/errors.js'
import type { Grid } from '../../domain/grid.js'
import type {
  AngleGrid,
  DetectorAngles,
  L1Scene,
  L1SceneBand,
  PixelBytes,
  Placement,
} from '../../domain/l1-scene.js'
import { TILE_SIZE_M, type TileSquare } from '../../domain/mgrs.js'
import { gridOfTile, targetGridName } from '../../domain/target-grid.js'
import { DirectionField } from './direction-field.js'
import { placedBytes, toImage } from './places.js'

/** How far the ground of images is moved, metres to the east and north of the grid on which they are wanted. */
export interface Move {
  readonly eastM: number
  readonly northM: number
}

export interface Place {
  /** The Sentinel-2 tile on whose grid the scene is wanted; null: on its own. */
  readonly onto: TileSquare | null
  /** Null: the ground lies where the product says. */
  readonly move: Move | null
}

/** Distance of the nodes of angles on a tile, m: that of Sentinel-2's own. */
const ANGLE_STEP_M = 5000

/**
 * A scene whose images lie elsewhere: on the grid of a Sentinel-2 tile, with pixels as large as its own, and moved. They are resampled once as they are read: digital numbers
 * by cubic convolution, detectors and masks by the nearest pixel. On a tile the scene takes the tile's name, and angles on nodes over it; where it is only moved angles stay: over
 * a few pixels they change by less than a ten thousandth of a degree.
 * @throws ProcessingError BAD_ARGUMENT for Sentinel-2 on another tile, a CRS that is no UTM, and pixels that do not fill a tile; NO_VALID_PIXEL where the scene lies beside it.
 */
export function placeScene(scene: L1Scene, { onto, move }: Place): L1Scene {
  const target = onto === null || (scene.satellite === 's2' && onto.tile === scene.tile) ? null : onto
  if (target === null && move === null) return scene
  if (target !== null) mustFit(scene, target)
  const placed = (band: L1SceneBand): L1SceneBand & { readonly placement: Placement } => ({
    ...band,
    ...(target === null
      ? {}
      : {
          grid: gridOn(scene, target, band.grid),
          detectors: band.detectors.map((one) => detectorOn(one, band.grid.epsg, target)),
        }),
    placement: { image: band.grid, eastM: move?.eastM ?? 0, northM: move?.northM ?? 0 },
  })
  const bands = scene.bands.map(placed)
  const place = async (grid: Grid, open: (image: Grid) => Promise<PixelBytes | null>) => {
    const like = bands.find((band) => band.grid.width === grid.width && band.grid.height === grid.height)
    if (like === undefined) throw new Error('bytes are asked for on a grid that no band has')
    const bytes = await open(like.placement.image)
    return bytes === null ? null : placedBytes(bytes, grid, like.placement)
  }
  return {
    ...scene,
    bands,
    ...(target === null
      ? {}
      : {
          tile: target.tile,
          sun: anglesOn(scene.sun, epsgOf(scene), target),
        }),
    openDetectors: async (band) => {
      const { placement } = bands.find(({ id }) => id === band.id) ?? placed(band)
      return placedBytes(await scene.openDetectors({ ...band, grid: placement.image }), band.grid, placement)
    },
    openMask: (grid) => place(grid, (image) => scene.openMask(image)),
  }
}

const epsgOf = ({ bands }: L1Scene): number => bands[0]?.grid.epsg ?? NaN
const isUtm = (epsg: number): boolean => (epsg > 32600 && epsg <= 32660) || (epsg > 32700 && epsg <= 32760)

function gridOn(scene: L1Scene, target: TileSquare, { pixelWidthM }: Grid): Grid {
  const grid = gridOfTile(target, pixelWidthM)
  if (grid === null)
    throw new ProcessingError(
      'BAD_ARGUMENT',
      `grid: pixels of ${pixelWidthM} m of '${scene.productUri}' do not fill the ${TILE_SIZE_M} m of tile ${target.tile} exactly. Correct it on its own grid.`,
    )
  return grid
}

function mustFit(scene: L1Scene, target: TileSquare): void {
  const epsg = epsgOf(scene)
  if (scene.satellite === 's2')
    throw new ProcessingError(
      'BAD_ARGUMENT',
      `grid: '${scene.productUri}' is of the Sentinel-2 tile ${scene.tile} already, ${target.tile} was asked for. Leave it out, or take the product of that tile.`,
    )
  if (!isUtm(epsg))
    throw new ProcessingError(
      'BAD_ARGUMENT',
      `grid: '${scene.productUri}' lies in EPSG:${epsg}, expected a UTM zone. Correct it on its own grid.`,
    )
  // By the tile's outline in the image's CRS: its straight edges bend by less than a kilometre there.
  const outline: (readonly [number, number])[] = []
  for (let i = 0; i <= 4; i++)
    for (let j = 0; j <= 4; j++)
      outline.push(
        toImage(
          [target.xmin + (i / 4) * TILE_SIZE_M, target.ymax - (j / 4) * TILE_SIZE_M],
          target.epsg,
          epsg,
        ),
      )
  const touches = scene.bands.some(({ grid }) => {
    const [right, bottom] = [
      grid.ulx + grid.width * grid.pixelWidthM,
      grid.uly - grid.height * grid.pixelHeightM,
    ]
    const [xs, ys] = [outline.map(([x]) => x), outline.map(([, y]) => y)]
    return (
      Math.min(...xs) < right &&
      Math.max(...xs) > grid.ulx &&
      Math.min(...ys) < grid.uly &&
      Math.max(...ys) > bottom
    )
  })
  if (!touches)
    throw new ProcessingError(
      'NO_VALID_PIXEL',
      `'${scene.productUri}' (tile ${scene.tile}) lies beside ${targetGridName(target)}: nothing was made.`,
    )
}

/** Angles on nodes over a tile: bilinear between those of the scene in the components of directions, the outermost hold beyond them. Azimuths count from true north in both. */
function anglesOn(from: AngleGrid, epsg: number, target: TileSquare): AngleGrid {
  const field = new DirectionField(from)
  const nodes = Math.ceil(TILE_SIZE_M / ANGLE_STEP_M) + 1
  const [zenith, azimuth] = [new Float64Array(nodes * nodes), new Float64Array(nodes * nodes)]
  for (let i = 0; i < zenith.length; i++) {
    const x = target.xmin + (i % nodes) * ANGLE_STEP_M
    const y = target.ymax - Math.floor(i / nodes) * ANGLE_STEP_M
    const direction = field.at(...toImage([x, y], target.epsg, epsg))
    zenith[i] = direction.zenith
    azimuth[i] = direction.azimuth
  }
  const corner = { ulx: target.xmin, uly: target.ymax, stepXM: ANGLE_STEP_M, stepYM: ANGLE_STEP_M }
  return { ...corner, rows: nodes, cols: nodes, zenith, azimuth }
}

function detectorOn({ detector, angles }: DetectorAngles, epsg: number, target: TileSquare): DetectorAngles {
  const placed = anglesOn(angles, epsg, target)
  return { detector, angles: placed, validNodes: placed.rows * placed.cols }
}
