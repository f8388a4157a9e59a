import gdal from 'gdal-async'
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { NOMINAL_PIXEL_M, S2_BANDS, type L1cProduct, type S2Band } from '../../src/domain/sentinel2.js'
import { openDetectorMap } from '../../src/products/sentinel2/detector-map.js'
import { readL1cMetadata } from '../../src/products/sentinel2/read-l1c.js'
import { BandAir, s2Optics } from '../../src/simulator/atmosphere/evaluate-atmosphere.js'
import { Landscape } from '../../src/simulator/landscape.js'
import { simulateL1c, type SimulatedProduct } from '../../src/simulator/simulate-l1c.js'

const root = mkdtempSync(join(tmpdir(), 'tilth-simulate-'))
const common = { tile: '31TCJ', date: '2025-05-10', pixelSizeM: 300, seed: 5, noiseDn: 0 }
let modern: SimulatedProduct
let early: SimulatedProduct
const products: Record<string, L1cProduct> = {}

beforeAll(async () => {
  modern = await simulateL1c({ ...common, outDir: root, baseline: '05.11' })
  early = await simulateL1c({ ...common, outDir: root, baseline: '02.09', platform: 'S2B' })
  products['05.11'] = await readL1cMetadata(modern.safePath)
  products['02.09'] = await readL1cMetadata(early.safePath)
})
afterAll(() => {
  rmSync(root, { recursive: true, force: true })
})

function pixels(path: string): { data: Float64Array; width: number } {
  const dataset = gdal.open(path)
  const { x, y } = dataset.rasterSize
  const data = new Float64Array(x * y)
  dataset.bands.get(1).pixels.read(0, 0, x, y, data)
  dataset.close()
  return { data, width: x }
}
const imagePath = (product: SimulatedProduct, band: string) => {
  const granule = join(product.safePath, 'GRANULE', readdirSync(join(product.safePath, 'GRANULE'))[0] ?? '')
  const folder = join(granule, 'IMG_DATA')
  return join(folder, readdirSync(folder).find((name) => name.endsWith(`_${band}.jp2`)) ?? '')
}

describe('a simulated L1C product', () => {
  it.each(['05.11', '02.09'])('of baseline %s is read like a real one', (baseline) => {
    const product = products[baseline]
    expect(product).toMatchObject({
      tile: '31TCJ',
      baseline,
      relativeOrbit: 51,
      epsg: 32631,
      orbitDirection: 'DESCENDING',
    })
    for (const band of S2_BANDS) {
      const read = product?.bands[band]
      const pixelM = (300 * NOMINAL_PIXEL_M[band]) / 10
      expect(read?.grid).toMatchObject({
        epsg: 32631,
        ulx: 300000,
        uly: 4900020,
        pixelWidthM: pixelM,
        width: Math.ceil(109800 / pixelM),
      })
      expect(read?.offset).toBe(baseline === '05.11' ? -1000 : 0)
      expect(read?.footprint.kind).toBe(baseline === '05.11' ? 'jp2' : 'gml')
      expect(read?.detectors.length).toBeGreaterThanOrEqual(3)
    }
  })

  it('opens with the SENTINEL2 driver of GDAL, as lossless JPEG 2000', () => {
    for (const product of [modern, early]) {
      const dataset = gdal.open(join(product.safePath, 'MTD_MSIL1C.xml'))
      expect(dataset.driver.description).toBe('SENTINEL2')
      dataset.close()
      const bands = gdal.open(`SENTINEL2_L1C:${join(product.safePath, 'MTD_MSIL1C.xml')}:20m:EPSG_32631`)
      expect(bands.bands.count()).toBe(6)
      // The driver takes the nominal pixel size for granted; it must still find every image.
      const pixel = new Uint16Array(1)
      for (let k = 1; k <= 6; k++) {
        bands.bands.get(k).pixels.read(9, 9, 1, 1, pixel)
        expect(pixel[0]).toBeGreaterThan(0)
      }
      bands.close()
      const image = gdal.open(imagePath(product, 'B08'))
      expect(image.getMetadata('IMAGE_STRUCTURE')).toMatchObject({ COMPRESSION_REVERSIBILITY: 'LOSSLESS' })
      expect(image.srs?.getAuthorityCode()).toBe('32631')
      image.close()
    }
  })

  it('lists every file with its size and checksum', () => {
    const manifest = readFileSync(join(modern.safePath, 'manifest.safe'), 'utf8')
    const listed = [
      ...manifest.matchAll(
        /size="(\d+)">\s*<fileLocation href="\.\/([^"]+)"[^>]*>\s*<checksum[^>]*>([0-9a-f]+)/g,
      ),
    ]
    expect(listed.length).toBeGreaterThan(13 + 27 + 3)
    for (const [, size, path, sum] of listed) {
      const content = readFileSync(join(modern.safePath, path ?? ''))
      expect(content.length).toBe(Number(size))
      expect(createHash('sha3-256').update(content).digest('hex')).toBe(sum)
    }
  })

  it.each(['05.11', '02.09'])(
    'shows each pixel through the detector of its footprint (%s), with azimuths that jump between neighbours',
    async (baseline) => {
      const simulated = baseline === '05.11' ? modern : early
      const product = products[baseline]
      const truth = JSON.parse(readFileSync(join(simulated.truthDir, 'truth.json'), 'utf8')) as {
        detectors: number[]
        atmosphere: { aot550: number; wv_g_cm2: number; ozone_du: number }
      }
      expect(truth.detectors).toEqual(simulated.detectors)
      const { aot550, wv_g_cm2, ozone_du } = truth.atmosphere
      const altitude = pixels(join(simulated.truthDir, 'DEM.tif'))
      for (const id of ['B02', 'B04', 'B11', 'B09'] as const satisfies S2Band[]) {
        const band = product?.bands[id]
        if (!band) throw new Error(`${id} is missing`)
        const { width, height } = band.grid
        const detectors = new Uint8Array(width * height)
        const map = await openDetectorMap(band)
        await map.read({ x: 0, y: 0, width, height }, detectors)
        map.close()
        expect([...new Set(detectors)].filter((d) => d > 0).sort((a, b) => a - b)).toEqual(
          simulated.detectors,
        )
        const dn = pixels(band.path)
        const surface = pixels(join(simulated.truthDir, `${id}.tif`))
        const air = new BandAir(
          { aot: aot550, wv: wv_g_cm2, ozone: ozone_du / 1000 },
          s2Optics(simulated.platform, id),
        )
        const factor = NOMINAL_PIXEL_M[id] / 10
        let worst = 0
        let compared = 0
        const azimuths = new Map<number, number>()
        for (let row = 0; row < height - 1; row += 3)
          for (let column = 0; column < width - 1; column += 3) {
            const i = row * width + column
            const angles = band.detectors.find((d) => d.detector === detectors[i])?.angles
            if ((dn.data[i] ?? 0) === 0 || angles === undefined) continue
            const node = (values: Float64Array) => {
              const [x, y] = [
                ((column + 0.5) * band.grid.pixelWidthM) / 5000,
                ((row + 0.5) * band.grid.pixelHeightM) / 5000,
              ]
              const [c, r] = [Math.min(21, Math.floor(x)), Math.min(21, Math.floor(y))]
              const at = (p: number, q: number) => values[(r + q) * 23 + c + p] ?? 0
              return (
                (at(0, 0) * (c + 1 - x) + at(1, 0) * (x - c)) * (r + 1 - y) +
                (at(0, 1) * (c + 1 - x) + at(1, 1) * (x - c)) * (y - r)
              )
            }
            const [view, sun] = [node(angles.azimuth), node(product.sun.azimuth)]
            if (row === Math.floor(height / 6) * 3) azimuths.set(detectors[i] ?? 0, view)
            const turn = Math.abs(view - sun)
            let metres = 0
            for (let k = 0; k < factor * factor; k++)
              metres +=
                (altitude.data[
                  (row * factor + Math.floor(k / factor)) * altitude.width + column * factor + (k % factor)
                ] ?? 0) /
                factor ** 2
            const { path, gain, albedo } = air.at({
              sza: node(product.sun.zenith),
              vza: node(angles.zenith),
              raa: turn > 180 ? 360 - turn : turn,
              altitudeM: metres,
            })
            const rho = (surface.data[i] ?? 0) / 10000
            const toa = ((dn.data[i] ?? 0) + band.offset) / band.quantification
            worst = Math.max(worst, Math.abs(toa - path - (gain * rho) / (1 - albedo * rho)))
            compared++
          }
        expect(compared).toBeGreaterThan(300)
        // Rounding of DN and DEM, parabola in altitude, planes through the view angles near the nadir.
        expect(worst, `${baseline} ${id}`).toBeLessThan(id === 'B09' ? 0.004 : 0.0006)
        const seen = [...azimuths].filter(([d]) => d >= 8).sort((a, b) => a[0] - b[0])
        for (let k = 1; k < seen.length; k++)
          expect(Math.abs((seen[k]?.[1] ?? 0) - (seen[k - 1]?.[1] ?? 0))).toBeGreaterThan(3)
      }
    },
  )

  it('leaves pixels outside of the swath without data, in the image as in the truth', async () => {
    const edge = await simulateL1c({
      ...common,
      pixelSizeM: 600,
      outDir: join(root),
      orbit: 8,
      platform: 'S2C',
    })
    const dn = pixels(imagePath(edge, 'B04')).data
    const surface = pixels(join(edge.truthDir, 'B04.tif')).data
    const empty = dn.filter((v) => v === 0).length
    expect(empty).toBeGreaterThan(0)
    expect(empty).toBeLessThan(dn.length)
    dn.forEach((v, i) => {
      expect(v === 0).toBe(surface[i] === -32768)
    })
  })

  it('has the same bytes for the same options, and others for another seed', async () => {
    const run = async (folder: string, seed: number) => {
      const outDir = join(root, folder)
      const product = await simulateL1c({ ...common, pixelSizeM: 600, seed, noiseDn: 4, outDir })
      const files = readdirSync(outDir, { recursive: true, withFileTypes: true })
        .filter((e) => e.isFile())
        .map((e) => join(e.parentPath, e.name))
        .sort()
      return {
        image: imagePath(product, 'B03'),
        sums: files.map(
          (f) => `${f.slice(outDir.length)} ${createHash('sha256').update(readFileSync(f)).digest('hex')}`,
        ),
      }
    }
    const [a, b, c] = [await run('a', 1), await run('b', 1), await run('c', 2)]
    expect(a.sums.length).toBeGreaterThan(60)
    expect(b.sums).toEqual(a.sums)
    expect(readFileSync(c.image).equals(readFileSync(a.image))).toBe(false)
  })

  it('refuses options out of range and leaves nothing behind', async () => {
    const outDir = join(root, 'refused')
    await expect(simulateL1c({ ...common, outDir, aot: 3 })).rejects.toMatchObject({ code: 'BAD_ARGUMENT' })
    await expect(simulateL1c({ ...common, outDir, tile: '99XXX' })).rejects.toMatchObject({
      code: 'TILE_UNKNOWN',
    })
    await expect(simulateL1c({ ...common, outDir, date: '10.5.2025' })).rejects.toMatchObject({
      code: 'BAD_ARGUMENT',
    })
    await expect(simulateL1c({ ...common, outDir, orbit: 80 })).rejects.toMatchObject({
      code: 'BAD_ARGUMENT',
    })
    expect(existsSync(outDir)).toBe(false)
  })
})

describe('the landscape', () => {
  it('continues from one window to the next: any part equals the same part of a larger one', () => {
    const landscape = new Landscape(3)
    const whole = landscape.fill({ easting: 300000, northing: 4900020, pixelM: 100, width: 120, height: 90 })
    const part = landscape.fill({ easting: 304000, northing: 4897020, pixelM: 100, width: 50, height: 40 })
    for (let row = 0; row < 40; row++)
      for (let i = 0; i < 50; i++) {
        const k = (row + 30) * 120 + i + 40
        expect(part.kinds[row * 50 + i]).toBe(whole.kinds[k])
        expect(part.altitudeM[row * 50 + i]).toBeCloseTo(whole.altitudeM[k] ?? 0, 3)
      }
  })

  it('has water, forest, fields, settlements and relief in a tile', () => {
    const { kinds, altitudeM } = new Landscape(1).fill({
      easting: 300000,
      northing: 4900020,
      pixelM: 300,
      width: 366,
      height: 366,
    })
    const share = (...wanted: number[]) =>
      kinds.filter((k) => wanted.includes(Math.floor(k / 16))).length / kinds.length
    expect(share(1, 2)).toBeGreaterThan(0.01)
    expect(share(3, 4)).toBeGreaterThan(0.1)
    expect(share(5, 6, 7, 8, 9, 10)).toBeGreaterThan(0.2)
    expect(share(11)).toBeGreaterThan(0.005)
    const sorted = altitudeM.slice().sort()
    expect((sorted.at(-1) ?? 0) - (sorted[0] ?? 0)).toBeGreaterThan(200)
    expect(sorted.at(-1)).toBeLessThan(1800)
  })
})

describe('independence of the simulator', () => {
  it('imports nothing of the processors, runner or kernels', () => {
    const sources = join(import.meta.dirname, '../../src')
    const folder = join(sources, 'simulator')
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((f) => f.endsWith('.ts'))
    expect(files.length).toBeGreaterThan(10)
    for (const file of files) {
      const imported = [...readFileSync(join(folder, file), 'utf8').matchAll(/from '(\.[^']+)'/g)].map(
        (m) => m[1] ?? '',
      )
      for (const path of imported)
        expect(relative(sources, resolve(dirname(join(folder, file)), path)), file).toMatch(
          /^(simulator|domain|raster)\//,
        )
    }
  })
})
