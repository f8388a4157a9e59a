import gdal from 'gdal-async'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { GeoJsonArea } from '../../../src/domain/polygon.js'
import { clipArea } from '../../../src/products/areas/clip-area.js'
import { parseArea } from '../../../src/products/areas/parse-area.js'
import { readAreaFile } from '../../../src/products/areas/read-area-file.js'
import { temporaryFolder } from '../../support/cli.js'

const folder = temporaryFolder('areas')
const square = (w: number, s: number, size = 1): GeoJsonArea => ({
  type: 'Polygon',
  coordinates: [
    [
      [w, s],
      [w + size, s],
      [w + size, s + size],
      [w, s + size],
      [w, s],
    ],
  ],
})
const text = (name: string, content: string): string => {
  writeFileSync(join(folder, name), content)
  return join(folder, name)
}
const boxOf = (area: GeoJsonArea) => {
  const points = (area.type === 'Polygon' ? [area.coordinates] : area.coordinates).flat(2)
  const [lons, lats] = [points.map((p) => p[0]), points.map((p) => p[1])]
  return [Math.min(...lons), Math.min(...lats), Math.max(...lons), Math.max(...lats)]
}

/** A vector file with geometries that are given in degrees, written in another system. */
function vector(name: string, driver: string, epsg: number | null, geometries: readonly object[]): string {
  const path = join(folder, name)
  const dataset = gdal.drivers.get(driver).create(path)
  const lonLat = gdal.SpatialReference.fromProj4('+proj=longlat +datum=WGS84 +no_defs')
  const srs = epsg === null ? null : gdal.SpatialReference.fromEPSG(epsg)
  const layer = dataset.layers.create('areas', srs, gdal.wkbUnknown)
  for (const object of geometries) {
    const feature = new gdal.Feature(layer)
    const geometry = gdal.Geometry.fromGeoJson(object)
    if (srs !== null) geometry.transform(new gdal.CoordinateTransformation(lonLat, srs))
    // The authority's object has north first; files have east first.
    if (epsg === 3035) geometry.swapXY()
    feature.setGeometry(geometry)
    layer.features.add(feature)
  }
  dataset.close()
  return path
}

describe('an area from a file', () => {
  test.each([
    ['a GeoPackage in UTM', 'a.gpkg', 'GPKG', 32631],
    ['a GeoPackage in the conic projection of France', 'b.gpkg', 'GPKG', 2154],
    ['a Shapefile in UTM', 'c.shp', 'ESRI Shapefile', 32631],
    ['a GeoPackage in the projection of Europe, whose axes are north before east', 'd.gpkg', 'GPKG', 3035],
  ])('%s is turned into WGS 84', async (_, name, driver, epsg) => {
    const path = vector(name, driver, epsg, [square(0, 52), square(2, 52)])
    const box = boxOf(await readAreaFile(path))
    for (const [i, value] of [0, 52, 3, 53].entries()) expect(Math.abs(box[i]! - value)).toBeLessThan(1e-4)
  })
  test('KML, GeoJSON and WKT are in degrees already', async () => {
    const kml = text(
      'a.kml',
      '<?xml version="1.0"?><kml xmlns="http://www.opengis.net/kml/2.2"><Placemark><Polygon><outerBoundaryIs><LinearRing><coordinates>0,52,0 1,52,0 1,53,0 0,53,0 0,52,0</coordinates></LinearRing></outerBoundaryIs></Polygon></Placemark></kml>',
    )
    const bom = text('a.geojson', `\uFEFF${JSON.stringify(square(0, 52))}`)
    const wkt = text('a.wkt', 'POLYGON ((0 52, 1 52, 1 53, 0 53, 0 52))')
    for (const path of [kml, bom, wkt]) expect(await readAreaFile(path)).toEqual(square(0, 52))
  })
  test('GeoJSON that names another system, as before RFC 7946, is turned too', async () => {
    const crs = { type: 'name', properties: { name: 'urn:ogc:def:crs:EPSG::32631' } }
    const metres = { ...square(399_960, 4_790_220, 1000), crs }
    const [west] = boxOf(await readAreaFile(text('utm.geojson', JSON.stringify(metres))))
    expect(west).toBeCloseTo(1.77, 1)
  })
  test.each([
    ['nothing there', () => join(folder, 'none.gpkg'), 'NOT_FOUND', /cannot be read/],
    [
      'no vector',
      () => text('x.bin', '\u0001\u0002 no'),
      'GEOMETRY_INVALID',
      /no vector file.*Expected GeoJSON, WKT/,
    ],
    ['an empty file', () => text('empty.geojson', ''), 'GEOMETRY_INVALID', /no JSON/],
    [
      'a Shapefile without .prj',
      () => vector('n.shp', 'ESRI Shapefile', null, [square(0, 52)]),
      'GEOMETRY_INVALID',
      /reference system.*\.prj.*-a_srs/,
    ],
    [
      'lines',
      () =>
        vector('l.gpkg', 'GPKG', 4326, [
          {
            type: 'LineString',
            coordinates: [
              [0, 52],
              [1, 52],
            ],
          },
        ]),
      'GEOMETRY_INVALID',
      /holds LINESTRING \(feature 1\)/,
    ],
    ['no feature', () => vector('e.gpkg', 'GPKG', 4326, []), 'GEOMETRY_INVALID', /empty/],
  ])('%s is refused', async (_, make, code, message) => {
    await expect(readAreaFile(make())).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message) as string,
    })
  })
})

describe('WKT', () => {
  test.each([
    ['MULTIPOLYGON (((0 0, 4 0, 4 4, 0 0)), ((5 5, 6 5, 6 6, 5 5)))', 'MultiPolygon'],
    ['srid=4326;polygon z((0 0 1,4 0 1,4 4 1,0 0 1))', 'Polygon'],
    ['POLYGON ((0 0, 4e0 0, 4 4., 0 0), (2 1, 3 1, 3 2, 2 1))', 'Polygon'],
  ])('%s is read', (wkt, type) => {
    expect(parseArea(wkt).type).toBe(type)
  })
  test.each([
    ['POINT (1 2)', /is a POINT/],
    ['GEOMETRYCOLLECTION (POINT (1 2))', /is a GEOMETRYCOLLECTION/],
    ['POLYGON EMPTY', /no ring/],
    ['MULTIPOLYGON EMPTY', /no polygon/],
    ['POLYGON ((0 0, 1 nan, 1 1, 0 0))', /has nan before ', 1 1.*finite/],
    ['POLYGON ((0 0, 1 0, 1 1, 0 0)', /lacks '\)' at its end/],
    ['POLYGON ((0 0, 1 0, 1 1, 0 0)) more', /goes on after its end before 'more'/],
    ['SRID=32631;POLYGON ((0 0, 1 0, 1 1, 0 0))', /SRID 32631; expected degrees/],
  ])('%s is refused', (wkt, message) => {
    expect(() => parseArea(wkt)).toThrow(
      expect.objectContaining({
        code: 'GEOMETRY_INVALID',
        message: expect.stringMatching(message) as string,
      }) as Error,
    )
  })
})

test('a GeometryCollection of polygons is an area, one with a point names its place', () => {
  const collection = { type: 'GeometryCollection', geometries: [square(0, 52), square(2, 52)] }
  expect(parseArea(JSON.stringify(collection)).type).toBe('MultiPolygon')
  const mixed = {
    type: 'Feature',
    geometry: { ...collection, geometries: [square(0, 52), { type: 'Point', coordinates: [1, 2] }] },
  }
  expect(() => parseArea(JSON.stringify(mixed))).toThrow(/In geometry: geometries\[1\] the area is a Point/)
})
test('NaN in GeoJSON, as number or as null, is named', () => {
  expect(() => parseArea('{"type":"Polygon","coordinates":[[[NaN,1]]]}')).toThrow(/finite numbers/)
  expect(() => parseArea('{"type":"Polygon","coordinates":[[[null,1],[1,1]]]}')).toThrow(
    /null at coordinates.0.0.0.*NaN is written so/,
  )
})

describe('clipping', () => {
  test('gives the common part, with holes, and nothing where areas only touch', () => {
    expect(boxOf(clipArea(square(0, 0, 4), square(2, 2, 4))!)).toEqual([2, 2, 4, 4])
    expect(clipArea(square(0, 0), square(1, 0))).toBeNull()
    expect(clipArea(square(0, 0), square(5, 5))).toBeNull()
    const hole = {
      type: 'Polygon' as const,
      coordinates: [square(0, 0, 4).coordinates[0], square(1, 1).coordinates[0]],
    }
    const part = clipArea(hole as GeoJsonArea, square(0, 0, 3))
    expect(part?.coordinates).toHaveLength(2)
  })
  test('finds the turn of the globe on which they meet', () => {
    expect(boxOf(clipArea(square(179, 0, 3), square(-179, 0, 5))!)).toEqual([181, 0, 182, 3])
    expect(boxOf(clipArea(square(-182, 0, 3), square(179, 0, 5))!)).toEqual([-181, 0, -179, 3])
  })
})
