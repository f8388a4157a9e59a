import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { renderQuicklook } from '../../src/products/quicklook.js'

const none = -32768
const image = (width: number, height: number, pixel: (i: number) => readonly [number, number, number]) => {
  const [red, green, blue] = [0, 1, 2].map((k) =>
    Int16Array.from({ length: width * height }, (_, i) => pixel(i)[k as 0]),
  )
  return { width, height, red: red!, green: green!, blue: blue!, nodata: none }
}
/** Share of opaque pixels with a component at either end: what a viewer would call clipped. */
const endShare = ({ data }: { data: Uint8Array }): number => {
  let [ends, opaque] = [0, 0]
  for (let i = 0; i < data.length; i += 4)
    if (data[i + 3] === 255) {
      opaque++
      if ([0, 1, 2].some((k) => data[i + k] === 0 || data[i + k] === 255)) ends++
    }
  return opaque === 0 ? 0 : ends / opaque
}
const hue = (r: number, g: number, b: number): number => Math.atan2(Math.sqrt(3) * (g - b), 2 * r - g - b)

describe('the quicklook', () => {
  test('clips at most 2 % of the valid pixels, whatever the picture', () => {
    const value = fc.oneof(fc.integer({ min: -500, max: 12000 }), fc.constantFrom(none, 0, 1000, 32767))
    fc.assert(
      fc.property(fc.array(fc.tuple(value, value, value), { minLength: 1, maxLength: 400 }), (pixels) => {
        const picture = renderQuicklook(
          image(pixels.length, 1, (i) => pixels[i]!),
          { minSize: 1 },
        )
        expect(picture.clippedShare).toBeLessThanOrEqual(0.02)
        expect(endShare(picture)).toBeCloseTo(picture.clippedShare, 12)
        pixels.forEach((p, i) => {
          expect(picture.data[i * 4 + 3]).toBe(p.includes(none) ? 0 : 255)
        })
      }),
    )
  })

  test('clips what is extreme: 1 % darkest and 1 % brightest', () => {
    const picture = renderQuicklook(
      image(1000, 1, (i) => [i, i, i]),
      { minSize: 1 },
    )
    expect([picture.low, picture.high, picture.clippedShare]).toEqual([10, 989, 0.02])
    expect([...picture.data.subarray(9 * 4, 9 * 4 + 3)]).toEqual([0, 0, 0])
    expect([...picture.data.subarray(990 * 4, 990 * 4 + 3)]).toEqual([255, 255, 255])
  })

  test('keeps the hue of unclipped pixels', () => {
    const picture = renderQuicklook(
      image(300, 1, (i) => [300 + 7 * i, 900 + 3 * i, 2500 - 5 * i]),
      { minSize: 1 },
    )
    for (let i = 10; i < 290; i++) {
      const [r, g, b] = picture.data.subarray(i * 4, i * 4 + 3)
      if ([r!, g!, b!].some((v) => v === 0 || v === 255)) continue
      const turn = hue(r!, g!, b!) - hue(300 + 7 * i, 900 + 3 * i, 2500 - 5 * i)
      // Rounding to 8 bits turns a colour of chroma c by up to about 1/c.
      const chroma = Math.max(r!, g!, b!) - Math.min(r!, g!, b!)
      expect(Math.abs(Math.atan2(Math.sin(turn), Math.cos(turn)))).toBeLessThan(1.5 / chroma)
    }
  })

  test('shows a flat image in grey and one without data as transparent', () => {
    const flat = renderQuicklook(
      image(4, 4, () => [700, 700, 700]),
      { minSize: 4 },
    )
    expect([...flat.data.subarray(0, 4)]).toEqual([128, 128, 128, 255])
    const empty = renderQuicklook(
      image(4, 4, () => [none, 5, 5]),
      { minSize: 4 },
    )
    expect(empty.data.every((v) => v === 0)).toBe(true)
    expect([empty.low, empty.clippedShare]).toEqual([NaN, 0])
  })

  test('takes NaN as no-data in float bands', () => {
    const band = Float32Array.of(NaN, 1)
    const { data } = renderQuicklook(
      { width: 2, height: 1, red: band, green: band, blue: band, nodata: none },
      { minSize: 1 },
    )
    expect([data[3], data[7]]).toEqual([0, 255])
  })

  test('enlarges small images by a whole factor and reduces large ones by averaging', () => {
    expect(renderQuicklook(image(172, 172, (i) => [i % 99, i % 98, i % 97]))).toMatchObject({
      width: 516,
      height: 516,
    })
    expect(renderQuicklook(image(600, 4, (i) => [i, i, i]))).toMatchObject({ width: 600, height: 4 })
    // 2 x 2 boxes of a checkerboard of 0 and 200 are all 100: flat, so grey.
    const checker = image(
      8,
      8,
      (i) => [200, 200, 200].map((v) => (((i % 8) + Math.floor(i / 8)) % 2) * v) as [number, number, number],
    )
    const small = renderQuicklook(checker, { maxSize: 4, minSize: 1 })
    expect([small.width, small.height, small.data[0]]).toEqual([4, 4, 128])
  })

  test('refuses bands of another size', () => {
    expect(() => renderQuicklook({ ...image(2, 2, () => [1, 1, 1]), blue: new Int16Array(3) })).toThrow(
      /3 pixels/,
    )
  })
})
