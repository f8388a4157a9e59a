import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { formatDecisions } from '../../../src/cli/format-inspect.js'
import { blocksOf } from '../../../src/domain/grid.js'
import { reportSchema, type Report } from '../../../src/products/report.js'
import type { CorrectToFolderOptions } from '../../../src/runner/l2a/correct-to-folder.js'
import { SourceBlocks } from '../../../src/runner/l2a/source-blocks.js'
import { simulateL1c } from '../../../src/simulator/simulate-l1c.js'
import { temporaryFolder } from '../../support/cli.js'
import { correctProduct } from '../../support/correct-product.js'
import { readPixels } from '../../support/l2a-product.js'
import { movedReference } from '../../support/moved-reference.js'

const home = temporaryFolder('coregister')
const correct = async (
  product: string,
  out: string,
  parameters: Readonly<Record<string, unknown>>,
  more: Pick<Partial<CorrectToFolderOptions>, 'threads' | 'blockSize'> = {},
) => {
  const wanted = { aot: 0.15, wv: 2, aerosol: 'continental', ...parameters }
  const { folder } = await correctProduct(home, product, out, { ...more, parameters: wanted })
  return folder
}
const reportOf = (folder: string): Report =>
  reportSchema.parse(JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8')))
const itemOf = (folder: string) =>
  JSON.parse(readFileSync(join(folder, 'item.json'), 'utf8')) as { properties: Record<string, unknown> }
const bytes = (folder: string) =>
  Object.fromEntries(
    readdirSync(folder)
      .filter((name) => name.endsWith('.tif'))
      .map((name) => [name, readFileSync(join(folder, name)).toString('base64')]),
  )

const FILES = ['B8A_sre.tif', 'B01_sre.tif', 'MASK.tif']

let safe: string
let cloudy: string
let plain: string
let reference: string
beforeAll(async () => {
  const common = { tile: '31TCJ', outDir: home, pixelSizeM: 200, withTci: false }
  safe = (await simulateL1c({ ...common, date: '2025-05-10' })).safePath
  cloudy = (await simulateL1c({ ...common, date: '2025-06-19', cloudCover: 0.35 })).safePath
  plain = await correct(safe, 'plain', {})
  reference = movedReference(plain, join(home, 'reference'), { files: FILES, eastM: 400, northM: -400 })
})

describe('a date that is laid on a reference', () => {
  let moved: string
  beforeAll(async () => {
    moved = await correct(safe, 'moved', { coregister: reference })
  })

  test('says by how much, how sure that is, and of what', () => {
    const { coregistration, inputs, flags, notes } = reportOf(moved)
    expect(coregistration).toMatchObject({
      ...{ reference: basename(plain), band: 'B8A', outcome: 'moved', applied: true },
      ...{ windows: 9, compared: 9, agreeing: 9, confidence: 1 },
    })
    // Pixels of 400 m: within a thousandth.
    expect(Math.abs((coregistration?.dx_m ?? NaN) - 400)).toBeLessThan(0.4)
    expect(Math.abs((coregistration?.dy_m ?? NaN) + 400)).toBeLessThan(0.4)
    expect(coregistration?.residual_m).toBeLessThan(2)
    expect(inputs.find(({ kind }) => kind === 'REFERENCE')?.detail).toMatch(
      /B8A_sre.tif, made .*, checksum 1220/,
    )
    expect(flags).toContain('coregistered')
    expect(notes.join(' ')).toMatch(/Moved onto .* 9 of 9 windows agree/)
    expect(itemOf(moved).properties).toMatchObject({
      'tilth:coregistration_applied': true,
      'tilth:coregistration_dx_m': coregistration?.dx_m,
    })
    expect(formatDecisions(moved, reportOf(moved))).toMatch(
      /ground {6}moved by [\d.]+ m east, -[\d.]+ m north, onto /,
    )
  })

  test('has every pixel where it belongs, of reflectance and of masks', () => {
    // 400 m are two pixels of B02 and MASK.tif, one of B8A: what stood there stands here now.
    for (const [file, by, tolerance] of [
      ['B02_sre.tif', 2, 12],
      ['B8A_sre.tif', 1, 12],
      ['MASK.tif', 2, 0],
    ] as const) {
      const [was, is] = [readPixels(join(plain, file)), readPixels(join(moved, file))]
      let [compared, differing] = [0, 0]
      for (let y = by + 2; y < was.pixels.length / was.width - 2; y++)
        for (let x = by + 2; x < was.width - 2; x++) {
          const before = was.pixels[(y - by) * was.width + x - by]!
          const after = is.pixels[y * is.width + x]!
          if (before === -32768) expect(after).toBe(-32768)
          compared++
          if (Math.abs(after - before) > tolerance) differing++
        }
      // Masks are decided on cells, which stand still: a pixel beside one may fall to the next.
      expect(differing / compared, file).toBeLessThan(file === 'MASK.tif' ? 0.02 : 0.002)
      // What came in from beyond the image has no data.
      expect(file === 'MASK.tif' ? is.pixels[0]! & 0x8000 : is.pixels[0]).toBe(
        file === 'MASK.tif' ? 0x8000 : -32768,
      )
    }
  })

  test('does not depend on blocks and threads', async () => {
    const other = await correct(safe, 'other', { coregister: reference }, { threads: 1, blockSize: 512 })
    expect(bytes(other)).toEqual(bytes(moved))
  })
})

test('under clouds that leave too few windows nothing is moved, and that is told', async () => {
  const folder = await correct(cloudy, 'cloudy', { coregister: reference })
  const { coregistration, flags, notes } = reportOf(folder)
  expect(coregistration).toMatchObject({ outcome: 'unsure', applied: false, windows: 9 })
  expect(coregistration?.compared).toBeLessThan(9)
  expect(coregistration?.compared).toBeGreaterThan(0)
  expect(flags).toContain('not_coregistered')
  expect(notes.join(' ')).toMatch(/Was not laid on .* at least 8/)
})

test.each([
  ['no folder', () => join(home, 'nowhere'), 'NOT_FOUND', /no folder/],
  [
    'a folder without a product of the tile',
    () => join(home, 'scratch'),
    'BAD_ARGUMENT',
    /exactly one product of tile 31TCJ; found none/,
  ],
  [
    'ground far away',
    () =>
      join(
        movedReference(plain, join(home, 'far'), { files: FILES, eastM: 500_000, northM: 0 }),
        basename(plain),
      ),
    'BAD_ARGUMENT',
    /no data where/,
  ],
])('a reference that is %s is refused before anything is made', async (_, path, code, message) => {
  await expect(correct(safe, 'refused', { coregister: path() })).rejects.toMatchObject({
    code,
    message: expect.stringMatching(message) as string,
  })
})

test('blocks of an image are decoded once each for pieces that overlap', async () => {
  const decoded: number[] = []
  const pieces = blocksOf({ width: 20, height: 20 }, 8).map(({ x, y }) => ({
    ...{ x: Math.max(0, x - 2), y: Math.max(0, y - 2) },
    ...{
      width: Math.min(20, x + 10) - Math.max(0, x - 2),
      height: Math.min(20, y + 10) - Math.max(0, y - 2),
    },
  }))
  const source = new SourceBlocks(
    blocksOf({ width: 20, height: 20 }, 7),
    pieces,
    ({ x, y, width, height }) => {
      decoded.push(y * 20 + x)
      return Promise.resolve(
        Uint16Array.from(
          { length: width * height },
          (_, i) => (y + Math.floor(i / width)) * 20 + x + (i % width),
        ),
      )
    },
  )
  for (const piece of pieces) {
    const pixels = await source.gather(piece)
    expect([...pixels]).toEqual(
      Array.from(
        pixels,
        (_, i) => (piece.y + Math.floor(i / piece.width)) * 20 + piece.x + (i % piece.width),
      ),
    )
  }
  expect(new Set(decoded).size).toBe(9)
  expect(decoded).toHaveLength(9)
})
