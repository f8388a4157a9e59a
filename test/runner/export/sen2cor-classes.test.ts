import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { archiveLimits } from '../../../src/config/archive-limits.js'
import { MASK_BITS } from '../../../src/domain/mask-bits.js'
import { exportToFolder } from '../../../src/runner/export/export-product.js'
import { correctToFolder } from '../../../src/runner/l2a/correct-to-folder.js'
import { simulateL1c } from '../../../src/simulator/simulate-l1c.js'
import { temporaryFolder } from '../../support/cli.js'
import { makeL2aProduct, readPixels } from '../../support/l2a-product.js'

const home = temporaryFolder('classes')
const signal = new AbortController().signal
const quiet = { onProgress: () => undefined, onNote: () => undefined }
const write = (product: string, out: string) =>
  exportToFolder({
    ...{ product, layout: 'sen2cor', out, threads: 2, codec: 'deflate', force: true, signal },
    ...quiet,
  })

/** Shares of classes in the metadata of Sen2Cor, in the order of their numbers from 1 on. */
const SHARES = [
  ...['SATURATED_DEFECTIVE_PIXEL', 'DARK_FEATURES', 'CLOUD_SHADOW', 'VEGETATION', 'NOT_VEGETATED', 'WATER'],
  ...['UNCLASSIFIED', 'MEDIUM_PROBA_CLOUDS', 'HIGH_PROBA_CLOUDS', 'THIN_CIRRUS', 'SNOW_ICE'],
]

test('vegetation and bare ground have classes, and the shares of all classes are those of the pixels', async () => {
  const { safePath } = await simulateL1c({
    ...{ tile: '31TCJ', date: '2025-05-15', pixelSizeM: 480, seed: 3, baseline: '05.11', orbit: 51 },
    ...{ outDir: join(home, 'l1'), withTci: false, cloudCover: 0.3 },
  })
  const { folder: own } = await correctToFolder({
    ...{ product: safePath, previous: null, parameters: { aot: 0.15 }, threads: 2, blockSize: 1024 },
    ...{ codec: 'deflate', signal, scratch: join(home, 'scratch'), archiveLimits: archiveLimits({}) },
    ...{ out: join(home, 'own'), force: true, ...quiet },
  })
  const classes = readPixels(join(own, 'SCL.tif')).pixels.filter((value) => value !== 0)
  const { folder: safe } = await write(own, join(home, 'safe'))
  const [granule = ''] = readdirSync(join(safe, 'GRANULE'))
  for (const path of ['MTD_MSIL2A.xml', `GRANULE/${granule}/MTD_TL.xml`]) {
    const xml = readFileSync(join(safe, path), 'utf8')
    const shares = SHARES.map((name) =>
      Number(new RegExp(`<${name}_PERCENTAGE>([\\d.]+)<`).exec(xml)?.[1] ?? NaN),
    )
    shares.forEach((share, i) => {
      const found = classes.filter((value) => value === i + 1).length
      expect(share, `${SHARES[i] ?? ''} in ${path}`).toBeCloseTo((found / classes.length) * 100, 5)
    })
    const [, , , vegetation, bare] = shares
    expect(vegetation).toBeGreaterThan(5)
    expect(bare).toBeGreaterThan(5)
    expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(100, 4)
  }
})

test('a product without classes gets them from its mask, clear land from its reflectance', async () => {
  // A quarter of the width each: crops, soil, a bright roof, crops where the mask has water.
  const values = {
    ...{ B02: [300, 900, 4000, 300], B03: [600, 1100, 4100, 600], B04: [400, 1500, 4200, 400] },
    ...{ B8A: [3500, 2400, 4500, 3500], B11: [2000, 3200, 5000, 2000] },
  }
  const files = Object.entries(values).map(([band, of]) => {
    const quarter = band === 'B8A' || band === 'B11' ? 12 : 24
    return [`${band}_sre.tif`, (x: number) => of[Math.floor(x / quarter)] ?? 0] as const
  })
  const product = makeL2aProduct(join(home, 'invented'), {
    ...{ name: 'S2B_L2A_31TCJ_20250510T105031_R051', size: 96, files: Object.fromEntries(files) },
    mask: (x) => (x >= 72 ? 1 << MASK_BITS.water : 0),
  })
  const { folder: safe } = await write(product, join(home, 'without'))
  const [granule = ''] = readdirSync(join(safe, 'GRANULE'))
  const images = join(safe, 'GRANULE', granule, 'IMG_DATA', 'R20m')
  const scl = readPixels(join(images, readdirSync(images).find((name) => name.includes('_SCL_')) ?? ''))
  expect(scl.width).toBe(48)
  scl.pixels.forEach((value, i) => {
    expect(value).toBe([4, 5, 7, 6][Math.floor((i % 48) / 12)])
  })
})
