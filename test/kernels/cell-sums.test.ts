import fc from 'fast-check'
import { expect, test } from 'vitest'
import { blocksOf } from '../../src/domain/grid.js'
import { cellSums } from '../../src/kernels/cell-sums.js'

const NO_DATA = -32768

test('cells of blocks of any size add up to those of the whole image, and to the mean by hand', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 17 }),
      fc.infiniteStream(
        fc.oneof({ weight: 1, arbitrary: fc.constant(NO_DATA) }, fc.integer({ min: -200, max: 9000 })),
      ),
      (width, height, side, block, values) => {
        const [left, above] = [(width * 7) % side, (height * 5) % side]
        const image = Int16Array.from({ length: width * height }, () => values.next().value as number)
        const columns = Math.ceil((left + width) / side)
        const wanted = new Map<number, [number, number]>()
        image.forEach((value, i) => {
          const cell =
            Math.floor((Math.floor(i / width) + above) / side) * columns +
            Math.floor(((i % width) + left) / side)
          const [sum, count] = wanted.get(cell) ?? [0, 0]
          wanted.set(cell, value === NO_DATA ? [sum, count] : [sum + value, count + 1])
        })
        const found = new Map<number, [number, number]>()
        for (const window of blocksOf({ width, height }, block)) {
          const pixels = new Int16Array(window.width * window.height)
          for (let y = 0; y < window.height; y++)
            for (let x = 0; x < window.width; x++)
              pixels[y * window.width + x] = image[(window.y + y) * width + window.x + x]!
          const cells = cellSums({ pixels, window, noData: NO_DATA, side, left, above })
          cells.sums.forEach((sum, i) => {
            const cell = (cells.y + Math.floor(i / cells.columns)) * columns + cells.x + (i % cells.columns)
            const [s, n] = found.get(cell) ?? [0, 0]
            found.set(cell, [s + sum, n + cells.counts[i]!])
          })
        }
        expect(found).toEqual(wanted)
      },
    ),
  )
})

test('refuses a cell whose sum would not fit', () => {
  const window = { x: 0, y: 0, width: 1, height: 1 }
  expect(() =>
    cellSums({ pixels: new Int16Array(1), window, noData: NO_DATA, side: 256, left: 0, above: 0 }),
  ).toThrow(RangeError)
})
