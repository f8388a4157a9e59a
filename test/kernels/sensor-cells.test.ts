import fc from 'fast-check'
import { expect, test } from 'vitest'
import { blocksOf } from '../../src/domain/grid.js'
import { packBlock, packBound, unpackBlock } from '../../src/kernels/pack-block.js'
import { sensorCells } from '../../src/kernels/sensor-cells.js'

const number = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom(0, 65535) },
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 12_000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 65_535 }) },
)
const detectors = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 40 }))

test('cells of blocks of any size add up to those of the whole image; no-data, saturation and pixels that no detector saw stay out of the sums', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 17 }),
      fc.infiniteStream(number),
      fc.infiniteStream(detectors),
      (width, height, side, size, numbers, seen) => {
        const [left, above] = [(width * 7) % side, (height * 5) % side]
        const image = Uint16Array.from({ length: width * height }, () => numbers.next().value as number)
        const seenBy = Uint8Array.from(image, () => seen.next().value as number)
        const columns = Math.ceil((left + width) / side)
        type Cell = [sum: number, count: number, saturated: number, seen: number]
        const wanted = new Map<number, Cell>()
        image.forEach((dn, i) => {
          const at =
            Math.floor((Math.floor(i / width) + above) / side) * columns +
            Math.floor(((i % width) + left) / side)
          const cell = wanted.get(at) ?? [0, 0, 0, 0]
          wanted.set(at, cell)
          if (dn === 0 || seenBy[i] === 0) return
          if (dn === 65535) cell[2]++
          else [cell[0], cell[1]] = [cell[0] + dn, cell[1] + 1]
          cell[3] = (cell[3] | (1 << Math.min(seenBy[i]!, 31))) >>> 0
        })
        const found = new Map<number, Cell>()
        for (const window of blocksOf({ width, height }, size)) {
          const pixels = window.width * window.height
          const from = (i: number) =>
            (window.y + Math.floor(i / window.width)) * width + window.x + (i % window.width)
          const dn = Uint16Array.from({ length: pixels }, (_, i) => image[from(i)]!)
          const detector = Uint8Array.from({ length: pixels }, (_, i) => seenBy[from(i)]!)
          const cells = sensorCells({ dn, detector, window, side, left, above })
          cells.sums.forEach((sum, i) => {
            const at = (cells.y + Math.floor(i / cells.columns)) * columns + cells.x + (i % cells.columns)
            const [a, b, c, d] = found.get(at) ?? [0, 0, 0, 0]
            found.set(at, [
              ...([a + sum, b + cells.counts[i]!, c + cells.saturated[i]!] as const),
              (d | cells.detectors[i]!) >>> 0,
            ])
          })
        }
        expect(found).toEqual(wanted)
      },
    ),
  )
})

test('the largest cell of the largest numbers still fits', () => {
  const window = { x: 0, y: 0, width: 255, height: 255 }
  const dn = new Uint16Array(255 * 255).fill(65534)
  const detector = new Uint8Array(dn.length).fill(1)
  const cells = sensorCells({ dn, detector, window, side: 255, left: 0, above: 0 })
  expect(cells.sums[0]).toBe(65534 * 255 * 255)
})

const packedOf = (block: Omit<Parameters<typeof packBlock>[0], 'out'>): Uint8Array => {
  const out = new Uint8Array(packBound(block))
  return out.slice(0, packBlock({ ...block, out }))
}

test('what is packed comes back as it was, whatever it is', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 70 }),
      fc.integer({ min: 1, max: 9 }),
      fc.infiniteStream(number),
      fc.infiniteStream(detectors),
      (width, height, numbers, seen) => {
        const dn = Uint16Array.from({ length: width * height }, () => numbers.next().value as number)
        const detector = Uint8Array.from(dn, () => seen.next().value as number)
        const packed = packedOf({ dn, detector, width, height })
        const [again, seenAgain] = [new Uint16Array(dn.length), new Uint8Array(dn.length)]
        expect(unpackBlock(packed, { dn: again, detector: seenAgain, width, height })).toBe(true)
        expect(again).toEqual(dn)
        expect(seenAgain).toEqual(detector)
      },
    ),
  )
})

test('bytes that are cut, empty, of another block or of something else are told from a packed block', () => {
  const [width, height] = [64, 8]
  const dn = Uint16Array.from({ length: width * height }, (_, i) => 1000 + ((i * 37) % 91))
  const detector = new Uint8Array(dn.length).fill(5)
  const packed = packedOf({ dn, detector, width, height })
  const into = (w: number, h: number) => ({
    ...{ dn: new Uint16Array(w * h), detector: new Uint8Array(w * h), width: w, height: h },
  })
  expect(unpackBlock(packed.slice(0, -1), into(width, height))).toBe(false)
  expect(unpackBlock(packed.slice(0, 10), into(width, height))).toBe(false)
  expect(unpackBlock(new Uint8Array(0), into(width, height))).toBe(false)
  expect(unpackBlock(packed, into(width, height + 1))).toBe(false)
  expect(unpackBlock(packed, into(width, height - 1))).toBe(false)
  expect(unpackBlock(new Uint8Array(100).fill(7), into(width, height))).toBe(false)
})

test('a block of a real image takes about a byte a pixel', () => {
  const side = 512
  let seed = 7
  const dn = Uint16Array.from({ length: side * side }, (_, i) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
    return 2500 + 900 * Math.sin((i % side) / 37) * Math.cos(i / side / 53) + (seed >>> 27)
  })
  const packed = packedOf({ dn, detector: new Uint8Array(dn.length).fill(5), width: side, height: side })
  expect(packed.length / dn.length).toBeLessThan(1.1)
})
