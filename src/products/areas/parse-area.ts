import { checkArea } from '../../domain/check-area.js'
import { ProcessingError } from '../../domain/errors.js'
import type { GeoJsonArea } from '../../domain/polygon.js'
import { areasOfGeoJson, joinAreas } from './parse-geojson.js'
import { looksLikeWkt, parseWkt } from './parse-wkt.js'

/**
 * Reads text into an area: GeoJSON (see `areasOfGeoJson`) or WKT of a POLYGON or MULTIPOLYGON, longitude before latitude in degrees
 * WGS 84. Several polygons become one MultiPolygon. Throws GEOMETRY_INVALID, also where `checkArea` refuses it.
 */
export function parseArea(text: string): GeoJsonArea {
  return checkArea(looksLikeWkt(text) ? parseWkt(text) : joinAreas(areasOfGeoJson(parseJson(text))))
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    const said = cause instanceof Error ? cause.message : String(cause)
    const hint = /\b(NaN|-?Infinity)\b/.test(text) ? ' Coordinates must be finite numbers.' : ''
    throw new ProcessingError(
      'GEOMETRY_INVALID',
      `The area is no JSON: ${said}. Expected GeoJSON, or WKT such as POLYGON ((1 43, 2 43, 2 44, 1 43)).${hint}`,
      { cause },
    )
  }
}
