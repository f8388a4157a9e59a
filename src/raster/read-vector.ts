import gdal from './gdal.js'
import { ProcessingError } from '../domain/errors.js'

/** A polygon of a vector file, GeoJSON in longitude and latitude, degrees WGS 84. */
export interface VectorFeature {
  /** Polygon or MultiPolygon; anything else is refused. */
  readonly geometry: unknown
  /** Value of the field asked for, as text; null where it is empty or none was asked for. */
  readonly value: string | null
}

/** WGS 84 with longitude first: EPSG:4326 has latitude first for GDAL 3. */
const LON_LAT = '+proj=longlat +datum=WGS84 +no_defs'

/**
 * All polygons of the first layer of a file that GDAL reads (GeoPackage, Shapefile, KML, GeoJSON, ...), turned into WGS 84. The file is
 * only read. Throws GEOMETRY_INVALID: no vector file, no layer or several, no reference system, no such field, a feature that is
 * no polygon, a point beyond the projection.
 */
export function readVector(path: string, field?: string): readonly VectorFeature[] {
  const refuse = (what: string, cause?: unknown) =>
    new ProcessingError('GEOMETRY_INVALID', `'${path}' ${what}`, { cause })
  let dataset: gdal.Dataset
  try {
    dataset = gdal.open(path, 'r')
  } catch (cause) {
    throw refuse(
      `is no vector file that GDAL reads: ${cause instanceof Error ? cause.message : String(cause)}. Expected GeoJSON, WKT, GeoPackage, Shapefile or KML.`,
      cause,
    )
  }
  try {
    const layers = dataset.layers.map((layer) => layer)
    const [layer] = layers
    if (layer === undefined || layers.length > 1)
      throw refuse(
        layer === undefined
          ? 'has no layer of polygons.'
          : `has ${layers.length} layers (${layers.map(({ name }) => name).join(', ')}), expected one. Write it alone: ogr2ogr one.gpkg FILE LAYER.`,
      )
    const names = layer.fields.getNames()
    if (field !== undefined && !names.includes(field))
      throw refuse(`has no field '${field}'; it has ${names.join(', ') || 'none'}.`)
    const srs = layer.srs
    if (srs === null)
      throw refuse(
        'does not say its reference system (a Shapefile needs its .prj). Say it with ogr2ogr -a_srs EPSG:CODE.',
      )
    // The layer's own object gives x before y; one made anew from its text would follow the authority's order of axes.
    const turn = new gdal.CoordinateTransformation(srs, gdal.SpatialReference.fromProj4(LON_LAT))
    return layer.features.map((feature): VectorFeature => {
      const geometry = feature.getGeometry()
      const found = geometry?.name ?? 'nothing'
      if (geometry === null || !['POLYGON', 'MULTIPOLYGON', 'GEOMETRYCOLLECTION'].includes(found))
        throw refuse(`holds ${found} (feature ${feature.fid}); expected polygons only.`)
      try {
        geometry.transform(turn)
      } catch (cause) {
        throw refuse(`feature ${feature.fid} cannot be turned into WGS 84: ${String(cause)}`, cause)
      }
      const value: unknown = field === undefined ? null : feature.fields.get(field)
      return {
        geometry: geometry.toObject(),
        value: typeof value === 'string' || typeof value === 'number' ? String(value) : null,
      }
    })
  } finally {
    dataset.close()
  }
}
