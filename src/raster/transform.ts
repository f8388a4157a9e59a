import gdal from './gdal.js'
import { ProcessingError } from '../domain/errors.js'
import type { Grid } from '../domain/grid.js'

/** A point: x (easting or longitude), then y (northing or latitude). */
export type Point = readonly [number, number]

/**
 * Points in metres of `epsg` as WGS 84 longitude and latitude in degrees, longitude in [-180, 180], order kept.
 * Throws GEOMETRY_INVALID for an unknown code or a point the projection has no place for.
 */
export function toLonLat(epsg: number, points: readonly Point[]): Point[] {
  try {
    return transformed(gdal.SpatialReference.fromEPSG(epsg), latLon(), points).map(turned)
  } catch (cause) {
    throw new ProcessingError(
      'GEOMETRY_INVALID',
      `Points of EPSG:${epsg} cannot be turned to longitude and latitude: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    )
  }
}

/** The other way: WGS 84 longitude and latitude in degrees as points in metres of `epsg`. Throws as `toLonLat`. */
export function fromLonLat(epsg: number, points: readonly Point[]): Point[] {
  try {
    return transformed(latLon(), gdal.SpatialReference.fromEPSG(epsg), points.map(turned))
  } catch (cause) {
    throw new ProcessingError(
      'GEOMETRY_INVALID',
      `Longitude and latitude cannot be turned to points of EPSG:${epsg}: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    )
  }
}

/** GDAL 3 keeps the axes of EPSG:4326, latitude first. The same system without its number has them the other way, but costs some 12 ms instead of half of one to be looked up. */
const latLon = () => gdal.SpatialReference.fromEPSG(4326)

function transformed(
  source: gdal.SpatialReference,
  target: gdal.SpatialReference,
  points: readonly Point[],
): Point[] {
  const transformation = new gdal.CoordinateTransformation(source, target)
  return points.map(([x, y]) => {
    const p = transformation.transformPoint(x, y)
    if (!Number.isFinite(p.x) || !Number.isFinite(p.y)) throw new Error(`no place for (${x}, ${y})`)
    return [p.x, p.y]
  })
}

const turned = ([a, b]: Point): Point => [b, a]

/**
 * Outline of a grid in metres of its CRS, counter-clockwise from the lower-left corner, closed, each edge cut into `perEdge`
 * pieces: straight edges of UTM are curves in longitude and latitude (up to 60 m off over 110 km with the corners alone).
 */
export function gridOutline(grid: Grid, perEdge: number): Point[] {
  const left = grid.ulx
  const top = grid.uly
  const right = left + grid.width * grid.pixelWidthM
  const bottom = top - grid.height * grid.pixelHeightM
  const corners: Point[] = [
    [left, bottom],
    [right, bottom],
    [right, top],
    [left, top],
  ]
  const ring: Point[] = []
  corners.forEach(([x0, y0], i) => {
    const [x1, y1] = corners[(i + 1) % 4] ?? [x0, y0]
    for (let k = 0; k < perEdge; k++)
      ring.push([x0 + ((x1 - x0) * k) / perEdge, y0 + ((y1 - y0) * k) / perEdge])
  })
  return [...ring, [left, bottom]]
}
