import { expect, test } from 'vitest'
import { SCENE_FLAGS } from '../../../src/domain/l1-scene.js'
import { flagsOfBqa, flagsOfQaPixel } from '../../../src/products/landsat/quality-flags.js'

const { opaque, cirrus, snow, shadow, nearCloud, water, noData } = SCENE_FLAGS

test('values of QA_PIXEL as the guide of collection 2 explains them', () => {
  // Table of values of Landsat 8 and 9 in LSDS-1619.
  const known: [number, number][] = [
    [1, noData],
    [21824, 0], // clear land
    [21762, nearCloud], // dilated cloud
    [21952, water], // clear water
    [22280, opaque],
    [23888, shadow],
    [23952, shadow | water],
    [24088, opaque | shadow],
    [30048, snow],
    [54596, cirrus],
    [55052, opaque | cirrus],
  ]
  for (const [value, flags] of known) expect([value, flagsOfQaPixel(value)]).toEqual([value, flags])
})

test('only high confidence counts in BQA of collection 1', () => {
  // From the tool guide LSDS-1873: 2720 clear, 2800 cloud, 2976 shadow high, 3744 snow high, 6816 cirrus high, 2 terrain occlusion.
  expect(flagsOfBqa(1)).toBe(noData)
  expect(flagsOfBqa(2720)).toBe(0)
  expect(flagsOfBqa(2800)).toBe(opaque)
  expect(flagsOfBqa(2976)).toBe(shadow)
  expect(flagsOfBqa(3744)).toBe(snow)
  expect(flagsOfBqa(6816)).toBe(cirrus)
  expect(flagsOfBqa(2722)).toBe(0)
  expect(flagsOfBqa(2752)).toBe(0) // cloud of medium confidence
})
