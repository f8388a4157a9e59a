import { z } from 'zod'
import { ProcessingError } from '../../domain/errors.js'
import type { GeoJsonArea, PolygonRings } from '../../domain/polygon.js'

const position = z
  .tuple([z.number(), z.number()])
  .rest(z.number())
  .transform(([lon, lat]) => [lon, lat] as const)
const rings = z.array(z.array(position))
const areaSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('Polygon'), coordinates: rings }),
  z.object({ type: z.literal('MultiPolygon'), coordinates: z.array(rings) }),
])

/** An area as GeoJSON value; null for any other value. */
export function areaOfJson(json: unknown): GeoJsonArea | null {
  const parsed = areaSchema.safeParse(json)
  return parsed.success ? parsed.data : null
}

/** All polygons of some areas as one. */
export function joinAreas(areas: readonly GeoJsonArea[]): GeoJsonArea {
  const [first] = areas
  if (first !== undefined && areas.length === 1) return first
  return {
    type: 'MultiPolygon',
    coordinates: areas.flatMap((area): readonly PolygonRings[] =>
      area.type === 'Polygon' ? [area.coordinates] : area.coordinates,
    ),
  }
}

/**
 * The polygons of a GeoJSON value: a Polygon, a MultiPolygon, a GeometryCollection of such, a Feature of one of these, or a
 * FeatureCollection. Heights are dropped. Nothing is checked but the structure. Throws GEOMETRY_INVALID, saying what was found instead
 * and where.
 */
export function areasOfGeoJson(json: unknown): readonly GeoJsonArea[] {
  return walk(json, '')
}

const members = z.looseObject({ type: z.string() })

function walk(json: unknown, where: string): readonly GeoJsonArea[] {
  const parsed = members.safeParse(json)
  if (!parsed.success) throw invalid(where, `is no GeoJSON object with a 'type'`)
  const object = parsed.data
  switch (object.type) {
    case 'Polygon':
    case 'MultiPolygon': {
      const area = areaSchema.safeParse(object)
      if (!area.success) throw invalid(where, describeIssue(object, area.error))
      return [area.data]
    }
    case 'Feature':
      if (object['geometry'] === null || object['geometry'] === undefined)
        throw invalid(where, 'is a Feature without geometry')
      return walk(object['geometry'], `${where}geometry: `)
    case 'FeatureCollection':
      return list(object['features'], where, 'features')
    case 'GeometryCollection':
      return list(object['geometries'], where, 'geometries')
    default:
      throw invalid(where, `is a ${object.type}; expected a Polygon or MultiPolygon, or features of such`)
  }
}

function list(items: unknown, where: string, name: string): readonly GeoJsonArea[] {
  if (!Array.isArray(items)) throw invalid(where, `has no list '${name}'`)
  return items.flatMap((item, i) => walk(item, `${where}${name}[${i}]: `))
}

/** NaN and Infinity are no JSON: writers leave null in their place. */
function describeIssue(object: Record<string, unknown>, error: z.ZodError): string {
  const issue = error.issues[0]
  const path = issue?.path ?? []
  let value: unknown = object
  for (const key of path) value = (value as Record<PropertyKey, unknown> | undefined)?.[key]
  const at = path.map(String).join('.')
  if (value === null) return `has null at ${at}, expected a number (NaN is written so)`
  return `has ${value === undefined ? 'nothing' : JSON.stringify(value)} at ${at || 'its top'}: ${issue?.message ?? 'malformed'}`
}

function invalid(where: string, what: string): ProcessingError {
  return new ProcessingError(
    'GEOMETRY_INVALID',
    `${where === '' ? 'The area ' : `In ${where.slice(0, -2)} the area `}${what}.`,
  )
}
