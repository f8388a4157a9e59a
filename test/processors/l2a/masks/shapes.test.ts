import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { dilated, grownInto, majority, objectsOf } from '../../../../src/processors/l2a/masks/cell-shapes.js'
import { fillMinima } from '../../../../src/processors/l2a/masks/fill-minima.js'

const size = fc.record({ width: fc.integer({ min: 1, max: 13 }), height: fc.integer({ min: 1, max: 13 }) })
const plane = size.chain((s) =>
  fc
    .array(fc.integer({ min: 0, max: 5 }), { minLength: s.width * s.height, maxLength: s.width * s.height })
    .map((values) => ({ ...s, inside: Uint8Array.from(values, (v) => (v === 0 ? 1 : 0)), values })),
)

describe('dilation', () => {
  test('takes every cell whose centre lies within the radius, as a search over all pairs does', () => {
    fc.assert(
      fc.property(plane, fc.double({ min: 0, max: 5, noNaN: true }), ({ inside, width, height }, radius) => {
        const plain = inside.map((_, i) => {
          const near = inside.some(
            (v, k) =>
              v === 1 &&
              Math.hypot((k % width) - (i % width), Math.floor(k / width) - Math.floor(i / width)) <= radius,
          )
          return near ? 1 : 0
        })
        expect(dilated(inside, { width, height }, radius)).toEqual(plain)
      }),
    )
  })

  test('never shrinks with the radius', () => {
    fc.assert(
      fc.property(plane, fc.nat(4), fc.nat(4), ({ inside, width, height }, a, more) => {
        const [small, large] = [a, a + more].map((r) => dilated(inside, { width, height }, r))
        small!.forEach((v, i) => {
          expect(large![i]!).toBeGreaterThanOrEqual(v)
        })
      }),
    )
  })
})

test('the majority counts valid cells of the square alone', () => {
  fc.assert(
    fc.property(plane, fc.constantFrom(1, 3, 5), ({ inside, values, width, height }, side) => {
      const isValid = Uint8Array.from(values, (v) => (v === 5 ? 0 : 1))
      const half = (side - 1) / 2
      const plain = inside.map((_, i) => {
        let [n, of] = [0, 0]
        for (let k = 0; k < inside.length; k++) {
          const isNear =
            Math.abs((k % width) - (i % width)) <= half &&
            Math.abs(Math.floor(k / width) - Math.floor(i / width)) <= half
          if (!isNear || isValid[k] === 0) continue
          of++
          n += inside[k]!
        }
        return isValid[i] === 1 && 2 * n > of ? 1 : 0
      })
      expect(majority(inside, isValid, { width, height }, side)).toEqual(plain)
    }),
  )
})

test('objects are cells that touch, each cell in one of them, in order of their first cell', () => {
  // 1 . 1 1
  // . 1 . .
  // . . . 1
  const inside = Uint8Array.from([1, 0, 1, 1, 0, 1, 0, 0, 0, 0, 0, 1])
  const { labels, starts, cells, count } = objectsOf(inside, { width: 4, height: 3 })
  expect(count).toBe(2)
  expect([...labels]).toEqual([1, 0, 1, 1, 0, 1, 0, 0, 0, 0, 0, 2])
  expect([...starts]).toEqual([0, 4, 5])
  expect([...cells]).toEqual([0, 2, 3, 5, 11])
})

test('growth reaches what is connected to a seed and nothing else', () => {
  const within = Uint8Array.from([1, 1, 0, 1, 0, 0, 0, 1])
  const seeds = Uint8Array.from([1, 0, 0, 0, 0, 1, 0, 0])
  expect([...grownInto(seeds, within, { width: 4, height: 2 })]).toEqual([1, 1, 0, 0, 0, 0, 0, 0])
})

describe('filled hollows', () => {
  test('a hollow is raised to its lowest rim, what is open to the border is not', () => {
    // A pit of 0.1 whose lowest rim is 0.4; the border as bright as the ground.
    const ground = [0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.1, 0.4, 0.2, 0.2, 0.5, 0.5, 0.5, 0.5, 0.5]
    const filled = fillMinima(Float32Array.from(ground), { width: 5, height: 3 }, () => 0.1)
    expect(filled[6]).toBeCloseTo(0.4, 4)
    expect(filled[8]).toBeCloseTo(0.2, 4)
    // A border that counts as 0.3 dams the valley that leaves there.
    expect(fillMinima(Float32Array.from(ground), { width: 5, height: 3 }, () => 0.3)[8]).toBeCloseTo(0.3, 4)
  })

  test('is the least image above the given one whose cells all drain, as found by repeated relaxation', () => {
    fc.assert(
      fc.property(plane, fc.nat(5), ({ values, width, height }, outside) => {
        const image = Float32Array.from(values, (v) => (v === 5 ? NaN : v / 10))
        const out = outside / 10
        const isOpen = (i: number) => {
          const [x, y] = [i % width, Math.floor(i / width)]
          if (x === 0 || y === 0 || x === width - 1 || y === height - 1) return true
          return [i - 1, i + 1, i - width, i + width].some((k) => Number.isNaN(image[k]!))
        }
        const plain = image.map((v, i) =>
          Number.isNaN(v) ? NaN : isOpen(i) ? Math.max(v, Math.fround(out)) : 9,
        )
        for (let changed = true; changed;) {
          changed = false
          plain.forEach((v, i) => {
            if (Number.isNaN(v)) return
            const [x, y] = [i % width, Math.floor(i / width)]
            const around = [
              x > 0 ? i - 1 : -1,
              x < width - 1 ? i + 1 : -1,
              y > 0 ? i - width : -1,
              y < height - 1 ? i + width : -1,
            ]
            for (const k of around) {
              const level = Math.max(image[i]!, plain[k] ?? NaN)
              if (level < plain[i]!) {
                plain[i] = level
                changed = true
              }
            }
          })
        }
        fillMinima(image, { width, height }, () => out).forEach((v, i) => {
          if (Number.isNaN(plain[i]!)) expect(v).toBeNaN()
          else expect(v).toBeCloseTo(plain[i]!, 4)
        })
      }),
    )
  })
})
