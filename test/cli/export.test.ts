import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import gdal from 'gdal-async'
import { describe, expect, test } from 'vitest'
import { hasSharedData, productFolder, REAL_SAFE, temporaryFolder, tilth } from '../support/cli.js'

const home = temporaryFolder('cli export')

describe.skipIf(!hasSharedData)('a real decimated tile from the command line', () => {
  test('corrected into a layout and exported into it are the same, and GDAL opens it', async () => {
    const [own, direct, exported] = ['own', 'direct', 'exported'].map((name) => join(home, name)) as [
      string,
      string,
      string,
    ]
    const corrected = await tilth([
      'l2a',
      REAL_SAFE,
      '--out',
      own,
      '--quiet',
      '--codec',
      'lerc',
      '--aot',
      '0.2',
    ])
    expect(corrected.exitCode).toBe(0)
    const product = productFolder(own)
    const result = await tilth([
      'export',
      product,
      '--layout',
      'sen2cor',
      '--out',
      exported,
      '--json',
      '--quiet',
    ])
    expect(result.exitCode).toBe(0)
    const { name, notes } = JSON.parse(result.stdout) as { name: string; notes: string[] }
    expect(name).toMatch(/^S2A_MSIL2A_20171207T002051_N9999_R116_T55JEJ_\d{8}T\d{6}\.SAFE$/)
    expect(notes.join(' ')).toContain('-0.0999')
    // The absolute orbit of the real product.
    expect(readdirSync(join(exported, name, 'GRANULE'))).toEqual(['L2A_T55JEJ_A012840_20171207T002252'])
    const opened = gdal.open(join(exported, name, 'MTD_MSIL2A.xml'))
    expect(opened.driver.description).toBe('SENTINEL2')
    opened.close()
    const at = await tilth([
      'l2a',
      REAL_SAFE,
      '--out',
      direct,
      '--quiet',
      '--layout',
      'sen2cor',
      '--aot',
      '0.2',
    ])
    expect(at.exitCode).toBe(0)
    expect(readdirSync(direct)).toHaveLength(1)
    const image = 'IMG_DATA/R20m/T55JEJ_20171207T002051_B05_20m.jp2'
    const read = (folder: string) => {
      const safe = productFolder(folder)
      return readFileSync(join(safe, 'GRANULE', readdirSync(join(safe, 'GRANULE'))[0] ?? '', image))
    }
    expect(read(direct).equals(read(exported))).toBe(true)
    const report = JSON.parse(readFileSync(join(product, 'report.json'), 'utf8')) as Record<string, unknown>
    expect(report['atmosphere']).toMatchObject({
      aot: { origin: 'parameter', min: 0.2, mean: 0.2, max: 0.2 },
      wv: { origin: 'image' },
      // The forecast in the product.
      ozone: { origin: 'auxiliary', value: expect.closeTo(277.3, 1) as number },
    })
  })

  test('a layout that there is not, and an option that is missing', async () => {
    expect(await tilth(['export', home, '--layout', 'jpeg', '--out', home])).toMatchObject({ exitCode: 64 })
    expect(await tilth(['export', home, '--out', home])).toMatchObject({ exitCode: 64 })
    const none = await tilth(['export', home, '--layout', 'hls', '--out', join(home, 'x')])
    expect(none.exitCode).toBe(65)
    expect(none.stderr).toContain('PRODUCT_UNSUPPORTED')
  })
})
