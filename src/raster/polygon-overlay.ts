import gdal from './gdal.js'
import { ProcessingError } from '../domain/errors.js'

/**
 * The part of some polygons that lies within any of others, as polygons; all GeoJSON Polygon coordinates in one plane of degrees (GEOS).
 * Points and lines where they only touch are dropped. Empty where they share no area. Throws GEOMETRY_INVALID where GEOS gives up.
 */
export function intersectPolygons(
  polygons: readonly unknown[],
  within: readonly unknown[],
): readonly unknown[] {
  try {
    const shared = unionOf(polygons).intersection(unionOf(within))
    return polygonsIn(shared.toObject() as GeoJson)
  } catch (cause) {
    throw new ProcessingError(
      'GEOMETRY_INVALID',
      `An area could not be clipped: ${cause instanceof Error ? cause.message : String(cause)}. Repair it, for example with ogr2ogr -makevalid.`,
      { cause },
    )
  }
}

interface GeoJson {
  readonly type: string
  readonly coordinates?: unknown
  readonly geometries?: readonly GeoJson[]
}

function unionOf(polygons: readonly unknown[]): gdal.Geometry {
  // What touches itself in a point is no valid polygon for GEOS, though its area is clear.
  const parts = polygons.flatMap((coordinates) =>
    polygonsIn(gdal.Geometry.fromGeoJson({ type: 'Polygon', coordinates }).makeValid().toObject() as GeoJson),
  )
  const all = gdal.Geometry.fromGeoJson({ type: 'MultiPolygon', coordinates: parts })
  return all instanceof gdal.MultiPolygon ? all.unionCascaded() : all
}

function polygonsIn({ type, coordinates, geometries = [] }: GeoJson): readonly unknown[] {
  if (type === 'Polygon') return Array.isArray(coordinates) && coordinates.length > 0 ? [coordinates] : []
  if (type === 'MultiPolygon') return coordinates as readonly unknown[]
  return geometries.flatMap(polygonsIn)
}
