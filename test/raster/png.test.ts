import fc from 'fast-check'
import gdal from 'gdal-async'
import { expect, test } from 'vitest'
import { encodePng } from '../../src/raster/png.js'

test('GDAL reads the very pixels that were encoded', () => {
  let n = 0
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 12 }),
      fc.integer(),
      (width, height, seed) => {
        // Smooth ramps and noise in one picture, so that every filter gets its turn.
        const data = Uint8Array.from({ length: width * height * 4 }, (_, i) =>
          Math.floor(i / 4) % width < width / 2
            ? (i >> 3) & 255
            : (Math.imul(i + seed, 2654435761) >>> 24) & 255,
        )
        const path = `/vsimem/png-test-${n++}.png`
        gdal.vsimem.set(Buffer.from(encodePng({ width, height, data })), path)
        const file = gdal.open(path)
        expect([file.rasterSize.x, file.rasterSize.y, file.bands.count()]).toEqual([width, height, 4])
        for (let band = 0; band < 4; band++) {
          const pixels = new Uint8Array(width * height)
          file.bands.get(band + 1).pixels.read(0, 0, width, height, pixels)
          expect([...pixels]).toEqual([...data.filter((_, i) => i % 4 === band)])
        }
        file.close()
      },
    ),
    { numRuns: 60 },
  )
})

test('the same picture gives the same bytes, a wrong size is refused', () => {
  const picture = { width: 3, height: 2, data: Uint8Array.from({ length: 24 }, (_, i) => i * 9) }
  expect(encodePng(picture)).toEqual(encodePng(picture))
  expect(() => encodePng({ ...picture, height: 3 })).toThrow(/24 bytes/)
})
