import fc from 'fast-check'
import { expect, test } from 'vitest'
import { summarize } from '../../src/kernels/summarize.js'
import { BandStatisticsBuilder } from '../../src/products/report.js'

const NO_DATA = -32768

test('blocks of any size that are summed up and merged give the statistics of all their pixels one by one', () => {
  const value = fc.oneof(
    { weight: 1, arbitrary: fc.constant(NO_DATA) },
    fc.integer({ min: -32768, max: 32767 }),
  )
  fc.assert(
    fc.property(fc.array(fc.array(value, { maxLength: 300 }), { maxLength: 6 }), (blocks) => {
      const [merged, oneByOne] = [new BandStatisticsBuilder(), new BandStatisticsBuilder()]
      for (const block of blocks) {
        merged.merge(summarize(Int16Array.from(block), NO_DATA))
        oneByOne.add(block, NO_DATA)
      }
      const of = (statistics: BandStatisticsBuilder) => statistics.result('B02_sre.tif', '1', 0.0001, 0)
      expect(of(merged)).toEqual(of(oneByOne))
    }),
  )
})

test('a sum of many large numbers is exact', () => {
  const pixels = new Int16Array(1024 * 1024).fill(32767)
  expect(summarize(pixels, NO_DATA)).toEqual({
    ...{ min: 32767, max: 32767, sum: 32767 * 1024 * 1024 },
    ...{ valid: 1024 * 1024, total: 1024 * 1024 },
  })
  expect(summarize(pixels.fill(NO_DATA), NO_DATA)).toMatchObject({ min: Infinity, max: -Infinity, valid: 0 })
})
