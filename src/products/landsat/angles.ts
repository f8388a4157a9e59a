import { tileOf, type LandsatProduct } from '../../domain/landsat.js'
import { trackDirection, viewAcross } from '../../domain/landsat-orbit.js'
import { wrs2Centre } from '../../domain/wrs2.js'
import { toLonLat } from '../../raster/transform.js'
import { anglesFromBands } from './angle-bands.js'
import { anglesFromCoefficients } from './angle-coefficients.js'
import {
  gridsFromSamples,
  oneDetector,
  sunOf,
  type AngleSample,
  type LandsatAngles,
} from './angle-samples.js'

const DEGREE = Math.PI / 180
const EARTH_KM = 6371
/** Points along each side of the image at which angles are computed. */
const COMPUTED = 12

/** Sun and view angles of a product from the best source that it has (`LandsatProduct.angles`). Throws as its reader. */
export function readAngles(product: LandsatProduct): Promise<LandsatAngles> {
  const { angles, grid, centre } = product
  if (angles.kind === 'bands') return anglesFromBands(angles, grid, centre[1])
  if (angles.kind === 'coefficients') return anglesFromCoefficients(angles.path, grid)
  return Promise.resolve(computedAngles(product))
}

/**
 * Angles without any angle file. Sun: the direction that the metadata gives for the scene's centre is the same all over the scene, only
 * the vertical turns; the 24 s of the pass are not counted (0.05 degrees at its ends). View: from a point straight above the track, which runs
 * through the scene's centre; the two rows of sensor chips are not told apart (0.5 degrees along the track), and the real track lies
 * up to 5 km beside the nominal one (0.4 degrees).
 */
export function computedAngles(product: LandsatProduct): LandsatAngles {
  const { grid, wrsPath: path, wrsRow: row } = product
  const [lon0, lat0] = wrs2Centre({ tile: tileOf(product), path, row })
  const track = trackDirection(lat0)
  const [sunLon, sunLat] = product.centre
  const sun = toEarth(sunLon, sunLat, sunOf(90 - product.sunElevationDeg, product.sunAzimuthDeg))
  const samples: AngleSample[] = []
  for (let j = 0; j <= COMPUTED; j++)
    for (let i = 0; i <= COMPUTED; i++) {
      const x = (i / COMPUTED) * grid.width * grid.pixelWidthM
      const y = (j / COMPUTED) * grid.height * grid.pixelHeightM
      const [lon, lat] = toLonLat(grid.epsg, [[grid.ulx + x, grid.uly - y]])[0] ?? [NaN, NaN]
      const eastKm = EARTH_KM * Math.cos(lat * DEGREE) * Math.sin((lon - lon0) * DEGREE)
      const northKm = EARTH_KM * Math.sin((lat - lat0) * DEGREE)
      samples.push({
        x,
        y,
        sun: fromEarth(lon, lat, sun),
        view: viewAcross(eastKm * track[1] - northKm * track[0], track),
        chipRow: 0,
      })
    }
  return {
    ...gridsFromSamples(samples, grid, 'metadata'),
    openDetectors: () => Promise.resolve(oneDetector(1)),
  }
}

type Vector = readonly [number, number, number]

/** Axes east, north, up of a place in the frame of the Earth. */
function axesAt(lon: number, lat: number): readonly [Vector, Vector, Vector] {
  const [sl, cl] = [Math.sin(lon * DEGREE), Math.cos(lon * DEGREE)]
  const [sp, cp] = [Math.sin(lat * DEGREE), Math.cos(lat * DEGREE)]
  return [
    [-sl, cl, 0],
    [-sp * cl, -sp * sl, cp],
    [cp * cl, cp * sl, sp],
  ]
}

function toEarth(lon: number, lat: number, [east, north, up]: Vector): Vector {
  const [e, n, u] = axesAt(lon, lat)
  const along = (k: 0 | 1 | 2) => east * e[k] + north * n[k] + up * u[k]
  return [along(0), along(1), along(2)]
}

function fromEarth(lon: number, lat: number, vector: Vector): Vector {
  const dot = (axis: Vector) => axis[0] * vector[0] + axis[1] * vector[1] + axis[2] * vector[2]
  const [e, n, u] = axesAt(lon, lat)
  return [dot(e), dot(n), dot(u)]
}
