import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import type { Grid } from '../../src/domain/grid.js'
import { openMaskRaster } from '../../src/raster/open-mask-raster.js'
import { writeJp2 } from '../support/write-jp2.js'

const folder = mkdtempSync(join(tmpdir(), 'tilth mask '))
afterAll(() => {
  rmSync(folder, { recursive: true })
})
const grid = (width: number, height: number): Grid => ({
  epsg: 32631,
  ulx: 0,
  uly: 5000000,
  pixelWidthM: 10,
  pixelHeightM: 10,
  width,
  height,
})
let files = 0
const fileName = () => join(folder, `${files++}.jp2`)

/** Oblique strips, as detectors are. */
const strips = (width: number, height: number, stripWidth: number, slope: number) =>
  Uint8Array.from(
    { length: width * height },
    (_, i) => 5 + Math.floor(((i % width) + slope * Math.floor(i / width)) / stripWidth),
  )

test('every window of a mask of strips with single odd pixels is exact, though uniform tiles are not decoded', async () => {
  const [width, height] = [700, 500]
  const truth = strips(width, height, 320, 0.23)
  // What a reduced resolution would miss: one pixel in a tile's last corner, and at the image's last pixel.
  truth[63 * width + 63] = 9
  truth[width * height - 1] = 1
  const path = fileName()
  writeJp2(path, grid(width, height), [truth], 64)
  const mask = await openMaskRaster(path)
  const all = new Uint8Array(width * height)
  await mask.read({ x: 0, y: 0, width, height }, all)
  expect(all.findIndex((value, i) => value !== truth[i])).toBe(-1)
  expect(mask.decodedTiles()).toBeLessThan(44) // Of 88; the rest is uniform.
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: width - 1 }),
      fc.integer({ min: 0, max: height - 1 }),
      fc.integer({ min: 1, max: 200 }),
      fc.integer({ min: 1, max: 200 }),
      async (x, y, w, h) => {
        const window = { x, y, width: Math.min(w, width - x), height: Math.min(h, height - y) }
        const out = new Uint8Array(window.width * window.height)
        await mask.read(window, out)
        expect(
          out.findIndex(
            (value, i) =>
              value !== truth[(y + Math.floor(i / window.width)) * width + x + (i % window.width)],
          ),
        ).toBe(-1)
      },
    ),
    { numRuns: 60 },
  )
  mask.close()
})

test('eight planes become eight bits; planes without a flag cost one tile of each size', async () => {
  const [width, height] = [300, 200]
  const empty = Array.from({ length: 8 }, () => new Uint8Array(width * height))
  const path = fileName()
  writeJp2(path, grid(width, height), empty, 64)
  const mask = await openMaskRaster(path)
  const out = new Uint8Array(width * height).fill(7)
  await mask.read({ x: 0, y: 0, width, height }, out)
  expect(out.every((value) => value === 0)).toBe(true)
  expect(mask.decodedTiles()).toBe(4)
  mask.close()

  const planes = empty.map((plane, k) => plane.map((_, i) => (i % (k + 3) === 0 ? 1 : 0)))
  const flagged = fileName()
  writeJp2(flagged, grid(width, height), planes, 64)
  const second = await openMaskRaster(flagged)
  await second.read({ x: 0, y: 0, width, height }, out)
  expect(
    out.findIndex((value, i) => value !== planes.reduce((bits, plane, k) => bits | (plane[i]! << k), 0)),
  ).toBe(-1)
  second.close()
})

test('tiles whose size is no power of two are simply decoded', async () => {
  const [width, height] = [200, 150]
  const truth = strips(width, height, 90, -0.1)
  const path = fileName()
  writeJp2(path, grid(width, height), [truth], 60)
  const mask = await openMaskRaster(path)
  const out = new Uint8Array(width * height)
  await mask.read({ x: 0, y: 0, width, height }, out)
  expect(out.findIndex((value, i) => value !== truth[i])).toBe(-1)
  expect(mask.decodedTiles()).toBe(0)
  mask.close()
})
