import { createHash } from 'node:crypto'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { groundClass } from '../../src/domain/ground-class.js'
import { stacItemFaults } from '../../src/products/stac/validate-stac-item.js'
import {
  CLOUD,
  DAY,
  NONE,
  SNOW,
  WATER,
  makeComposite,
  makeDate,
  nameAt,
  reportOf,
} from '../support/composites.js'
import { temporaryFolder } from '../support/cli.js'
import { checkCog } from '../support/cog-check.js'
import { makeL2aProduct, readPixels } from '../support/l2a-product.js'
import { validateCog } from '../support/validate-cog.js'

const home = temporaryFolder('composite')
const make = (inputs: readonly string[], out: string, more: Parameters<typeof makeComposite>[2] = {}) =>
  makeComposite(inputs, join(home, out), more)
const date = (parent: string, ...rest: Tail<Parameters<typeof makeDate>>) =>
  makeDate(join(home, parent), ...rest)
type Tail<T extends readonly unknown[]> = T extends readonly [unknown, ...infer R] ? R : never
const digest = (folder: string) =>
  Object.fromEntries(
    readdirSync(folder)
      .filter((file) => /\.(tif|png)$/.test(file))
      .map((file) => [
        file,
        createHash('sha256')
          .update(readFileSync(join(folder, file)))
          .digest('hex'),
      ]),
  )
describe('six columns worked by hand', () => {
  let folder = ''
  // 12 pixels: each pair of columns is one case, the same at 10 and 20 m.
  const cases = (values: readonly number[]) => (x: number) => values[Math.floor(x / 2)]!
  beforeAll(async () => {
    const inputs = [
      // At noon of the synthesis day: weight 1.
      date(
        'hand',
        nameAt('20250615T120000'),
        12,
        cases([1000, 9000, 9000, 9000, 9000, -32768]),
        cases([0, CLOUD, SNOW, CLOUD, WATER, NONE]),
      ),
      // 12.5 days before: weight 1 - 12.5 / 25 x 0.5 = 0.75.
      date(
        'hand',
        nameAt('20250603T000000', 'S2B'),
        12,
        cases([2000, 500, 700, 8000, 100, -32768]),
        cases([0, 0, 0, CLOUD, SNOW, NONE]),
      ),
      // 25 days after: weight 0.5.
      date(
        'hand',
        nameAt('20250710T120000'),
        12,
        cases([4000, 800, 9000, -32768, 7000, -32768]),
        cases([0, 0, CLOUD, NONE, WATER, NONE]),
      ),
    ]
    folder = (await make(inputs, 'hand-out')).folder
  })
  const rowOf = (file: string) =>
    readPixels(join(folder, file)).pixels.slice(0, file.includes('20M') || file.includes('B11') ? 6 : 12)
  const byCase = (file: string) => rowOf(file).filter((_, x) => rowOf(file).length === 6 || x % 2 === 0)

  test('means of the best class, the same on both grids', () => {
    const expected = [
      // (1 x 1000 + 0.75 x 2000 + 0.5 x 4000) / 2.25 = 2000
      2000,
      // cloud at noon is left out: (0.75 x 500 + 0.5 x 800) / 1.25 = 620
      620,
      // land once, though the weight of snow is greater
      700,
      // nothing but cloud: (1 x 9000 + 0.75 x 8000) / 1.75 = 8571.43
      8571,
      // water twice, snow left out: (9000 + 0.5 x 7000) / 1.5 = 8333.33
      8333, -32768,
    ]
    expect(byCase('B02.tif')).toEqual(expected)
    expect(byCase('B11.tif')).toEqual(expected)
    // Other bands of the invented dates are one or more higher.
    expect(byCase('B08.tif')).toEqual(expected.map((value) => (value === -32768 ? value : value + 3)))
  })

  test('flags, weights and dates say what was averaged', () => {
    for (const suffix of ['', '_20M']) {
      expect(byCase(`FLAGS${suffix}.tif`)).toEqual([4, 4, 4, 1, 3, 0])
      expect(byCase(`WEIGHTS${suffix}.tif`)).toEqual([225, 125, 75, 175, 150, 0])
      expect(byCase(`DATES${suffix}.tif`)).toEqual([
        // (0.75 x -12.5 + 0.5 x 25) / 2.25 = 1.3889 days
        139,
        // (0.75 x -12.5 + 0.5 x 25) / 1.25 = 2.5
        250, -1250,
        // 0.75 x -12.5 / 1.75 = -5.357
        -536,
        // 0.5 x 25 / 1.5 = 8.333
        833, -32768,
      ])
    }
  })

  test('the report counts dates and classes; item and files are valid', async () => {
    const { composite, flags, inputs, cloud_share } = reportOf(folder)
    expect(composite).toMatchObject({
      dates: 3,
      dates_per_pixel: {
        min: 0,
        mean: 1.6667,
        max: 3,
        quantiles: { p05: 0, p25: 1, p50: 2, p75: 2, p95: 3 },
      },
    })
    expect(composite.class_shares).toEqual({ none: 1 / 6, cloud: 1 / 6, snow: 0, water: 1 / 6, land: 3 / 6 })
    expect(cloud_share).toBeCloseTo(1 / 5, 12)
    expect(flags).toEqual(['sre'])
    expect(inputs.map(({ detail }) => detail)).toEqual([
      '+0.000 days, weight 1.0000, SRE',
      '+25.000 days, weight 0.5000, SRE',
      '-12.500 days, weight 0.7500, SRE',
    ])
    const item = JSON.parse(readFileSync(join(folder, 'item.json'), 'utf8')) as {
      id: string
      properties: Record<string, unknown>
    }
    expect(await stacItemFaults(item)).toEqual([])
    expect(item.id).toBe('S2_L3A_31TCJ_20250615T120000_H025')
    expect(item.properties).toMatchObject({
      ...{
        datetime: '2025-06-15T12:00:00.000Z',
        start_datetime: '2025-06-03T00:00:00.000Z',
        constellation: 'sentinel-2',
      },
      ...{ 'processing:level': 'L3A', 'tilth:half_days': 25, 'tilth:dates': 3 },
    })
    // Two platforms: no single one is named.
    expect(item.properties).not.toHaveProperty('platform')
    for (const file of readdirSync(folder).filter((name) => name.endsWith('.tif'))) {
      expect(checkCog(join(folder, file)), file).toEqual([])
      expect(await validateCog(join(folder, file)), file).toBe('')
    }
  })

  test('another least weight and half give other means and another name', async () => {
    const inputs = readdirSync(join(home, 'hand')).map((name) => join(home, 'hand', name))
    const flat = await make(inputs, 'flat', { parameters: { weight_date_min: 1, half_days: 30 } })
    expect(flat.name).toBe('S2_L3A_31TCJ_20250615T120000_H030')
    // All weights 1: (1000 + 2000 + 4000) / 3
    expect(readPixels(join(flat.folder, 'B02.tif')).pixels[0]).toBe(2333)
    const narrow = await make(inputs, 'narrow', { parameters: { half_days: 12 } })
    expect(narrow.notes).toHaveLength(2)
    expect(narrow.notes[0]).toMatch(/S2A_L2A_31TCJ_20250710T120000_R051 was left out/)
    expect(readPixels(join(narrow.folder, 'B02.tif')).pixels[0]).toBe(1000)
  })
})

describe('many dates of random classes and values', () => {
  // An odd size: 20 m pixels at the right and lower edge cover one column or row.
  const SIZE = 1301
  const hash = (x: number, y: number, k: number) => {
    let h = (Math.imul(x, 73_856_093) ^ Math.imul(y, 19_349_663) ^ Math.imul(k, 83_492_791)) >>> 0
    h = Math.imul(h ^ (h >>> 15), 2_246_822_519) >>> 0
    return (h ^ (h >>> 13)) >>> 0
  }
  const maskOf = (k: number) => (x: number, y: number) =>
    [0, 0, 0, CLOUD, CLOUD, SNOW, WATER, NONE, 1 << 7, 1 << 13][hash(x >> 2, y >> 2, k) % 10]!
  const valueOf = (k: number) => (x: number, y: number) => (hash(x, y, k + 50) % 11_000) - 500
  const times = [
    '20250525T105031',
    '20250601T105421',
    '20250610T105031',
    '20250622T104619',
    '20250709T105031',
  ]
  let inputs: string[] = []
  let folder = ''
  beforeAll(async () => {
    inputs = times.map((time, k) => date('many', nameAt(time), SIZE, valueOf(k), maskOf(k)))
    folder = (await make(inputs, 'many-out')).folder
  })

  test('is at each pixel the weighted mean of real numbers over the dates of its best class', () => {
    const found = readPixels(join(folder, 'B02.tif')).pixels
    const flags = readPixels(join(folder, 'FLAGS.tif')).pixels
    const dates = times.map((t) =>
      Date.parse(
        `${t.slice(0, 4)}-${t.slice(4, 6)}-${t.slice(6, 8)}T${t.slice(9, 11)}:${t.slice(11, 13)}:${t.slice(13, 15)}Z`,
      ),
    )
    const weights = dates.map(
      (ms) => 1 - (Math.abs(ms - Date.parse(`${DAY}T12:00:00Z`)) / 86_400_000 / 25) * 0.5,
    )
    let ties = 0
    for (let i = 0; i < found.length; i += 7) {
      const [x, y] = [i % SIZE, Math.floor(i / SIZE)]
      const classes = times.map((_, k) => groundClass(maskOf(k)(x, y)))
      const best = Math.max(...classes)
      if (flags[i] !== best) throw new Error(`flag of (${x}, ${y}): ${flags[i]}, expected ${best}`)
      const used = times.map((_, k) => k).filter((k) => best > 0 && classes[k] === best)
      const mean =
        used.reduce((s, k) => s + weights[k]! * valueOf(k)(x, y), 0) /
        used.reduce((s, k) => s + weights[k]!, 0)
      if (best === 0 ? found[i] !== -32768 : Math.abs(found[i]! - mean) > 0.51)
        throw new Error(`(${x}, ${y}): ${found[i]}, expected ${mean}`)
      if (used.length > 1) ties++
    }
    expect(ties).toBeGreaterThan(50_000)
  })

  test('a 20 m pixel is as good as the worst of the four that it covers', () => {
    const { width, pixels } = readPixels(join(folder, 'FLAGS_20M.tif'))
    expect(width).toBe(651)
    for (let i = 0; i < pixels.length; i += 11) {
      const [x, y] = [2 * (i % width), 2 * Math.floor(i / width)]
      const covered = [x, x + 1]
        .flatMap((a) => [y, y + 1].map((b) => [a, b] as const))
        .filter(([a, b]) => a < SIZE && b < SIZE)
      const best = Math.max(
        ...times.map((_, k) => Math.min(...covered.map(([a, b]) => groundClass(maskOf(k)(a, b))))),
      )
      if (pixels[i] !== best) throw new Error(`(${x}, ${y}): ${pixels[i]}, expected ${best}`)
    }
  })

  test('has the same bytes for any threads, block size and order of inputs', async () => {
    const expected = digest(folder)
    expect(Object.keys(expected)).toHaveLength(17)
    for (const [threads, blockSize, order] of [
      [1, 1024, [...inputs].reverse()],
      [3, 2048, [...inputs.slice(2), ...inputs.slice(0, 2)]],
      [2, 1024, inputs],
      // Asked for smaller blocks than two pixel sizes allow.
      [2, 512, inputs],
    ] as const) {
      const other = await make(order, `same-${threads}-${blockSize}`, {
        threads,
        blockSize,
        codec: 'deflate',
      })
      expect(digest(other.folder), `${threads} threads, blocks of ${blockSize}`).toEqual(expected)
    }
  })

  test('a run that is stopped half-way leaves nothing', async () => {
    const controller = new AbortController()
    const stopped = make(inputs, 'stopped', {
      ...{ signal: controller.signal, threads: 1 },
      onProgress: (fraction) => {
        if (fraction > 0.3) controller.abort(new Error('enough'))
      },
    })
    await expect(stopped).rejects.toThrow('enough')
    expect(readdirSync(join(home, 'stopped'))).toEqual([])
  })
})

test('Landsat: seven bands on one grid', async () => {
  const bands = ['B01', 'B02', 'B03', 'B04', 'B05', 'B06', 'B07']
  const files = (value: number) => Object.fromEntries(bands.map((band) => [`${band}_sre.tif`, () => value]))
  const inputs = (
    [
      ['LC08', '20250615T103000', 1000],
      ['LC09', '20250623T103000', 3000],
    ] as const
  ).map(([platform, time, value]) =>
    makeL2aProduct(join(home, 'landsat'), {
      name: `${platform}_L2A_198030_${time}_R198`,
      size: 70,
      files: files(value),
      mask: () => 0,
    }),
  )
  const { folder, name } = await make(inputs, 'landsat-out')
  expect(name).toBe('LANDSAT_L3A_198030_20250615T120000_H025')
  expect(readdirSync(folder).filter((file) => file.endsWith('.tif'))).toHaveLength(10)
  const [w1, w2] = [1 - (0.0625 / 25) * 0.5, 1 - (7.9375 / 25) * 0.5]
  expect(new Set(readPixels(join(folder, 'B07.tif')).pixels)).toEqual(
    new Set([Math.round((w1 * 1000 + w2 * 3000) / (w1 + w2))]),
  )
  expect(await stacItemFaults(JSON.parse(readFileSync(join(folder, 'item.json'), 'utf8')))).toEqual([])
})
