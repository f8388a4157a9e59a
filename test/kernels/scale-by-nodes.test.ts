import fc from 'fast-check'
import { expect, test } from 'vitest'
import { scaleByNodes, type NodeFactors } from '../../src/kernels/scale-by-nodes.js'

/** Two detectors (4, 7) on 3 x 3 nodes ten pixels apart, node (0, 0) on the image's corner. */
const scale: NodeFactors = {
  slots: new Uint8Array(256).fill(255).fill(0, 4, 5).fill(1, 7, 8),
  ...{ rows: 3, columns: 3, slope: 1, offset: 0 },
  axes: { x0: 0.05, dx: 0.1, y0: 0.05, dy: 0.1 },
  factors: Float64Array.of(1, 1.2, 1, 1, 1.2, 1, 2, 2.4, 2, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5),
}
const run = (
  pixels: number[],
  detector: number[],
  x: number,
  y: number,
  with_: Partial<NodeFactors> = {},
) => {
  const out = new Int16Array(pixels.length)
  scaleByNodes({
    ...{ pixels: Int16Array.from(pixels), detector: Uint8Array.from(detector), noData: -32768, out },
    ...{ window: { x, y, width: pixels.length, height: 1 }, scale: { ...scale, ...with_ } },
  })
  return [...out]
}

test('factors by hand: on the middle between nodes, in both directions, and by detector', () => {
  // Column 4 lies 4.5 pixels from node 0: 1 + 0.45 * 0.2 = 1.09. Row 14 lies 0.45 below node 1: 1.09 * 1.45.
  expect(run([1000], [4], 4, 0)).toEqual([1090])
  expect(run([10_000], [4], 4, 14)).toEqual([15_805])
  expect(run([1000, 1000], [4, 7], 4, 0)).toEqual([1090, 500])
})

test('beyond the outermost nodes these hold', () => {
  expect(run([1000], [4], 35, 0)).toEqual([1000])
  expect(run([1000], [4], 29, 400)).toEqual([2000])
})

test('no-data, and detectors without factors, are no-data; negative values stay negative; what does not fit is cut', () => {
  expect(run([-32768, 100, 100], [4, 0, 9], 0, 0)).toEqual([-32768, -32768, -32768])
  expect(run([-1001, 1001], [7, 7], 0, 0)).toEqual([-501, 501]) // -500.5 and 500.5: halves away from zero
  expect(run([-32767, 32767], [4, 4], 9, 29)).toEqual([-32767, 32767])
})

test('a line is taken of the product', () => {
  expect(run([1000], [7], 0, 0, { slope: 0.9, offset: -40 })).toEqual([410]) // 0.9 * 500 - 40
})

test('a pixel does not depend on the block that it is part of', () => {
  const [width, height] = [31, 33]
  const pixels = Int16Array.from({ length: width * height }, (_, i) => (i * 7919) % 9000)
  const detector = Uint8Array.from({ length: width * height }, (_, i) => (i % width < 13 ? 4 : 7))
  const whole = new Int16Array(width * height)
  scaleByNodes({ pixels, detector, noData: -32768, scale, window: { x: 0, y: 0, width, height }, out: whole })
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: width - 1 }),
      fc.integer({ min: 0, max: height - 1 }),
      fc.integer({ min: 1, max: width }),
      fc.integer({ min: 1, max: height }),
      (x, y, w, h) => {
        const window = { x, y, width: Math.min(w, width - x), height: Math.min(h, height - y) }
        const n = window.width * window.height
        const from = (i: number) => (y + Math.floor(i / window.width)) * width + x + (i % window.width)
        const out = new Int16Array(n)
        scaleByNodes({
          pixels: Int16Array.from({ length: n }, (_, i) => pixels[from(i)]!),
          detector: Uint8Array.from({ length: n }, (_, i) => detector[from(i)]!),
          ...{ noData: -32768, scale, window, out },
        })
        out.forEach((value, i) => {
          expect(value).toBe(whole[from(i)])
        })
      },
    ),
  )
})
