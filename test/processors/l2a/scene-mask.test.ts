import { expect, test } from 'vitest'
import { MASK_BITS } from '../../../src/domain/mask-bits.js'
import { SCENE_FLAGS } from '../../../src/domain/l1-scene.js'
import { L1C_QUALITY } from '../../../src/domain/sentinel2.js'
import {
  classify,
  lowSunNodes,
  maskBits,
  maskOfQualityByte,
  maskOfSceneByte,
  NO_FACTS,
  SCL,
  sceneClass,
  sceneClassTable,
} from '../../../src/processors/l2a/scene-mask.js'

test('each fact sets the bits of the contract and no others', () => {
  expect(maskBits(NO_FACTS)).toBe(0)
  expect(maskBits({ ...NO_FACTS, opaqueCloud: true })).toBe(0b11)
  expect(maskBits({ ...NO_FACTS, givenCloud: true })).toBe(0b11)
  expect(maskBits({ ...NO_FACTS, shadow: true })).toBe(0b101)
  expect(maskBits({ ...NO_FACTS, nearCloud: true })).toBe(0b1)
  expect(maskBits({ ...NO_FACTS, cirrus: true })).toBe(1 << 7)
  expect(maskBits({ ...NO_FACTS, water: true })).toBe(1 << 9)
  expect(maskBits({ ...NO_FACTS, snow: true })).toBe(1 << 8)
  expect(maskBits({ ...NO_FACTS, lowSun: true })).toBe(1 << 11)
  expect(maskBits({ ...NO_FACTS, saturatedVisible: true })).toBe(1 << 13)
  expect(maskBits({ ...NO_FACTS, defaultAtmosphere: true })).toBe(1 << 14)
  expect(maskBits({ ...NO_FACTS, noData: true })).toBe(32768)
  expect(maskBits({ ...NO_FACTS, opaqueCloud: true, noData: true, defaultAtmosphere: true })).toBe(
    3 + (1 << 14) + 32768,
  )
})

test("the product's cloud bytes become mask bits", () => {
  const table = maskOfSceneByte()
  expect(table).toHaveLength(256)
  expect([table[0], table[SCENE_FLAGS.opaque], table[SCENE_FLAGS.cirrus], table[SCENE_FLAGS.snow]]).toEqual([
    0, 3, 128, 256,
  ])
  expect(table[SCENE_FLAGS.opaque | SCENE_FLAGS.cirrus]).toBe(131)
  const { shadow, nearCloud, water, noData, saturatedVisible } = SCENE_FLAGS
  expect([shadow, nearCloud, water, noData, saturatedVisible].map((flag) => table[flag])).toEqual([
    5,
    1,
    1 << 9,
    1 << 15,
    1 << 13,
  ])
})

test('shadow, the margin of clouds and water have classes of their own, in that order after cloud', () => {
  const shadow = maskBits({ ...NO_FACTS, shadow: true, water: true, nearCloud: true })
  expect(sceneClass(shadow)).toBe(3)
  expect(sceneClass(shadow | maskBits({ ...NO_FACTS, opaqueCloud: true }))).toBe(9)
  expect(sceneClass(maskBits({ ...NO_FACTS, nearCloud: true, water: true }))).toBe(8)
  expect(sceneClass(maskBits({ ...NO_FACTS, water: true }))).toBe(6)
})

test('shadows of clouds outside are shadows, thin rims and what bit 0 was dilated to are doubtful clouds, shadow of terrain is 2', () => {
  const bits = (...names: (keyof typeof MASK_BITS)[]) =>
    names.reduce((all, name) => all | (1 << MASK_BITS[name]), 0)
  expect(sceneClass(bits('cloudOrShadow', 'shadowOutside'))).toBe(3)
  expect(sceneClass(bits('cloudOrShadow', 'thin'))).toBe(8)
  expect(sceneClass(bits('cloudOrShadow', 'water'))).toBe(8)
  expect(sceneClass(bits('topographicShadow', 'water'))).toBe(2)
  expect(sceneClass(bits('sunGlint', 'water'))).toBe(6)
})

test('saturation counts in the visible bands only, missing data in all', () => {
  for (const band of ['B02', 'B03', 'B04'] as const)
    expect(maskOfQualityByte(band)[L1C_QUALITY.saturated]).toBe(1 << 13)
  for (const band of ['B01', 'B8A', 'B11'] as const)
    expect(maskOfQualityByte(band)[L1C_QUALITY.saturated]).toBe(0)
  for (const flag of [L1C_QUALITY.noData, L1C_QUALITY.defective, L1C_QUALITY.lost])
    expect(maskOfQualityByte('B11')[flag]).toBe(32768)
})

test('a saturated cloud stays a cloud, and no-data comes before all', () => {
  const cloud = maskBits({ ...NO_FACTS, opaqueCloud: true, saturatedVisible: true, snow: true })
  expect(sceneClass(cloud)).toBe(SCL.cloudHigh)
  expect(sceneClass(cloud | 32768)).toBe(SCL.noData)
  expect(sceneClass(maskBits({ ...NO_FACTS, saturatedVisible: true }))).toBe(1)
  expect(sceneClass(maskBits({ ...NO_FACTS, cirrus: true }))).toBe(10)
  expect(sceneClass(maskBits({ ...NO_FACTS, snow: true, cirrus: true }))).toBe(11)
  expect(sceneClass(maskBits({ ...NO_FACTS, defaultAtmosphere: true, lowSun: true }))).toBe(7)
})

test('the look-up table is the function', () => {
  const table = sceneClassTable()
  expect(table).toHaveLength(65536)
  for (const mask of [0, 3, 128, 256, 8192, 32768, 65535]) expect(table[mask]).toBe(sceneClass(mask))
  expect(new Set(table)).toEqual(new Set([0, 1, 2, 3, 6, 7, 8, 9, 10, 11]))
})

test('only clear land takes the class of its colour: snow, cloud, water, shadow and what has no data keep theirs', () => {
  const bits = (...names: (keyof typeof MASK_BITS)[]) =>
    names.reduce((all, name) => all | (1 << MASK_BITS[name]), 0)
  const mask = Uint16Array.of(
    ...[
      0,
      bits('lowSun', 'defaultAtmosphere'),
      bits('monoTemporal'),
      bits('snow'),
      bits('cloud'),
      bits('water'),
    ],
    ...[
      bits('shadowInside'),
      bits('topographicShadow'),
      bits('cirrus'),
      bits('cloudOrShadow'),
      bits('saturatedVisible'),
    ],
    bits('noData'),
  )
  for (const cover of [SCL.vegetation, SCL.notVegetated, SCL.unclassified]) {
    const out = new Uint8Array(mask.length)
    classify(mask, new Uint8Array(mask.length).fill(cover), sceneClassTable(), out)
    expect([...out]).toEqual([cover, cover, cover, 11, 9, 6, 3, 2, 10, 8, 1, 0])
  }
})

test('low sun is flagged node by node', () => {
  const sun = {
    ulx: 0,
    uly: 0,
    stepXM: 5000,
    stepYM: 5000,
    rows: 1,
    cols: 3,
    zenith: Float64Array.of(69.9, 70, 70.1),
    azimuth: new Float64Array(3),
  }
  expect([...lowSunNodes(sun)]).toEqual([0, 0, 1])
})
