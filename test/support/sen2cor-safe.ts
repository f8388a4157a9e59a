import { cpSync, mkdirSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import gdal from 'gdal-async'
import { sharedData } from './cli.js'

const METADATA = join(sharedData, 's2-metadata')
const WIDTH_M = 109_800

/** Digital number of a pixel at the centre (u, v) in 0..1 of the tile: the same ground in every band, no-data in the west. */
export const dnAt = (band: string, u: number, v: number): number =>
  u < 0.2
    ? 0
    : band === 'B03' && u > 0.9 && v > 0.9
      ? 65535
      : 1000 + Math.round(4000 * v) + band.charCodeAt(2)
/** Classes in columns of a tenth of the tile. */
export const CLASSES = [0, 0, 3, 4, 6, 8, 9, 10, 11, 1]

/** A Sen2Cor product in a folder: real metadata with invented images, a hundredth of their nominal size. Returns its path. */
export function fillSen2cor(folder: string, name: string, as = name): string {
  const safe = join(folder, as)
  cpSync(join(METADATA, name), safe, { recursive: true })
  const xml = readFileSync(join(safe, 'MTD_MSIL2A.xml'), 'utf8')
  const tile = readFileSync(
    join(safe, 'GRANULE', readdirSync(join(safe, 'GRANULE'))[0] ?? '', 'MTD_TL.xml'),
    'utf8',
  )
  const [epsg, ulx, uly] = [/EPSG:(\d+)/, /<ULX>(\d+)/, /<ULY>(\d+)/].map((pattern) =>
    Number(pattern.exec(tile)?.[1]),
  )
  for (const [, path = '', band = '', size = ''] of xml.matchAll(/<IMAGE_FILE>([^<]*_(\w{3})_(\d0)m)</g)) {
    if (band === 'TCI') continue
    mkdirSync(join(safe, path, '..'), { recursive: true })
    const n = WIDTH_M / (Number(size) * 100)
    const pixels = new Uint16Array(Math.floor(n) * Math.floor(n))
    const width = Math.floor(n)
    for (let i = 0; i < pixels.length; i++) {
      const [u, v] = [((i % width) + 0.5) / width, (Math.floor(i / width) + 0.5) / width]
      pixels[i] =
        band === 'SCL'
          ? (CLASSES[Math.floor(u * 10)] ?? 0)
          : band === 'AOT'
            ? u < 0.2
              ? 0
              : 123
            : band === 'WVP'
              ? u < 0.2
                ? 0
                : 2345
              : dnAt(band, u, v)
    }
    const type = band === 'SCL' ? gdal.GDT_Byte : gdal.GDT_UInt16
    const image = gdal.open('', 'w', 'MEM', width, width, 1, type)
    image.geoTransform = [ulx ?? 0, WIDTH_M / width, 0, uly ?? 0, 0, -WIDTH_M / width]
    image.srs = gdal.SpatialReference.fromEPSG(epsg ?? 0)
    image.bands.get(1).pixels.write(0, 0, width, width, band === 'SCL' ? Uint8Array.from(pixels) : pixels)
    gdal.drivers
      .get('JP2OpenJPEG')
      .createCopy(join(safe, `${path}.jp2`), image, { REVERSIBLE: 'YES', QUALITY: '100' })
      .close()
    image.close()
  }
  return safe
}
