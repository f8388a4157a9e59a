import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import type { AngleGrid } from '../../src/domain/l1-scene.js'
import type { L1cBand, L1cProduct, S2Band } from '../../src/domain/sentinel2.js'
import { shippedModel } from '../../bench/accuracy-measures.js'
import { readL1cMetadata } from '../../src/products/sentinel2/read-l1c.js'
import { openRaster } from '../../src/raster/open-raster.js'
import { simulateL1c } from '../../src/simulator/simulate-l1c.js'
import { productFolder, temporaryFolder, tilth } from '../support/cli.js'

/** Coarser than the 120 m on which the program knows pressure: so its pressure pixels are those of the image, and nothing is smoothed. */
const PIXEL_M = 130
/** Thick aerosol under a low sun makes the path reflectance depend on the look, which gives the test its power. */
const AIR = { aot: 0.8, wv: 2.5, ozone: 320 } as const
/** Stored units, 1e-4 of reflectance. Rounding alone costs 0.5; coefficients bilinear between 5 km nodes and float32 were seen to add 0.08. */
const TOLERANCE = 0.75
const BANDS = ['B02', 'B8A'] as const

interface Image {
  readonly width: number
  readonly height: number
  readonly data: Float64Array
}

async function imageOf(path: string): Promise<Image> {
  const reader = await openRaster(path)
  const { width, height } = reader
  const data = new Float64Array(width * height)
  await reader.read(0, { x: 0, y: 0, width, height }, data)
  reader.close()
  return { width, height, data }
}

/** Where a pixel is looked up in the angle grids, metres, and with which detector: the test's mistakes change these. */
interface Mistake {
  readonly shiftXM?: number
  readonly shiftYM?: number
  readonly detector?: (detector: number, all: readonly number[]) => number
}

/** Angle of the direction at (x, y), bilinear in its east and north components, degrees; azimuths are never averaged as numbers. */
function directionAt(grid: AngleGrid, x: number, y: number): { zenith: number; azimuth: number } {
  const u = (x - grid.ulx) / grid.stepXM
  const v = (grid.uly - y) / grid.stepYM
  const i = Math.min(grid.cols - 2, Math.max(0, Math.floor(u)))
  const j = Math.min(grid.rows - 2, Math.max(0, Math.floor(v)))
  let [east, north] = [0, 0]
  for (const [di, dj] of [
    [0, 0],
    [1, 0],
    [0, 1],
    [1, 1],
  ] as const) {
    const weight = (di === 1 ? u - i : 1 - (u - i)) * (dj === 1 ? v - j : 1 - (v - j))
    const node = (j + dj) * grid.cols + i + di
    const [zenith, azimuth] = [grid.zenith[node]!, grid.azimuth[node]!].map((a) => (a * Math.PI) / 180) as [
      number,
      number,
    ]
    east += weight * Math.tan(zenith) * Math.sin(azimuth)
    north += weight * Math.tan(zenith) * Math.cos(azimuth)
  }
  return {
    zenith: (Math.atan(Math.hypot(east, north)) * 180) / Math.PI,
    azimuth: (Math.atan2(east, north) * 180) / Math.PI,
  }
}

/** Equation 2 at one pixel, with coefficients evaluated right there; stored units. */
function surfaceReflectance(
  l1c: L1cProduct,
  band: L1cBand,
  toa: number,
  place: { x: number; y: number; altitudeM: number; detector: number },
  { shiftXM = 0, shiftYM = 0, detector = (d) => d }: Mistake = {},
): number {
  const [x, y] = [place.x + shiftXM, place.y + shiftYM]
  const taken = detector(
    place.detector,
    band.detectors.map((d) => d.detector),
  )
  const view = directionAt(band.detectors.find((d) => d.detector === taken)!.angles, x, y)
  const sun = directionAt(l1c.sun, x, y)
  const c = shippedModel().bandCoefficients({
    platform: l1c.platform,
    band: band.id,
    sunZenithDeg: sun.zenith,
    viewZenithDeg: view.zenith,
    relativeAzimuthDeg: sun.azimuth - view.azimuth,
    aot550: AIR.aot,
    wv: AIR.wv,
    ozone: AIR.ozone,
    // US standard atmosphere 1962, written out once more.
    pressureHpa: 1013.25 * (1 - 2.25577e-5 * place.altitudeM) ** 5.25588,
    // What stands where nothing tells it.
    aerosol: 'continental-average',
  })
  const scattered = (toa - c.gasPath) / (c.gasTransmittance * c.transmittance)
  return (1e4 * scattered) / (1 + c.sphericalAlbedo * scattered)
}

interface Sample {
  readonly toa: number
  readonly stored: number
  readonly x: number
  readonly y: number
  readonly altitudeM: number
  readonly detector: number
}

/** Detectors of the pixel centre by the polygons of the GML file: even-odd rule, no tidy border. */
function polygonsOf(path: string): { detector: number; ring: [number, number][] }[] {
  const text = readFileSync(path, 'utf8')
  return [
    ...text.matchAll(/gml:id="detector_footprint-B[0-9A]+-(\d\d)-\d+"[\s\S]*?<gml:posList[^>]*>([^<]+)</g),
  ].map(([, detector, list]) => {
    const numbers = list!.trim().split(/\s+/).map(Number)
    const size = /srsDimension="3"/.test(text) ? 3 : 2
    const ring: [number, number][] = []
    for (let k = 0; k + 1 < numbers.length; k += size) ring.push([numbers[k]!, numbers[k + 1]!])
    return { detector: Number(detector), ring }
  })
}
const isInside = (ring: readonly (readonly [number, number])[], x: number, y: number): boolean => {
  let inside = false
  ring.forEach(([ax, ay], k) => {
    const [bx, by] = ring[(k + 1) % ring.length]!
    if (ay > y !== by > y && x < ax + ((y - ay) / (by - ay)) * (bx - ax)) inside = !inside
  })
  return inside
}

/**
 * Which detector saw a pixel, without the program's own map: from the raster mask, or from the polygons where exactly one holds the
 * pixel and its neighbours (0 elsewhere: the rule for overlaps is tested with the map).
 */
async function detectorLookup(band: L1cBand): Promise<(column: number, row: number) => number> {
  const { grid, footprint } = band
  if (footprint.kind === 'jp2') {
    const mask = await imageOf(footprint.path)
    expect([mask.width, mask.height]).toEqual([grid.width, grid.height])
    return (column, row) => mask.data[row * mask.width + column]!
  }
  const polygons = polygonsOf(footprint.path)
  expect(polygons.length).toBeGreaterThanOrEqual(3)
  return (column, row) => {
    const x = grid.ulx + (column + 0.5) * grid.pixelWidthM
    const y = grid.uly - (row + 0.5) * grid.pixelHeightM
    const found = new Set(
      [-1, 0, 1].flatMap((step) =>
        polygons.filter(({ ring }) => isInside(ring, x + step * grid.pixelWidthM, y)).map((p) => p.detector),
      ),
    )
    return found.size === 1 ? [...found][0]! : 0
  }
}

/** Some thousand valid pixels spread over the image, besides all columns of a few rows, which cross every border. */
async function samplesOf(band: L1cBand, product: string, demPath: string): Promise<Sample[]> {
  const dn = await imageOf(band.path)
  const stored = await imageOf(join(product, `${band.id}_sre.tif`))
  const dem = await imageOf(demPath)
  const detectorOf = await detectorLookup(band)
  const { grid } = band
  const factor = Math.round(grid.pixelWidthM / PIXEL_M)
  // By the format's own definition, not by what the reader made of the metadata.
  const offset = band.footprint.kind === 'jp2' ? -1000 : 0
  const samples: Sample[] = []
  const crossing = new Set([0.13, 0.5, 0.87].map((share) => Math.floor(share * dn.height)))
  for (let row = 0; row < dn.height; row++)
    for (
      let column = crossing.has(row) ? 0 : row % 17;
      column < dn.width;
      column += crossing.has(row) ? 1 : 17
    ) {
      if (!crossing.has(row) && row % 5 !== 0) continue
      // The pressure beyond the middle of the outermost pixels is extrapolated differently; leave the rim out.
      if (row < 1 || column < 1 || row >= dn.height - 1 || column >= dn.width - 1) continue
      const value = dn.data[row * dn.width + column]!
      const detector = detectorOf(column, row)
      if (value === 0 || value === 65535 || detector === 0) continue
      let altitudeM = 0
      for (let j = 0; j < factor; j++)
        for (let i = 0; i < factor; i++)
          altitudeM += dem.data[(row * factor + j) * dem.width + column * factor + i]! / factor ** 2
      samples.push({
        toa: (value + offset) / 10_000,
        stored: stored.data[row * stored.width + column]!,
        x: grid.ulx + (column + 0.5) * grid.pixelWidthM,
        y: grid.uly - (row + 0.5) * grid.pixelHeightM,
        altitudeM,
        detector,
      })
    }
  return samples
}

describe.each([
  { baseline: '05.11', footprints: 'raster' },
  { baseline: '02.09', footprints: 'GML' },
])('baseline $baseline with $footprints footprints', ({ baseline }) => {
  const folder = temporaryFolder(`detectors-${baseline}`)
  const samples = new Map<S2Band, Sample[]>()
  let l1c: L1cProduct

  beforeAll(async () => {
    const { safePath, truthDir } = await simulateL1c({
      ...{ tile: '31TCJ', date: '2025-02-10', outDir: folder, pixelSizeM: PIXEL_M, baseline, withTci: false },
      ...{ aot: AIR.aot, wv: AIR.wv, ozoneDu: AIR.ozone },
    })
    const dem = join(truthDir, 'DEM.tif')
    const out = join(folder, 'out')
    const result = await tilth([
      ...['l2a', safePath, '--out', out, '--dem', dem, '--quiet', '--threads', '2', '--block-size', '512'],
      ...['--aot', `${AIR.aot}`, '--wv', `${AIR.wv}`, '--ozone', `${AIR.ozone}`, '--no-adjacency'],
    ])
    expect(result.exitCode, result.stderr).toBe(0)
    l1c = await readL1cMetadata(safePath)
    for (const band of BANDS) samples.set(band, await samplesOf(l1c.bands[band]!, productFolder(out), dem))
  })

  /** Absolute differences to the product in stored units, ascending. */
  const differences = (band: S2Band, mistake: Mistake = {}): number[] =>
    samples
      .get(band)!
      .map((s) => Math.abs(surfaceReflectance(l1c, l1c.bands[band]!, s.toa, s, mistake) - s.stored))
      .sort((a, b) => a - b)
  const largest = (band: S2Band, mistake: Mistake = {}) => differences(band, mistake).at(-1)!

  test.each(BANDS)('%s agrees with equation 2 evaluated at the pixel, for its detector', (band) => {
    const all = samples.get(band)!
    expect(all.length).toBeGreaterThan(2000)
    expect(new Set(all.map((s) => s.detector)).size).toBeGreaterThanOrEqual(3)
    const altitudes = all.map((s) => s.altitudeM)
    expect(Math.max(...altitudes) - Math.min(...altitudes)).toBeGreaterThan(200)
    expect(largest(band)).toBeLessThanOrEqual(TOLERANCE)
  })

  test.each(BANDS)('%s would not agree with angles of another detector or of a neighbouring cell', (band) => {
    const median = (mistake: Mistake) => differences(band, mistake)[samples.get(band)!.length >> 1]!
    const step = l1c.sun.stepXM
    const detectors: Record<string, Mistake> = {
      'the next detector': { detector: (d, all) => all[all.indexOf(d) + 1] ?? all.at(-2)! },
      'detectors in reverse': { detector: (d, all) => all[all.length - 1 - all.indexOf(d)]! },
    }
    for (const [name, mistake] of Object.entries(detectors)) {
      expect(largest(band, mistake), name).toBeGreaterThan(4 * TOLERANCE)
      expect(median(mistake), name).toBeGreaterThan(TOLERANCE)
    }
    const cells: Record<string, Mistake> = {
      'a cell to the east': { shiftXM: step },
      'a cell to the west': { shiftXM: -step },
      'a cell to the north': { shiftYM: step },
      'a cell to the south': { shiftYM: -step },
    }
    for (const [name, mistake] of Object.entries(cells))
      expect(largest(band, mistake), name).toBeGreaterThan(1.5 * TOLERANCE)
  })

  test.each(BANDS)(
    '%s changes its detector where the mask does: at borders only the own one fits',
    (band) => {
      const all = samples.get(band)!
      const pairs = all.flatMap((left, i) => {
        const right = all[i + 1]
        return right?.y === left.y && right.detector !== left.detector ? [[left, right] as const] : []
      })
      expect(pairs.length).toBeGreaterThanOrEqual(100)
      const errorWith = (sample: Sample, detector: number) =>
        Math.abs(
          surfaceReflectance(l1c, l1c.bands[band]!, sample.toa, { ...sample, detector }) - sample.stored,
        )
      for (const sides of pairs)
        for (const side of sides) expect(errorWith(side, side.detector)).toBeLessThanOrEqual(TOLERANCE)
      const wrong = pairs.flatMap(([left, right]) => [
        errorWith(left, right.detector),
        errorWith(right, left.detector),
      ])
      expect(wrong.filter((error) => error > TOLERANCE).length).toBeGreaterThan(0.8 * wrong.length)
    },
  )
})
