import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  BandStatisticsBuilder,
  measurePeakRss,
  reportSchema,
  writeReport,
  type Report,
} from '../../src/products/report.js'

const report: Report = {
  schema: 'tilth-report/1',
  product: 'S2A_L2A_55JEJ_20171207T002051_R116',
  processor: { name: 'l2a', version: 1 },
  versions: { tilth: '0.1.0' },
  created: '2024-05-01T10:00:00.000Z',
  inputs: [{ kind: 'S2_L1C', name: 'S2A_MSIL1C_X.SAFE' }],
  parameters: { aot: { value: 0.1, unit: '1', origin: 'default' } },
  resources: { wall_s: 1.5, cpu_s: 2.5, peak_rss_mb: 100 },
  stages: [{ name: 'bands', wall_s: 1 }],
  valid_share: 1,
  cloud_share: null,
  bands: [],
  notes: [],
  flags: ['aot_given'],
}

test('a report is written as it was checked, and reads back', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'report-'))
  try {
    const path = join(folder, 'report.json')
    await writeReport(path, report)
    expect(reportSchema.parse(JSON.parse(await readFile(path, 'utf8')))).toEqual(report)
    await expect(writeReport(join(folder, 'none', 'report.json'), report)).rejects.toMatchObject({
      code: 'WRITE_FAILED',
    })
    await expect(writeReport(path, { ...report, valid_share: 1.2 })).rejects.toThrow(/valid_share/)
  } finally {
    await rm(folder, { recursive: true })
  }
})

test.each<[string, unknown]>([
  ['an unknown field', { ...report, extra: 1 }],
  [
    'a mean above the maximum',
    { ...report, bands: [{ file: 'B02_sre.tif', unit: '1', min: 0, mean: 3, max: 2, valid_share: 1 }] },
  ],
  ['a time without zone', { ...report, created: '2024-05-01T10:00:00' }],
  ['a parameter without origin', { ...report, parameters: { aot: { value: 1 } } }],
])('a report with %s is refused', (_, bad) => {
  expect(reportSchema.safeParse(bad).success).toBe(false)
})

test('band statistics leave no-data out and apply scale and offset', () => {
  const builder = new BandStatisticsBuilder()
  builder.add(Int16Array.of(-32768, 1000, -200), -32768)
  builder.add(Int16Array.of(700), -32768)
  // (1000 - 200 + 700) / 3 = 500
  expect(builder.result('B02_sre.tif', '1', 0.0001, 0.1)).toEqual({
    file: 'B02_sre.tif',
    unit: '1',
    min: 0.08,
    mean: 0.15,
    max: 0.2,
    valid_share: 0.75,
  })
  const nothing = new BandStatisticsBuilder()
  nothing.add(Float32Array.of(NaN), null)
  expect(nothing.result('WV.tif', 'g/cm2', 1, 0)).toMatchObject({
    min: null,
    mean: null,
    max: null,
    valid_share: 0,
  })
})

test('band statistics of integers do not depend on how the pixels are cut into blocks', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -32768, max: 32767 })), fc.nat(), (values, cut) => {
      const [whole, halves] = [new BandStatisticsBuilder(), new BandStatisticsBuilder()]
      const at = values.length === 0 ? 0 : cut % values.length
      whole.add(values, -32768)
      halves.add(values.slice(at), -32768)
      halves.add(values.slice(0, at), -32768)
      expect(halves.result('f', '1', 0.0001, 0)).toEqual(whole.result('f', '1', 0.0001, 0))
    }),
  )
})

test.skipIf(process.platform !== 'linux')('the peak memory counts children and ends with them', async () => {
  const alone = measurePeakRss()!
  expect(alone).toBeGreaterThan(10)
  const child = spawn(
    process.execPath,
    ['-e', "Buffer.alloc(150<<20, 1); console.log('ready'); setInterval(() => {}, 1000)"],
    {
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  )
  try {
    await new Promise((resolve) => child.stdout.once('data', resolve))
    expect(measurePeakRss()!).toBeGreaterThan(alone + 150)
  } finally {
    child.kill('SIGKILL')
    await new Promise((resolve) => child.once('exit', resolve))
  }
  expect(measurePeakRss(child.pid)).toBeNull()
})
