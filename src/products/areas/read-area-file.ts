import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { checkArea } from '../../domain/check-area.js'
import { ProcessingError } from '../../domain/errors.js'
import type { GeoJsonArea } from '../../domain/polygon.js'
import { parseArea } from './parse-area.js'
import { areasOfGeoJson, joinAreas } from './parse-geojson.js'
import { looksLikeWkt } from './parse-wkt.js'

/**
 * The area in a file: GeoJSON or WKT text in degrees WGS 84, or polygons of any vector format that GDAL reads (GeoPackage, Shapefile,
 * KML, ...), which are turned into WGS 84. All polygons together are the area. Throws NOT_FOUND, GEOMETRY_INVALID.
 */
export async function readAreaFile(path: string): Promise<GeoJsonArea> {
  const text = await readText(path)
  if (text !== null && !hasOwnSystem(text)) return parseArea(text)
  const { readVector } = await import('../../raster/read-vector.js')
  return checkArea(joinAreas(readVector(resolve(path)).flatMap(({ geometry }) => areasOfGeoJson(geometry))))
}

/** A group of polygons with the same value of a field. */
export interface AreaGroup {
  readonly value: string
  readonly area: GeoJsonArea
}

/** Polygons of a vector file by the values of a field, sorted. Throws NOT_FOUND, GEOMETRY_INVALID, also for a polygon without value. */
export async function readAreaGroups(path: string, field: string): Promise<readonly AreaGroup[]> {
  await readText(path)
  const { readVector } = await import('../../raster/read-vector.js')
  const groups = new Map<string, GeoJsonArea[]>()
  for (const [i, { geometry, value }] of readVector(resolve(path), field).entries()) {
    if (value === null || value.trim() === '')
      throw new ProcessingError('GEOMETRY_INVALID', `'${path}': polygon ${i + 1} has no value of '${field}'.`)
    const areas = areasOfGeoJson(geometry).map(checkArea)
    groups.set(value, [...(groups.get(value) ?? []), ...areas])
  }
  return [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([value, areas]) => ({ value, area: joinAreas(areas) }))
}

/** The text of a file that holds text of a geometry; null for other content. */
async function readText(path: string): Promise<string | null> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new ProcessingError(
      'NOT_FOUND',
      `'${path}' cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    )
  })
  const start = bytes
    .subarray(0, 200)
    .toString('utf8')
    .replace(/^\uFEFF/, '')
    .trimStart()
  if (start !== '' && !start.startsWith('{') && !looksLikeWkt(start)) return null
  return bytes.toString('utf8').replace(/^\uFEFF/, '')
}

/** GeoJSON of before RFC 7946 may name another reference system. */
const hasOwnSystem = (text: string): boolean =>
  text.trimStart().startsWith('{') &&
  /"crs"\s*:\s*\{/.test(text.slice(0, 4000)) &&
  !/CRS84|4326/.test(text.slice(0, 4000))
