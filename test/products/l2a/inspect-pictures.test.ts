import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MASK_BITS } from '../../../src/domain/mask-bits.js'
import { MASK_LAYERS, paintMap, paintMask, rampColour } from '../../../src/products/l2a/inspect-pictures.js'

const layer = (name: (typeof MASK_LAYERS)[number]['name']) =>
  MASK_LAYERS.findIndex((one) => one.name === name)
const bits = (...names: (keyof typeof MASK_BITS)[]) =>
  names.reduce((sum, name) => sum + (1 << MASK_BITS[name]), 0)

test('a pixel gets the colour of the first layer that fits, and is counted there alone', () => {
  const { image, counts } = paintMask(
    // Clear, a cloud over water, the margin around a cloud, AOT by default: no layer shows that.
    [0, bits('cloudOrShadow', 'cloud', 'water'), bits('cloudOrShadow'), bits('defaultAtmosphere')],
    2,
    2,
  )
  expect([...image.data.subarray(0, 4)]).toEqual([0, 0, 0, 0])
  expect([...image.data.subarray(4, 8)]).toEqual([...MASK_LAYERS[layer('cloud')]!.colour, 255])
  expect([...image.data.subarray(8, 12)]).toEqual([
    ...MASK_LAYERS[layer('margin around clouds and shadows')]!.colour,
    255,
  ])
  expect([...image.data.subarray(12)]).toEqual([0, 0, 0, 0])
  expect(counts[layer('cloud')]).toBe(1)
  expect(counts[layer('water')]).toBe(0)
  expect(counts.reduce((sum, n) => sum + n, 0)).toBe(2)
})

test('no two layers look alike', () => {
  const colours = MASK_LAYERS.map(({ colour }) => colour.join())
  expect(new Set(colours).size).toBe(colours.length)
})

test('the ramp grows brighter all the way', () => {
  const light = ([r, g, b]: readonly [number, number, number]) => 0.2126 * r + 0.7152 * g + 0.0722 * b
  const share = fc.double({ min: 0, max: 1, noNaN: true })
  fc.assert(
    fc.property(share, share, (a, b) => {
      const [low, high] = a < b ? [a, b] : [b, a]
      // Half a step of rounding in each component.
      expect(light(rampColour(high))).toBeGreaterThanOrEqual(light(rampColour(low)) - 1)
    }),
  )
  expect(rampColour(-1)).toEqual(rampColour(0))
  expect(rampColour(2)).toEqual(rampColour(1))
})

test('a map reaches from its least to its greatest value, and no-data is transparent', () => {
  const { image, range } = paintMap([-32768, 100, 300, 200], 4, 1, -32768)
  expect(range).toEqual({ low: 100, high: 300 })
  expect([...image.data.subarray(0, 4)]).toEqual([0, 0, 0, 0])
  expect([...image.data.subarray(4, 8)]).toEqual([...rampColour(0), 255])
  expect([...image.data.subarray(8, 12)]).toEqual([...rampColour(1), 255])
  expect([...image.data.subarray(12)]).toEqual([...rampColour(0.5), 255])
  expect(paintMap([-32768], 1, 1, -32768).range).toBeNull()
  expect(paintMap([7, 7], 2, 1, -32768).range).toEqual({ low: 7, high: 7 })
})
