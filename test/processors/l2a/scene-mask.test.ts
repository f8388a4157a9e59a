import { expect, test } from 'vitest'
import { L1C_CLOUD, L1C_QUALITY } from '../../../src/domain/sentinel2.js'
import {
  lowSunNodes,
  maskBits,
  maskOfCloudByte,
  maskOfQualityByte,
  SCL,
  sceneClass,
  sceneClassTable,
} from '../../../src/processors/l2a/scene-mask.js'

const plain = {
  noData: false,
  saturatedVisible: false,
  opaqueCloud: false,
  cirrus: false,
  snow: false,
  lowSun: false,
  imposedAtmosphere: false,
}

test('each fact sets the bits of the contract and no others', () => {
  expect(maskBits(plain)).toBe(0)
  expect(maskBits({ ...plain, opaqueCloud: true })).toBe(0b11)
  expect(maskBits({ ...plain, cirrus: true })).toBe(1 << 7)
  expect(maskBits({ ...plain, snow: true })).toBe(1 << 8)
  expect(maskBits({ ...plain, lowSun: true })).toBe(1 << 11)
  expect(maskBits({ ...plain, saturatedVisible: true })).toBe(1 << 13)
  expect(maskBits({ ...plain, imposedAtmosphere: true })).toBe(1 << 14)
  expect(maskBits({ ...plain, noData: true })).toBe(32768)
  expect(maskBits({ ...plain, opaqueCloud: true, noData: true, imposedAtmosphere: true })).toBe(
    3 + (1 << 14) + 32768,
  )
})

test("the product's cloud bytes become mask bits", () => {
  const table = maskOfCloudByte()
  expect(table).toHaveLength(256)
  expect([table[0], table[L1C_CLOUD.opaque], table[L1C_CLOUD.cirrus], table[L1C_CLOUD.snow]]).toEqual([
    0, 3, 128, 256,
  ])
  expect(table[L1C_CLOUD.opaque | L1C_CLOUD.cirrus]).toBe(131)
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
  const cloud = maskBits({ ...plain, opaqueCloud: true, saturatedVisible: true, snow: true })
  expect(sceneClass(cloud)).toBe(SCL.cloudHigh)
  expect(sceneClass(cloud | 32768)).toBe(SCL.noData)
  expect(sceneClass(maskBits({ ...plain, saturatedVisible: true }))).toBe(1)
  expect(sceneClass(maskBits({ ...plain, cirrus: true }))).toBe(10)
  expect(sceneClass(maskBits({ ...plain, snow: true, cirrus: true }))).toBe(11)
  expect(sceneClass(maskBits({ ...plain, imposedAtmosphere: true, lowSun: true }))).toBe(7)
})

test('the look-up table is the function', () => {
  const table = sceneClassTable()
  expect(table).toHaveLength(65536)
  for (const mask of [0, 3, 128, 256, 8192, 32768, 65535]) expect(table[mask]).toBe(sceneClass(mask))
  expect(new Set(table)).toEqual(new Set([0, 1, 7, 9, 10, 11]))
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
