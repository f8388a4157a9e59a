import { describe, expect, test } from 'vitest'
import {
  agreement,
  cloudScenes,
  compareClouds,
  hasCloudReference,
} from '../../../../bench/cloud-reference.js'
import { scoreChain } from '../../../../bench/simulated-masks.js'

test('kappa and F1 by hand', () => {
  // 20 + 50 + 10 of 100 agree; by chance 0.25 x 0.3 + 0.55 x 0.55 + 0.2 x 0.15 = 0.4075.
  const { kappa, f1 } = agreement([
    [20, 5, 0],
    [5, 50, 0],
    [5, 0, 15],
  ])
  expect(kappa).toBeCloseTo((0.85 - 0.4075) / (1 - 0.4075), 9)
  expect(f1.map((v) => Number(v.toFixed(4)))).toEqual([0.7273, 0.9091, 0.8571])
})

describe.skipIf(!hasCloudReference)('masks of one date against reference masks', () => {
  const scenes = hasCloudReference ? cloudScenes().map((scene) => compareClouds(scene)) : []
  test('reach what is asked in each scene and on the mean', () => {
    expect(scenes.length).toBeGreaterThan(0)
    for (const { scene, kappa, f1, dilatedRecall } of scenes) {
      expect(kappa, scene).toBeGreaterThanOrEqual(0.7)
      expect(f1[2], scene).toBeGreaterThanOrEqual(0.8)
      expect(f1[0], scene).toBeGreaterThanOrEqual(0.65)
      expect(dilatedRecall, scene).toBeGreaterThanOrEqual(0.97)
    }
    expect(scenes.reduce((sum, { kappa }) => sum + kappa, 0) / scenes.length).toBeGreaterThanOrEqual(0.74)
  })

  test('cells of 60 m lose little, 240 m much', () => {
    const mean = (side: number) =>
      cloudScenes().reduce((sum, scene) => sum + compareClouds(scene, side).kappa, 0) / scenes.length
    const [fine, used, chain] = [mean(1), mean(2), mean(8)]
    expect(fine - used).toBeLessThan(0.03)
    expect(used - chain).toBeGreaterThan(0.05)
  })
})

test('simulated clouds of all thicknesses above 0.3 are found, on a first date and by change, and most heights', () => {
  const { scores } = scoreChain(
    ['2025-06-10', '2025-06-20'].map((date) => ({
      ...{ date, cloudCover: 0.3, cirrusCover: 0.1, unknowns: null },
    })),
  )
  for (const { date, f1Cloud, nearHeights } of scores) {
    expect(f1Cloud, date).toBeGreaterThanOrEqual(0.95)
    expect(nearHeights, date).toBeGreaterThan(0.75)
  }
})
