import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { readL1cMetadata } from '../../src/products/sentinel2/read-l1c.js'
import { openRaster } from '../../src/raster/open-raster.js'
import { validateCog } from '../support/validate-cog.js'
import { STATE_RASTERS } from '../support/l2a-files.js'
import { REAL_SAFE, hasSharedData, productFolder, temporaryFolder, tilth } from '../support/cli.js'

async function pixelsOf(
  path: string,
  band = 0,
): Promise<{ width: number; height: number; data: Float64Array }> {
  const reader = await openRaster(path)
  const data = new Float64Array(reader.width * reader.height)
  await reader.read(band, { x: 0, y: 0, width: reader.width, height: reader.height }, data)
  reader.close()
  return { width: reader.width, height: reader.height, data }
}

function correlation(a: readonly number[], b: readonly number[]): number {
  const mean = (v: readonly number[]) => v.reduce((s, x) => s + x, 0) / v.length
  const [ma, mb] = [mean(a), mean(b)]
  let [ab, aa, bb] = [0, 0, 0]
  a.forEach((x, i) => {
    const [p, q] = [x - ma, b[i]! - mb]
    ab += p * q
    aa += p * p
    bb += q * q
  })
  return ab / Math.sqrt(aa * bb)
}

describe.skipIf(!hasSharedData)('a real decimated Sentinel-2 tile from the command line', () => {
  const out = temporaryFolder('real')
  let folder = ''

  beforeAll(async () => {
    const result = await tilth(['l2a', REAL_SAFE, '--out', out, '--threads', '2'])
    expect(result.stderr).toContain('640')
    expect(result.exitCode).toBe(0)
    folder = productFolder(out)
  })

  test('gives every band, mask, class, atmosphere, item, quicklook and report', () => {
    const expected = ['B01', 'B02', 'B03', 'B04', 'B05', 'B06', 'B07', 'B08', 'B8A', 'B11', 'B12'].map(
      (b) => `${b}_sre.tif`,
    )
    expect(readdirSync(folder).sort()).toEqual(
      [
        ...expected,
        'AOT.tif',
        'WV.tif',
        'MASK.tif',
        'SCL.tif',
        ...STATE_RASTERS,
        ...['angles.json', 'SZA.tif', 'SAA.tif', 'VZA.tif', 'VAA.tif'],
        'item.json',
        'quicklook.png',
        'report.json',
      ].sort(),
    )
  })

  test("every raster is a valid COG by GDAL's own check", async () => {
    for (const name of readdirSync(folder).filter((n) => n.endsWith('.tif')))
      expect(await validateCog(join(folder, name)), name).toBe('')
  })

  test('geotransform and CRS are those of the JP2s', async () => {
    const l1c = await readL1cMetadata(REAL_SAFE)
    for (const band of Object.values(l1c.bands)) {
      if (band.id === 'B09' || band.id === 'B10') continue
      const source = await openRaster(band.path)
      const result = await openRaster(join(folder, `${band.id}_sre.tif`))
      expect(result.grid, band.id).toEqual(source.grid)
      source.close()
      result.close()
    }
  })

  test('the quicklook clips at most 2 % of its pixels and looks like the TOA picture', async () => {
    const l1c = await readL1cMetadata(REAL_SAFE)
    const tci = join(l1c.granulePath, 'IMG_DATA', 'T55JEJ_20171207T002051_TCI.jp2')
    const quicklook = join(folder, 'quicklook.png')
    let clipped = 0
    let seen = 0
    for (const band of [0, 1, 2]) {
      const toa = await pixelsOf(tci, band)
      const boa = await pixelsOf(quicklook, band)
      const alpha = await pixelsOf(quicklook, 3)
      const scale = boa.width / toa.width
      const pairs: [number, number][] = []
      toa.data.forEach((value, i) => {
        const x = Math.floor(((i % toa.width) + 0.5) * scale)
        const y = Math.floor((Math.floor(i / toa.width) + 0.5) * scale)
        if (value > 0 && alpha.data[y * boa.width + x]! === 255)
          pairs.push([value, boa.data[y * boa.width + x]!])
      })
      expect(
        correlation(
          pairs.map((p) => p[0]),
          pairs.map((p) => p[1]),
        ),
        `band ${band}`,
        // Haze and light from beside are gone, blue most of all: alike, not the same.
      ).toBeGreaterThanOrEqual(0.9)
      boa.data.forEach((value, i) => {
        if (alpha.data[i]! !== 255) return
        seen++
        if (value === 0 || value === 255) clipped++
      })
    }
    expect(seen).toBeGreaterThan(0)
    expect(clipped / seen).toBeLessThanOrEqual(0.02)
  })

  test('no-data of the image is no-data of the product and transparent in the quicklook', async () => {
    const l1c = await readL1cMetadata(REAL_SAFE)
    const dn = await pixelsOf(l1c.bands.B04!.path)
    const sre = await pixelsOf(join(folder, 'B04_sre.tif'))
    const alpha = await pixelsOf(join(folder, 'quicklook.png'), 3)
    const scale = alpha.width / dn.width
    let empty = 0
    dn.data.forEach((value, i) => {
      if (value !== 0) {
        expect(sre.data[i]).not.toBe(-32768)
        return
      }
      empty++
      expect(sre.data[i]).toBe(-32768)
      const x = Math.floor(((i % dn.width) + 0.5) * scale)
      const y = Math.floor((Math.floor(i / dn.width) + 0.5) * scale)
      expect(alpha.data[y * alpha.width + x]).toBe(0)
    })
    expect(sre.data.length - empty).toBeGreaterThan(1000)
  })

  test('the report says that the images are decimated and which atmosphere was taken', () => {
    const report = JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8')) as {
      notes: string[]
      atmosphere: { ozone: { origin: string; value: number } }
    }
    expect(report.notes.join(' ')).toMatch(/640/)
    // Of the forecast in the product: 0.00595 kg/m2 are 278 DU.
    expect(report.atmosphere.ozone.origin).toBe('auxiliary')
    expect(report.atmosphere.ozone.value).toBeCloseTo(278, -1)
  })
})
