import gdal from 'gdal-async'
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { simulateLandsat, type SimulatedLandsat } from '../../src/simulator/landsat/simulate-landsat.js'
import { qualityOf } from '../../src/simulator/landsat/ground-images.js'
import { simulateL1c, type SimulatedProduct } from '../../src/simulator/simulate-l1c.js'

const root = mkdtempSync(join(tmpdir(), 'tilth-weather-'))
const common = {
  date: '2025-06-11',
  seed: 5,
  noiseDn: 0,
  cloudCover: 0.3,
  cirrus: 0.3,
  airVariation: 0.5,
}
// 99,960 m between the tiles are 420 pixels of 238 m, and 70 of the coarsest.
const msi = { ...common, pixelSizeM: 238, orbit: 51, withTci: false }
let west: SimulatedProduct
let east: SimulatedProduct
let landsat: SimulatedLandsat

beforeAll(async () => {
  west = await simulateL1c({ ...msi, tile: '31TCJ', outDir: root })
  east = await simulateL1c({ ...msi, tile: '31TDJ', outDir: root })
  landsat = await simulateLandsat({ ...common, pixelSizeM: 900, tile: '198030', outDir: root })
})
afterAll(() => {
  rmSync(root, { recursive: true, force: true })
})

function pixels(path: string) {
  const dataset = gdal.open(path)
  const { x, y } = dataset.rasterSize
  const data = new Float64Array(x * y)
  dataset.bands.get(1).pixels.read(0, 0, x, y, data)
  dataset.close()
  return { data, width: x }
}
const image = (product: SimulatedProduct, band: string) => {
  const granule = join(product.safePath, 'GRANULE', readdirSync(join(product.safePath, 'GRANULE'))[0] ?? '')
  const folder = join(granule, 'IMG_DATA')
  return pixels(join(folder, readdirSync(folder).find((name) => name.endsWith(`_${band}.jp2`)) ?? ''))
}
const truth = (product: { truthDir: string }, name: string) => pixels(join(product.truthDir, `${name}.tif`))
const mean = (data: Float64Array, is: (i: number) => boolean) => {
  let [sum, n] = [0, 0]
  data.forEach((v, i) => {
    if (v === 0 || !is(i)) return
    sum += v
    n++
  })
  expect(n).toBeGreaterThan(30)
  return sum / n
}

describe('a Sentinel-2 product under clouds', () => {
  it('is bright where the truth says cloud, dark where it says shadow', () => {
    const bits = truth(west, 'CLOUD').data
    const isClear = (i: number) => bits[i] === 0
    const isCloud = (i: number) => ((bits[i] ?? 0) & 1) !== 0 && bits[i] !== 255
    const isShade = (i: number) => ((bits[i] ?? 0) & 12) !== 0 && ((bits[i] ?? 0) & 19) === 0
    const blue = image(west, 'B02').data
    expect(mean(blue, isCloud)).toBeGreaterThan(mean(blue, isClear) + 1500)
    const infrared = image(west, 'B08').data
    expect(mean(infrared, isShade)).toBeLessThan(mean(infrared, isClear) - 500)
    expect(mean(infrared, isCloud)).toBeGreaterThan(mean(infrared, isClear) + 500)
  })

  it('shows cirrus in B10, where the ground is not seen, in proportion to its thickness', () => {
    const [b10, tau, all] = [image(west, 'B10'), truth(west, 'CIRRUS_TAU'), truth(west, 'CLOUD_TAU')]
    const of = (low: number, high: number) =>
      mean(b10.data, (i) => {
        const k = (Math.floor(i / b10.width) * 6 + 3) * tau.width + (i % b10.width) * 6 + 3
        const cirrus = tau.data[k] ?? 0
        return cirrus >= low && cirrus < high && (all.data[k] ?? 0) - cirrus < 20
      })
    const [none, thin, thick] = [of(0, 1), of(40, 80), of(100, 160)]
    expect(thin - none).toBeGreaterThan(30)
    expect(thick - none).toBeGreaterThan(1.4 * (thin - none))
  })

  it('tells its cloudy share in the metadata as in the truth', () => {
    const told = /<Cloud_Coverage_Assessment>([\d.]+)</.exec(
      readFileSync(join(west.safePath, 'MTD_MSIL1C.xml'), 'utf8'),
    )
    const json = JSON.parse(readFileSync(join(west.truthDir, 'truth.json'), 'utf8')) as {
      clouds: { cloud_percent: number; decks: { top_m: number }[] }
    }
    expect(Number(told?.[1])).toBeCloseTo(json.clouds.cloud_percent, 3)
    expect(json.clouds.cloud_percent).toBeGreaterThan(10)
    expect(json.clouds.decks).toHaveLength(3)
  })

  it('agrees with its neighbour where they overlap: ground, clouds, air and light', () => {
    const [shift, width] = [420, 462]
    for (const [name, tolerance] of [
      ['CLOUD_TAU', 60],
      ['B04', 0],
      ['DEM', 0],
    ] as const) {
      const [a, b] = [truth(west, name), truth(east, name)]
      let different = 0
      for (let row = 0; row < width; row++)
        for (let i = shift; i < width; i++) {
          const d = Math.abs((a.data[row * width + i] ?? 0) - (b.data[row * width + i - shift] ?? 0))
          if (d > tolerance) different++
        }
      // The edges of cirrus shift by some metres, as angles are interpolated on nodes of each tile.
      expect(different / (width * 42), name).toBeLessThan(0.002)
    }
    const [a, b] = [image(west, 'B04'), image(east, 'B04')]
    let worst = 0
    let sum = 0
    for (let row = 0; row < width; row++)
      for (let i = shift; i < width; i++) {
        const d = Math.abs((a.data[row * width + i] ?? 0) - (b.data[row * width + i - shift] ?? 0))
        sum += d
        if (d > 100) worst++
      }
    expect(sum / (width * 42)).toBeLessThan(6)
    expect(worst / (width * 42)).toBeLessThan(0.005)
  })

  it('has air that varies as asked, smoothly, and the same in both tiles', () => {
    const [a, b] = [truth(west, 'AOT'), truth(east, 'AOT')]
    const sorted = a.data.slice().sort()
    expect(sorted[0]).toBeGreaterThanOrEqual(75)
    expect(sorted.at(-1)).toBeLessThanOrEqual(225)
    expect((sorted.at(-1) ?? 0) - (sorted[0] ?? 0)).toBeGreaterThan(30)
    let worst = 0
    for (let row = 0; row < 77; row++)
      for (let i = 70; i < 77; i++)
        worst = Math.max(
          worst,
          Math.abs((a.data[row * a.width + i] ?? 0) - (b.data[row * b.width + i - 70] ?? 0)),
        )
    expect(worst).toBeLessThan(8)
    expect(new Set(truth(west, 'WV').data).size).toBeGreaterThan(20)
  })
})

describe('a Landsat scene under clouds', () => {
  it('flags in QA_PIXEL what the truth says, and nothing else', () => {
    const quality = pixels(join(landsat.productPath, `${landsat.name}_QA_PIXEL.TIF`)).data
    const bits = truth(landsat, 'CLOUD').data
    let clouds = 0
    quality.forEach((q, i) => {
      const b = bits[i] ?? 0
      if (q === 1) {
        expect(b).toBe(255)
        return
      }
      if ((b & 1) !== 0) clouds++
      if (((q & 8) !== 0) !== ((b & 1) !== 0)) throw new Error(`cloud bit at ${i}: ${q}, ${b}`)
    })
    const mtl = readFileSync(join(landsat.productPath, `${landsat.name}_MTL.txt`), 'utf8')
    const cover = Number(/CLOUD_COVER = ([\d.]+)/.exec(mtl)?.[1])
    expect(cover).toBeCloseTo((100 * clouds) / quality.filter((q) => q !== 1).length, 1)
    expect(cover).toBeGreaterThan(10)
  })

  it('has the values that real products have', () => {
    // Clear land and water, high-confidence cloud, shadow: as in LC09_L1TP_112081_20220209 and the USGS tables.
    expect(qualityOf(2, { isWater: false, clouds: 0 })).toBe(21824)
    expect(qualityOf(2, { isWater: true, clouds: 0 })).toBe(21952)
    expect(qualityOf(2, { isWater: false, clouds: 1 })).toBe(22280)
    expect(qualityOf(2, { isWater: false, clouds: 4 })).toBe(23888)
    expect(qualityOf(1, { isWater: false, clouds: 0 })).toBe(2720)
    expect(qualityOf(1, { isWater: false, clouds: 1 })).toBe(2800)
    expect(qualityOf(1, { isWater: false, clouds: 4 })).toBe(2976)
    expect(qualityOf(1, { isWater: false, clouds: 16 })).toBe(6816)
  })

  it('is cold where it is cloudy, and sees cirrus in B9', () => {
    const bits = truth(landsat, 'CLOUD').data
    const read = (band: string) => pixels(join(landsat.productPath, `${landsat.name}_${band}.TIF`)).data
    const is = (bit: number) => (i: number) => ((bits[i] ?? 0) & bit) !== 0 && bits[i] !== 255
    const clear = (i: number) => bits[i] === 0
    expect(mean(read('B10'), is(1))).toBeLessThan(mean(read('B10'), clear) - 1000)
    expect(mean(read('B9'), is(16))).toBeGreaterThan(mean(read('B9'), clear) + 100)
  })
})
