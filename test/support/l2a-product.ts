import { mkdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import gdal from 'gdal-async'
import { STAC_EXTENSIONS } from '../../src/products/stac/validate-stac-item.js'

/** A stored value by column and row, counted on the grid of its own file. */
type Pixels = (x: number, y: number) => number

export interface InventedL2a {
  readonly name: string
  /** Pixels of the finest grid along one side. */
  readonly size: number
  /** By file name, such as `B04_sre.tif`; files of B05, B06, B07, B8A, B11, B12 of Sentinel-2 have half as many pixels. */
  readonly files: Readonly<Record<string, Pixels>>
  readonly mask: Pixels
  readonly cloudPercent?: number
}

const isCoarse = (file: string, isLandsat: boolean): boolean =>
  !isLandsat && /^B(05|06|07|8A|11|12)_/.test(file)

/** An L2A product in our layout with pixels as a test wants them: its files and an item with what consumers read. Returns its folder. */
export function makeL2aProduct(parent: string, product: InventedL2a): string {
  const { name, size, files, mask } = product
  const folder = join(parent, name)
  mkdirSync(folder, { recursive: true })
  const [, , , time = ''] = name.split('_')
  const isLandsat = name.startsWith('L')
  const pixelM = isLandsat ? 30 : 10
  const write = (file: string, type: string, pixels: Pixels, noData: number | null) => {
    const n = isCoarse(file, isLandsat) ? Math.ceil(size / 2) : size
    const image = gdal.open(join(folder, file), 'w', 'GTiff', n, n, 1, type, [
      'TILED=YES',
      'COMPRESS=DEFLATE',
    ])
    const edge = isCoarse(file, isLandsat) ? 2 * pixelM : pixelM
    image.geoTransform = [300000, edge, 0, 4900020, 0, -edge]
    image.srs = gdal.SpatialReference.fromEPSG(32631)
    const band = image.bands.get(1)
    if (noData !== null) band.noDataValue = noData
    const data = Float64Array.from({ length: n * n }, (_, i) => pixels(i % n, Math.floor(i / n)))
    band.pixels.write(0, 0, n, n, data)
    image.close()
  }
  for (const [file, pixels] of Object.entries(files)) write(file, gdal.GDT_Int16, pixels, -32768)
  write('MASK.tif', gdal.GDT_UInt16, mask, null)
  const d = time
  const datetime = `${d.slice(0, 4)}-${d.slice(4, 6)}-${d.slice(6, 8)}T${d.slice(9, 11)}:${d.slice(11, 13)}:${d.slice(13, 15)}Z`
  const naming = isLandsat
    ? {
        ...{ 'landsat:wrs_type': '2', 'landsat:wrs_path': '198', 'landsat:wrs_row': '030' },
        ...{ 'landsat:collection_number': '02', 'landsat:collection_category': 'T1' },
        'landsat:correction': 'L1TP',
      }
    : { 'mgrs:utm_zone': 31, 'mgrs:latitude_band': 'T', 'mgrs:grid_square': 'CJ' }
  const item = {
    id: name,
    stac_extensions: [STAC_EXTENSIONS[isLandsat ? 'landsat' : 'mgrs']],
    properties: {
      datetime,
      'view:sun_azimuth': 150,
      'view:sun_elevation': 55,
      'tilth:orbit_direction': 'descending',
      ...(product.cloudPercent === undefined ? {} : { 'eo:cloud_cover': product.cloudPercent }),
      ...naming,
    },
    assets: Object.fromEntries(
      [...Object.keys(files), 'MASK.tif'].map((file) => [
        file.replace('.tif', ''),
        { href: `./${file}`, 'file:size': statSync(join(folder, file)).size },
      ]),
    ),
  }
  writeFileSync(join(folder, 'item.json'), JSON.stringify(item))
  return folder
}

/** Stored values of the first band of a file, row by row, with its width. */
export function readPixels(path: string): { readonly width: number; readonly pixels: readonly number[] } {
  const dataset = gdal.open(path)
  const { x, y } = dataset.rasterSize
  const pixels = Array.from(dataset.bands.get(1).pixels.read(0, 0, x, y))
  dataset.close()
  return { width: x, pixels }
}
