import gdal from 'gdal-async'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BandAir, oliOptics } from '../../src/simulator/atmosphere/evaluate-atmosphere.js'
import { RADIANCE_1AU } from '../../src/simulator/landsat/calibration.js'
import { oliSpectraOn } from '../../src/simulator/landsat/oli-spectra.js'
import { moduleView } from '../../src/simulator/landsat/oli-view.js'
import { OLI_BANDS } from '../../src/simulator/landsat/oli.js'
import { simulateLandsat, type SimulatedLandsat } from '../../src/simulator/landsat/simulate-landsat.js'
import { wrsScene } from '../../src/simulator/landsat/wrs2.js'
import { Landscape } from '../../src/simulator/landscape.js'
import { spectraOn } from '../../src/simulator/spectra.js'

const root = mkdtempSync(join(tmpdir(), 'tilth-landsat-'))
const real = join(import.meta.dirname, '../../../shared/data/landsat-l1-decimated')
const common = { tile: '198030', date: '2025-06-11', pixelSizeM: 600, seed: 5, noiseDn: 0 }
let product: SimulatedLandsat

beforeAll(async () => {
  product = await simulateLandsat({ ...common, outDir: root })
})
afterAll(() => {
  rmSync(root, { recursive: true, force: true })
})

function pixels(path: string) {
  const dataset = gdal.open(path)
  const { x, y } = dataset.rasterSize
  const data = new Float64Array(x * y)
  dataset.bands.get(1).pixels.read(0, 0, x, y, data)
  const { geoTransform } = dataset
  const found = { data, width: x, height: y, geoTransform, metadata: dataset.getMetadata() as object }
  dataset.close()
  return found
}
const image = (name: string) => join(product.productPath, `${product.name}_${name}.TIF`)
const metadata = (path: string) =>
  Object.fromEntries(
    [...readFileSync(path, 'utf8').matchAll(/^\s*([A-Z0-9_]+) = "?([^"\n]*)"?$/gm)].map((m) => [m[1], m[2]]),
  ) as Record<string, string>
const mtl = () => metadata(join(product.productPath, `${product.name}_MTL.txt`))

describe('the place of a WRS-2 scene', () => {
  it.skipIf(!existsSync(real)).each([
    ['112081', 'LC09_C2_112081'],
    ['016037', 'LC08_C1_016037'],
    ['092084', 'LC08_C2_092084'],
  ])('%s lies within 6 km of a real frame', (tile, folder) => {
    const file = readdirSync(join(real, folder)).find((name) => name.endsWith('_MTL.txt')) ?? ''
    const found = metadata(join(real, folder, file))
    const scene = wrsScene(tile, 95.9)
    expect(scene.zone).toBe(Number(found['UTM_ZONE']))
    for (const [value, key] of [
      [scene.ulx, 'CORNER_UL_PROJECTION_X_PRODUCT'],
      [scene.uly, 'CORNER_UL_PROJECTION_Y_PRODUCT'],
      [scene.lrx, 'CORNER_LR_PROJECTION_X_PRODUCT'],
      [scene.lry, 'CORNER_LR_PROJECTION_Y_PRODUCT'],
    ] as const) {
      expect(Math.abs(value - Number(found[key])), key).toBeLessThan(6000)
      expect(Math.abs(value % 300)).toBe(0)
    }
  })

  it('refuses what is no path and row', () => {
    for (const tile of ['31TCJ', '000030', '234030', '198123', '19803'])
      expect(() => wrsScene(tile, 95)).toThrow(/six digits/)
  })

  it('is seen from the side where the satellite stands: east of the track it is in the west', () => {
    const heading = 192.8
    // 70 km at 705 km of altitude: atan(70 / 705) = 5.67 degrees off nadir, and 0.63 more for the curve of the earth.
    const east = moduleView(70, heading + 90, 12, 'B4')
    expect(east.zenith).toBeCloseTo(6.32, 1)
    expect(Math.abs(east.azimuth - (heading + 90))).toBeLessThan(6)
    const west = moduleView(-70, heading + 90, 2, 'B4')
    expect(Math.abs(west.azimuth - (heading - 90))).toBeLessThan(6)
    // Odd modules look ahead (southward), so the satellite stands north of what they see.
    expect(Math.cos((moduleView(0.1, heading + 90, 7, 'B4').azimuth * Math.PI) / 180)).toBeGreaterThan(0.9)
  })
})

describe('a simulated L1TP product', () => {
  it('has the files that its MTL names, and the keys of a real one', () => {
    const found = mtl()
    expect(product.name).toBe('LC08_L1TP_198030_20250611_20250612_02_T1')
    const named = Object.entries(found)
      .filter(([key]) => key.startsWith('FILE_NAME'))
      .map(([, value]) => value)
    expect([...new Set(named)].sort()).toEqual(readdirSync(product.productPath).sort())
    expect(named.length).toBe(2 + 11 + 6)
    const folder = join(real, 'LC09_C2_112081')
    if (!existsSync(folder)) return
    const keys = Object.keys(metadata(join(folder, 'LC09_L1TP_112081_20220209_20220209_02_T1_MTL.txt')))
    const missing = keys.filter((key) => !(key in found))
    expect(
      missing.filter((key) => !/GROUND_CONTROL|GEOMETRIC|_CPF|_BPF|_RLUT|ANGLE_COEFF/.test(key)),
    ).toEqual([])
  })

  it('lies where its MTL says: corners are pixel centres, every second panchromatic centre is one of the others', () => {
    const found = mtl()
    const [red, pan] = [pixels(image('B4')), pixels(image('B8'))]
    expect(red.metadata).toMatchObject({ AREA_OR_POINT: 'Point' })
    const centre = (g: typeof red, column: number, row: number) => {
      const [x = 0, dx = 0, , y = 0, , dy = 0] = g.geoTransform ?? []
      return [x + (column + 0.5) * dx, y + (row + 0.5) * dy]
    }
    const corner = (name: string) => [
      Number(found[`CORNER_${name}_PROJECTION_X_PRODUCT`]),
      Number(found[`CORNER_${name}_PROJECTION_Y_PRODUCT`]),
    ]
    for (const g of [red, pan]) {
      expect(centre(g, 0, 0)).toEqual(corner('UL'))
      expect(centre(g, g.width - 1, g.height - 1)).toEqual(corner('LR'))
    }
    expect(centre(pan, 20, 8)).toEqual(centre(red, 10, 4))
    expect([red.width, red.height]).toEqual([
      Number(found['REFLECTIVE_SAMPLES']),
      Number(found['REFLECTIVE_LINES']),
    ])
    expect([pan.width, pan.height]).toEqual([
      Number(found['PANCHROMATIC_SAMPLES']),
      Number(found['PANCHROMATIC_LINES']),
    ])
  })

  it('has no data outside of the swath, in all images alike', () => {
    const fill = pixels(image('QA_PIXEL')).data.map((v) => v & 1)
    const share = fill.reduce((a, b) => a + b, 0) / fill.length
    expect(share).toBeGreaterThan(0.25)
    expect(share).toBeLessThan(0.45)
    for (const band of [...OLI_BANDS.filter((b) => b !== 'B8'), 'B10', 'B11'])
      pixels(image(band)).data.forEach((v, i) => {
        if ((v === 0) !== (fill[i] === 1)) throw new Error(`${band} at ${i}: ${v}`)
      })
  })

  it('shows what the truth and the angle images give in the signal model', () => {
    const angle = Object.fromEntries(
      (['SZA', 'SAA', 'VZA', 'VAA'] as const).map((name) => [name, pixels(image(name)).data]),
    ) as Record<'SZA' | 'SAA' | 'VZA' | 'VAA', Float64Array>
    const altitude = pixels(join(product.truthDir, 'DEM.tif')).data
    const air = { aot: 0.15, wv: 2, ozone: 0.3 }
    for (const band of ['B2', 'B4', 'B5', 'B7'] as const) {
      const [dn, surface] = [pixels(image(band)), pixels(join(product.truthDir, `${band}.tif`)).data]
      const bandAir = new BandAir(air, oliOptics('L8', band))
      let [worst, compared] = [0, 0]
      for (let i = 7; i < dn.data.length; i += 61) {
        if (dn.data[i] === 0) continue
        const turn = Math.abs((angle.SAA[i] ?? 0) - (angle.VAA[i] ?? 0)) / 100
        const sza = (angle.SZA[i] ?? 0) / 100
        const { path, gain, albedo } = bandAir.at({
          sza,
          vza: (angle.VZA[i] ?? 0) / 100,
          raa: turn > 180 ? 360 - turn : turn,
          altitudeM: altitude[i] ?? 0,
        })
        const rho = (surface[i] ?? 0) / 10000
        const toa = (2e-5 * (dn.data[i] ?? 0) - 0.1) / Math.cos((sza * Math.PI) / 180)
        worst = Math.max(worst, Math.abs(toa - path - (gain * rho) / (1 - albedo * rho)))
        compared++
      }
      expect(compared).toBeGreaterThan(1000)
      // Band 4's angles for all bands, the middle pixel's altitude for the mean: both are small.
      expect(worst, band).toBeLessThan(band === 'B4' ? 0.0006 : 0.0012)
    }
  })

  it('tells radiances that agree with its reflectances and the distance of the sun', () => {
    const found = mtl()
    const distance = Number(found['EARTH_SUN_DISTANCE'])
    expect(distance).toBeCloseTo(1.0154, 3)
    for (const band of OLI_BANDS) {
      const n = band.slice(1)
      const ratio = Number(found[`RADIANCE_MULT_BAND_${n}`]) / Number(found[`REFLECTANCE_MULT_BAND_${n}`])
      expect(ratio * distance ** 2).toBeCloseTo(RADIANCE_1AU.L8[band], 1)
      expect(Number(found[`RADIANCE_ADD_BAND_${n}`]) / ratio).toBeCloseTo(-0.1, 4)
    }
    // Band 10 as temperature is that of a June day.
    const warm = pixels(image('B10')).data.filter((v) => v > 0)
    const kelvin = (dn: number) =>
      Number(found['K2_CONSTANT_BAND_10']) /
      Math.log(Number(found['K1_CONSTANT_BAND_10']) / (Number(found['RADIANCE_MULT_BAND_10']) * dn + 0.1) + 1)
    const mean = warm.reduce((sum, dn) => sum + kelvin(dn), 0) / warm.length
    expect(mean).toBeGreaterThan(285)
    expect(mean).toBeLessThan(315)
  })

  it('has the same bytes for the same options; collection 1 and Landsat-9 come as they do from the USGS', async () => {
    const sums = (folder: string) =>
      readdirSync(folder)
        .sort()
        .map((f) =>
          createHash('sha256')
            .update(readFileSync(join(folder, f)))
            .digest('hex'),
        )
    const again = await simulateLandsat({ ...common, outDir: join(root, 'again') })
    expect(sums(again.productPath)).toEqual(sums(product.productPath))
    const early = await simulateLandsat({
      ...common,
      pixelSizeM: 1500,
      collection: 1,
      tar: true,
      outDir: root,
    })
    expect(early.productPath).toMatch(/LC08_L1TP_198030_20250611_20250612_01_T1\.tar\.gz$/)
    const members = execFileSync('tar', ['tzf', early.productPath], { encoding: 'utf8' }).trim().split('\n')
    expect(members).toContain(`${early.name}_BQA.TIF`)
    expect(members.filter((m) => /_B\d+\.TIF$/.test(m))).toHaveLength(11)
    const ninth = await simulateLandsat({
      ...common,
      pixelSizeM: 1500,
      platform: 'L9',
      tar: true,
      outDir: root,
    })
    expect(ninth.productPath).toMatch(/LC09_L1TP_.*_02_T1\.tar$/)
    expect(execFileSync('tar', ['tf', ninth.productPath], { encoding: 'utf8' })).toContain('_QA_RADSAT.TIF')
    await expect(
      simulateLandsat({ ...common, collection: 1, platform: 'L9', outDir: root }),
    ).rejects.toMatchObject({
      code: 'BAD_ARGUMENT',
    })
    expect(readdirSync(root).filter((name) => name.startsWith('.'))).toEqual([])
  })
})

describe('one landscape for both satellites', () => {
  it('has the same ground at the same place, whatever the pixel', () => {
    const landscape = new Landscape(3)
    const fine = landscape.fill({
      easting: 31_400_005,
      northing: 4_800_005,
      pixelM: 10,
      width: 300,
      height: 300,
    })
    const coarse = landscape.fill({
      easting: 31_400_000,
      northing: 4_800_010,
      pixelM: 20,
      width: 100,
      height: 100,
    })
    // Centres of the coarse pixels lie on (10, 20) + 20 k: fine pixel (2 k, 2 k + 1) has its centre there.
    let same = 0
    for (let row = 0; row < 100; row++)
      for (let i = 0; i < 100; i++) {
        const k = (2 * row + 0) * 300 + 2 * i
        expect(fine.altitudeM[k]).toBeCloseTo(coarse.altitudeM[row * 100 + i] ?? 0, 2)
        if (Math.floor((fine.kinds[k] ?? 0) / 16) === Math.floor((coarse.kinds[row * 100 + i] ?? 0) / 16))
          same++
      }
    // Crumbs of grass in settlements depend on the pixel.
    expect(same).toBeGreaterThan(9800)
  })

  it('is seen by the red, near and short-wave infrared bands of both alike', () => {
    const [msi, oli] = [spectraOn(160, false), oliSpectraOn(160, false, 'L9')]
    for (const [a, b, tolerance] of [
      ['B04', 'B4', 0.02],
      ['B8A', 'B5', 0.006],
      // Snow falls off steeply towards 1.6 um: it sets this one.
      ['B11', 'B6', 0.025],
      ['B12', 'B7', 0.012],
    ] as const)
      msi[a].forEach((value, k) => {
        expect(Math.abs(value - (oli[b][k] ?? 0)), `${a} ${b} ${k}`).toBeLessThan(tolerance)
      })
  })
})
