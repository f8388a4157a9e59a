import { cpSync, existsSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import gdal from 'gdal-async'
import { beforeAll, expect, test } from 'vitest'
import { formatDecisions } from '../../src/cli/format-inspect.js'
import type { PixelNumbers } from '../../src/products/l2a/pixel-numbers.js'
import type { Report } from '../../src/products/report.js'
import { simulateL1c } from '../../src/simulator/simulate-l1c.js'
import { productFolder, temporaryFolder, tilth } from '../support/cli.js'

const home = temporaryFolder('inspect')
let product: string
beforeAll(async () => {
  const { safePath } = await simulateL1c({
    ...{ tile: '31TCJ', date: '2025-05-05', pixelSizeM: 600, seed: 3, baseline: '05.11', orbit: 51 },
    ...{ outDir: join(home, 'l1'), withTci: false, cloudCover: 0.3 },
  })
  const made = await tilth(['l2a', safePath, '--out', join(home, 'l2a'), '--quiet'])
  expect(made.stderr).not.toContain('error')
  product = productFolder(join(home, 'l2a'))
})

const inspect = (...args: string[]) => tilth(['l2a', 'inspect', ...args])
const pixelOf = async (...args: string[]): Promise<PixelNumbers> => {
  const { stdout, stderr, exitCode } = await inspect(product, '--json', ...args)
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
  return (JSON.parse(stdout) as { pixel: PixelNumbers }).pixel
}
/** A copy of the product that a test may break. */
const copyOf = (name: string) => {
  const copy = join(temporaryFolder(name), product.split('/').at(-1) ?? '')
  cpSync(product, copy, { recursive: true })
  return copy
}

test('what was decided is told in text and, the whole report, in JSON', async () => {
  const { exitCode, stdout } = await inspect(product)
  expect(exitCode).toBe(0)
  expect(stdout).toMatch(/^S2[AB]_L2A_31TCJ_20250505T/)
  for (const words of [
    /^chain +init; ground known of 0\.0 % of the cells before/m,
    /^AOT 550 nm +image /m,
    /^water vapour +image .*g\/cm2/m,
    /^ozone /m,
    /^aerosol +default/m,
    /^ +maritime +\d+\.0 %( +0\.\d{5}){3} +reflectance unexplained +\d+ windows/m,
    /^pixels .*% valid, of these .*% cloud or shadow/m,
    /^flags .*sea_level_pressure/m,
    /^measure +\d/m,
    /MiB at most/,
  ])
    expect(stdout).toMatch(words)
  const json = JSON.parse((await inspect(product, '--json')).stdout) as Record<string, unknown>
  expect(json).toMatchObject({ folder: product, pixel: null, plot: null })
  expect(json['report']).toEqual(JSON.parse(readFileSync(join(product, 'report.json'), 'utf8')))
})

test('a mix that the image was found to be is told by its parts, beside what each leaves unexplained', () => {
  const report = JSON.parse(readFileSync(join(product, 'report.json'), 'utf8')) as Report
  const residuals = { continental: 0.01, maritime: 0.0125, urban: 0.02 }
  const withMix = (value: string) =>
    formatDecisions(product, {
      ...report,
      atmosphere: { ...report.atmosphere!, aerosol: { origin: 'image', value, residuals } },
    })
  const text = withMix('continental:0.7,maritime:0.3')
  for (const words of [
    /^aerosol +image +- +mix of 2 /m,
    /^ +continental +70\.0 % +0\.01000 /m,
    /^ +maritime +30\.0 % +0\.01250 /m,
    /^ +urban +0\.02000 /m,
  ])
    expect(text).toMatch(words)
  expect(withMix('continental:0.7,desert:0.3')).toContain('continental:0.7,desert:0.3')
})

test('the numbers of a pixel are those of the files, however its place is named', async () => {
  const pixel = await pixelOf('--pixel', '70,31')
  // Independent of our reader: GDAL's own transform of the place into each file.
  const stored = (file: string) => {
    const dataset = gdal.open(join(product, file))
    const [ulx = 0, width = 1, , uly = 0, , height = 1] = dataset.geoTransform!
    const [x, y] = [Math.floor((pixel.x - ulx) / width), Math.floor((pixel.y - uly) / height)]
    const value = dataset.bands.get(1).pixels.get(x, y)
    dataset.close()
    return value
  }
  const numbers = [...pixel.reflectance, ...pixel.atmosphere, ...pixel.angles]
  expect(numbers.map(({ file }) => file).sort()).toEqual(
    readdirSync(product)
      .filter((file) => /^(B.._sre|AOT|WV|[SV][ZA]A)\.tif$/.test(file))
      .sort(),
  )
  for (const { file, stored: found } of numbers) expect([file, found]).toEqual([file, stored(file)])
  expect(pixel.mask.stored).toBe(stored('MASK.tif'))
  expect(pixel.scene_class?.stored).toBe(stored('SCL.tif'))
  expect(pixel.reflectance.slice(7).map(({ file }) => file.slice(0, 3))).toEqual(['B08', 'B8A', 'B11', 'B12'])
  const red = pixel.reflectance.find(({ file }) => file === 'B04_sre.tif')!
  expect(red.value).toBeCloseTo(red.stored / 10000, 10)
  expect(pixel.angles.find(({ file }) => file === 'SZA.tif')?.value).toBeGreaterThan(20)
  const { x, y, lon, lat } = pixel
  expect(lon).toBeGreaterThan(0)
  expect(await pixelOf('--at', `${x},${y}`)).toEqual(pixel)
  expect(await pixelOf('--lonlat', `${lon},${lat}`)).toMatchObject({
    ...{ column: 70, row: 31, reflectance: pixel.reflectance, mask: pixel.mask, angles: pixel.angles },
  })
  const text = (await inspect(product, '--pixel', '70,31')).stdout
  expect(text).toContain('column 70, row 31')
  expect(text).toMatch(new RegExp(`^B04_sre +${red.stored} `, 'm'))
})

test('a cloud has its bits and its class by name', async () => {
  const dataset = gdal.open(join(product, 'MASK.tif'))
  const { x: width, y: height } = dataset.rasterSize
  const mask = dataset.bands.get(1).pixels.read(0, 0, width, height)
  dataset.close()
  const at = mask.findIndex((value) => (value & 2) !== 0)
  const { mask: found, scene_class: kind } = await pixelOf(
    '--pixel',
    `${at % width},${Math.floor(at / width)}`,
  )
  expect(found.bits).toContain('cloud')
  expect(found.bits).toContain('cloudOrShadow')
  expect(kind).toEqual({ stored: 9, name: 'cloud, high probability' })
})

test('the page holds all its pictures and names its colours', async () => {
  const page = join(home, 'plot.html')
  const { exitCode, stderr } = await inspect(product, '--plot', page)
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
  const html = readFileSync(page, 'utf8')
  // The picture twice, the mask, AOT, water vapour.
  expect(html.match(/href="data:image\/png;base64,/g)).toHaveLength(5)
  expect(html).not.toMatch(/(href|src)="(?!data:)/)
  expect(html).toMatch(/shadow of a cloud: \d+\.\d %/)
  expect(html).toContain('Water vapour, g/cm2')
  const { atmosphere } = JSON.parse(readFileSync(join(product, 'report.json'), 'utf8')) as {
    atmosphere: { aot: { min: number; max: number } }
  }
  // The ends of the colour bar, within what the report says of the cells.
  const ends = [...html.matchAll(/text-anchor="(?:start|end)">(\d\.\d{3})</g)].map((m) => Number(m[1]))
  expect(ends[0]).toBeGreaterThanOrEqual(atmosphere.aot.min - 0.0005)
  expect(ends[1]).toBeLessThanOrEqual(atmosphere.aot.max + 0.0005)
  expect(ends[1]).toBeGreaterThan(ends[0]!)
})

test.each([
  [['--at', '5'], 'two numbers'],
  [['--at', '5,north'], "found 'north'"],
  [['--pixel', '1.5,2'], 'two whole numbers'],
  [['--lonlat', '200,2'], 'longitude'],
  [['--at', '1,2', '--pixel', '1,2'], 'cannot be used with'],
  [['--plot', 'plot.png'], 'plot.html'],
])('%j is refused as usage', async (args, reason) => {
  const { exitCode, stderr, stdout } = await inspect(product, ...args)
  expect({ exitCode, stdout }).toEqual({ exitCode: 64, stdout: '' })
  expect(stderr).toContain(reason)
})

test.each([
  ['--at', '299000,4800000'],
  ['--lonlat', '40,10'],
  ['--pixel', '183,0'],
  ['--pixel', '0,-1'],
])('a place outside is refused with the range: %s %s', async (option, text) => {
  const { exitCode, stderr } = await inspect(product, `${option}=${text}`)
  expect(exitCode).toBe(64)
  expect(stderr).toMatch(new RegExp(`BAD_ARGUMENT: ${option}: expected .*found ${text}: it lies outside`))
})

test('a folder that is no product, a report that is missing, torn or of another product, a cut file', async () => {
  const fails = async (folder: string, code: string, ...args: string[]) => {
    const { exitCode, stderr } = await inspect(folder, ...args)
    expect(stderr).toContain(`error ${code}: `)
    expect(stderr).toContain(folder)
    expect(exitCode).not.toBe(0)
  }
  await fails(join(home, 'nothing'), 'NOT_FOUND')
  await fails(join(home, 'l1'), 'PRODUCT_UNSUPPORTED')
  const broken = copyOf('broken report')
  rmSync(join(broken, 'report.json'))
  await fails(broken, 'PRODUCT_INCOMPLETE')
  writeFileSync(join(broken, 'report.json'), '{"schema": ')
  await fails(broken, 'METADATA_INVALID')
  const report = readFileSync(join(product, 'report.json'), 'utf8')
  writeFileSync(join(broken, 'report.json'), report.replace(/"product": "S2./, '"product": "S9X'))
  await fails(broken, 'METADATA_INVALID')
  writeFileSync(join(broken, 'report.json'), report)
  truncateSync(join(broken, 'B05_sre.tif'), 900)
  await fails(broken, 'RASTER_UNREADABLE', '--pixel', '1,1')
  rmSync(join(broken, 'MASK.tif'))
  const page = join(broken, 'plot.html')
  await fails(broken, 'PRODUCT_INCOMPLETE', '--plot', page)
  expect(existsSync(page)).toBe(false)
  const nowhere = await inspect(product, '--plot', join(home, 'not there', 'plot.html'))
  expect(nowhere.stderr).toContain('WRITE_FAILED')
})

test('without --out a product is not corrected', async () => {
  const { exitCode, stderr } = await tilth(['l2a', join(home, 'l1')])
  expect(exitCode).toBe(64)
  expect(stderr).toContain("required option '-o, --out <dir>' not specified")
})
