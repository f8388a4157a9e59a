import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import type { Grid } from '../../../src/domain/grid.js'
import type { L1cBand } from '../../../src/domain/sentinel2.js'
import {
  detectorMapOfPolygons,
  footprintPolygons,
  openDetectorMap,
} from '../../../src/products/sentinel2/detector-map.js'
import { spansAt } from '../../../src/products/sentinel2/polygon-spans.js'
import { readL1cMetadata } from '../../../src/products/sentinel2/read-l1c.js'
import { hasRealL1c, REAL_L1C } from '../../support/safe-copy.js'
import { writeJp2 } from '../../support/write-jp2.js'

const folder = mkdtempSync(join(tmpdir(), 'tilth detectors '))
afterAll(() => {
  rmSync(folder, { recursive: true })
})
const grid = (width: number, height: number, pixelM = 1): Grid => ({
  epsg: 32631,
  ulx: 0,
  uly: height * pixelM,
  pixelWidthM: pixelM,
  pixelHeightM: pixelM,
  width,
  height,
})
const box = (x0: number, y0: number, x1: number, y1: number) => ({
  rings: [Float64Array.of(x0, y0, x1, y0, x1, y1, x0, y1)],
})

/** Point in polygon by crossing count, written another way than the scan: a ray to the west from each point. */
function isInside(rings: readonly Float64Array[], x: number, y: number): boolean {
  let inside = false
  for (const ring of rings)
    for (let i = 0; i < ring.length; i += 2) {
      const j = (i + 2) % ring.length
      const [ax, ay, bx, by] = [ring[i]!, ring[i + 1]!, ring[j]!, ring[j + 1]!]
      if (ay > y === by > y) continue
      const cross = (bx - ax) * (y - ay) - (by - ay) * (x - ax)
      if (by > ay ? cross < 0 : cross > 0) inside = !inside
    }
  return inside
}

test('spans hold exactly the points that lie inside a polygon, whatever its shape', () => {
  // Vertices on thirds and points on halves never meet, so both rules agree on every point.
  const vertex = fc
    .tuple(fc.integer({ min: -9, max: 60 }), fc.integer({ min: -9, max: 60 }))
    .map(([x, y]) => [x / 3, y / 3] as const)
  fc.assert(
    fc.property(
      fc.array(fc.array(vertex, { minLength: 3, maxLength: 8 }), { minLength: 1, maxLength: 2 }),
      (shapes) => {
        const rings = shapes.map((shape) => Float64Array.from(shape.flat()))
        for (let row = 0; row < 18; row++) {
          const spans = spansAt({ rings }, row + 0.5)
          for (let col = 0; col < 18; col++) {
            const x = col + 0.5 + 1e-7
            expect(spans.some(([from, to]) => x >= from && x < to)).toBe(isInside(rings, x, row + 0.5))
          }
        }
      },
    ),
    { numRuns: 150 },
  )
})

test('a window of the map equals the same part of the whole', async () => {
  const polygons = [
    { detector: 3, polygon: { rings: [Float64Array.of(-5, -5, 30, -5, 18, 70, -5, 70)] } },
    { detector: 4, polygon: { rings: [Float64Array.of(24, -5, 90, -5, 90, 70, 12, 70)] } },
  ]
  const map = detectorMapOfPolygons(polygons, grid(67, 61))
  const whole = new Uint8Array(67 * 61)
  await map.read({ x: 0, y: 0, width: 67, height: 61 }, whole)
  expect(new Set(whole)).toEqual(new Set([3, 4]))
  for (const w of [
    { x: 0, y: 0, width: 1, height: 61 },
    { x: 17, y: 30, width: 50, height: 31 },
    { x: 66, y: 60, width: 1, height: 1 },
  ]) {
    const part = new Uint8Array(w.width * w.height).fill(99)
    await map.read(w, part)
    part.forEach((value, i) => {
      expect(value).toBe(whole[(w.y + Math.floor(i / w.width)) * 67 + w.x + (i % w.width)])
    })
  }
})

test('the border runs in the middle of an overlap, gaps go to the nearer, order does not matter', async () => {
  // 5: 0..10, 6: 6..20 (overlap 6..10, middle 8), gap 20..26 (middle 23), 7: 26..30; beyond 30 the nearest is 7.
  const polygons = [
    { detector: 7, polygon: box(26, 2, 30, 9) },
    { detector: 5, polygon: box(0, 0, 10, 9) },
    { detector: 6, polygon: box(6, 0, 20, 9) },
  ]
  for (const order of [polygons, [...polygons].reverse()]) {
    const map = detectorMapOfPolygons(order, grid(36, 12))
    const out = new Uint8Array(36 * 12)
    await map.read({ x: 0, y: 0, width: 36, height: 12 }, out)
    const expected = [...Array<number>(8).fill(5), ...Array<number>(15).fill(6), ...Array<number>(13).fill(7)]
    expect([...out.subarray(6 * 36, 7 * 36)]).toEqual(expected)
    expect([...out.subarray(0, 36)]).toEqual(expected) // North of all polygons: the nearest row.
    expect([...out.subarray(11 * 36, 12 * 36)]).toEqual([
      ...Array<number>(8).fill(5),
      ...Array<number>(28).fill(6),
    ]) // Detector 7 ends above this row.
  }
})

test('two polygons of one detector are one', async () => {
  const map = detectorMapOfPolygons(
    [
      { detector: 5, polygon: box(0, 0, 10, 4) },
      { detector: 5, polygon: box(5, 0, 16, 4) },
      { detector: 6, polygon: box(14, 0, 20, 4) },
    ],
    grid(20, 4),
  )
  const row = new Uint8Array(20)
  await map.read({ x: 0, y: 1, width: 20, height: 1 }, row)
  expect([...row]).toEqual([...Array<number>(15).fill(5), ...Array<number>(5).fill(6)])
})

describe.skipIf(!hasRealL1c)('real footprints', () => {
  test('agree pixel by pixel with the polygons of the text, all bands', async () => {
    const product = await readL1cMetadata(REAL_L1C)
    for (const band of Object.values(product.bands)) {
      const text = readFileSync(band.footprint.path, 'utf8')
      const polygons = [
        ...text.matchAll(/detector_footprint-B\w\w-(\d\d)-\d+".*?<gml:posList[^>]*>(.*?)<\/gml:posList>/gs),
      ].map((match) => {
        const values = match[2]!.split(' ').map(Number)
        return { detector: Number(match[1]), ring: Float64Array.from(values.filter((_, i) => i % 3 !== 2)) }
      })
      expect(polygons).toHaveLength(6)
      const map = await openDetectorMap(band)
      const { width, height, ulx, uly, pixelWidthM } = band.grid
      const out = new Uint8Array(width * height)
      await map.read({ x: 0, y: 0, width, height }, out)
      let [alone, wrong, backwards] = [0, 0, 0]
      out.forEach((detector, i) => {
        const x = ulx + ((i % width) + 0.5) * pixelWidthM
        const y = uly - (Math.floor(i / width) + 0.5) * pixelWidthM
        const covering = polygons.filter(({ ring }) => isInside([ring], x, y)).map((p) => p.detector)
        if (covering.length > 0 && !covering.includes(detector)) wrong++
        if (covering.length === 1) alone++
        if (i % width > 0 && detector < out[i - 1]!) backwards++ // Detectors ascend from west to east here.
      })
      expect({ id: band.id, wrong, backwards }).toEqual({ id: band.id, wrong: 0, backwards: 0 })
      expect(alone).toBeGreaterThan(0.6 * out.length)
      expect(new Set(out).size).toBeGreaterThanOrEqual(5)
    }
  })

  test('of a full 10980 x 10980 band are scanned within seconds', async () => {
    const product = await readL1cMetadata(REAL_L1C)
    const map = detectorMapOfPolygons(await footprintPolygons(product.bands.B04!.footprint.path), {
      ...product.bands.B04!.grid,
      width: 10980,
      height: 10980,
      pixelWidthM: 10,
      pixelHeightM: 10,
    })
    const out = new Uint8Array(10980 * 610)
    const start = performance.now()
    for (let y = 0; y < 10980; y += 610) await map.read({ x: 0, y, width: 10980, height: 610 }, out)
    // Measured 0.14 s; the bound only catches a scan that works pixel by pixel.
    expect(performance.now() - start).toBeLessThan(5000)
  })

  test('from a raster are the same as from polygons, on its own grid and on a coarser one', async () => {
    const product = await readL1cMetadata(REAL_L1C)
    const band = product.bands.B02!
    const fine: Grid = { ...band.grid, width: 688, height: 688, pixelWidthM: 160, pixelHeightM: 160 }
    const truth = new Uint8Array(688 * 688)
    await detectorMapOfPolygons(await footprintPolygons(band.footprint.path), fine).read(
      { x: 0, y: 0, width: 688, height: 688 },
      truth,
    )
    const path = join(folder, 'MSK_DETFOO_B02.jp2')
    writeJp2(path, fine, [truth], 128)
    const rasterBand = (grid: Grid): L1cBand => ({ ...band, grid, footprint: { kind: 'jp2', path } })
    const map = await openDetectorMap(rasterBand(fine))
    const window = { x: 100, y: 37, width: 500, height: 600 }
    const out = new Uint8Array(window.width * window.height)
    await map.read(window, out)
    expect(
      out.findIndex((value, i) => value !== truth[(37 + Math.floor(i / 500)) * 688 + 100 + (i % 500)]),
    ).toBe(-1)
    map.close()
    const coarse = await openDetectorMap(rasterBand(band.grid))
    const small = new Uint8Array(172 * 172)
    await coarse.read({ x: 0, y: 0, width: 172, height: 172 }, small)
    // The centre of a coarse pixel is the corner of four fine ones; the south-eastern of them holds it.
    expect(
      small.findIndex((value, i) => value !== truth[(4 * Math.floor(i / 172) + 2) * 688 + 4 * (i % 172) + 2]),
    ).toBe(-1)
    coarse.close()
  })

  test('with a detector above 12 are refused', async () => {
    const product = await readL1cMetadata(REAL_L1C)
    const path = join(folder, 'wrong.jp2')
    writeJp2(path, grid(64, 64), [new Uint8Array(4096).fill(13)], 64)
    const map = await openDetectorMap({
      ...product.bands.B02!,
      grid: grid(64, 64),
      footprint: { kind: 'jp2', path },
    })
    await expect(map.read({ x: 0, y: 0, width: 64, height: 64 }, new Uint8Array(4096))).rejects.toMatchObject(
      { code: 'METADATA_INVALID' },
    )
    map.close()
  })
})
