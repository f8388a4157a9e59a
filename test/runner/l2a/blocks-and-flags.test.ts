import fc from 'fast-check'
import { expect, test } from 'vitest'
import { blocksOf } from '../../../src/domain/grid.js'
import { blockSizeFor } from '../../../src/runner/l2a/block-size.js'
import { FlagPlanes } from '../../../src/runner/l2a/flag-planes.js'

test('blocks are whole output tiles, and whole JP2 tiles where that stays small', () => {
  expect(blockSizeFor(1024, 10980, 1024)).toBe(1024)
  expect(blockSizeFor(1024, 10980, 512)).toBe(512)
  expect(blockSizeFor(1024, 10980, 2048)).toBe(2048)
  expect(blockSizeFor(640, 5490, 1024)).toBe(2560) // lcm(640, 512): tiles of real 20 m bands
  expect(blockSizeFor(192, 1830, 1024)).toBe(1536) // real 60 m bands
  expect(blockSizeFor(172, 172, 1024)).toBe(512)
  expect(blockSizeFor(343, 10980, 1024)).toBe(1024) // no useful common multiple: tiles are decoded more than once
})

test('blocks cover the image once, whatever sizes meet', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 3000 }),
      fc.integer({ min: 1, max: 1100 }),
      fc.constantFrom(512, 1024, 2048),
      (size, jp2, wanted) => {
        const block = blockSizeFor(jp2, size, wanted)
        expect(block % 512).toBe(0)
        const pixels = blocksOf({ width: size, height: size }, block).reduce(
          (sum, b) => sum + b.width * b.height,
          0,
        )
        expect(pixels).toBe(size * size)
      },
    ),
  )
})

test('flags of all bands of one size meet in one plane; sizes have planes of their own, finest first', () => {
  const planes = new FlagPlanes()
  const lookup = Uint8Array.from({ length: 256 }, (_, flag) => flag * 4)
  planes.add(4, 2, { x: 2, y: 1, width: 2, height: 1 }, Uint8Array.of(1, 0), lookup)
  planes.add(4, 2, { x: 2, y: 0, width: 2, height: 2 }, Uint8Array.of(0, 2, 2, 0), lookup)
  planes.add(2, 1, { x: 0, y: 0, width: 2, height: 1 }, Uint8Array.of(0, 1), lookup)
  const [fine, coarse] = planes.all()
  expect([fine!.columns, fine!.rows, ...fine!.bytes]).toEqual([4, 2, 0, 0, 0, 8, 0, 0, 12, 0])
  expect([coarse!.columns, coarse!.rows, ...coarse!.bytes]).toEqual([2, 1, 0, 4])
})
