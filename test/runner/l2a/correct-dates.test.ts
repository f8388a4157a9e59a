import {
  cpSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { archiveLimits } from '../../../src/config/archive-limits.js'
import { chainInFolder } from '../../../src/runner/l2a/chain-in-folder.js'
import { correctDates } from '../../../src/runner/l2a/correct-dates.js'
import { findDates } from '../../../src/runner/l2a/find-dates.js'
import { simulateLandsat } from '../../../src/simulator/landsat/simulate-landsat.js'
import { simulateL1c } from '../../../src/simulator/simulate-l1c.js'
import { filesBelow, zipOf } from '../../support/archives.js'
import { temporaryFolder, tilth } from '../../support/cli.js'
import { makeL2aProduct } from '../../support/l2a-product.js'

const home = temporaryFolder('dates')
const season = join(home, 'season')
const out = join(home, 'l2a')

const notes: string[] = []
const progress: { fraction: number; note: string }[] = []
const options = {
  ...{ out, scratch: join(home, 'scratch'), archiveLimits: archiveLimits({}), threads: 2 },
  ...{ blockSize: 1024, codec: 'deflate' as const, force: false, signal: new AbortController().signal },
  parameters: { aot: 0.15, wv: 2, max_cloud: 70 },
  onProgress: (fraction: number, note: string) => {
    progress.push({ fraction, note })
  },
  onNote: (note: string) => {
    notes.push(note)
  },
}
const unpacking = { ...options, limits: options.archiveLimits }
const run = async (more = {}) => correctDates((await findDates(season, unpacking))!, { ...options, ...more })
const reportOf = (folder: string) =>
  JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8')) as {
    chain: { mode: string; previous: string | null; known_share: number }
  }
const imageOf = (safe: string, band: string) =>
  join(
    safe,
    readdirSync(safe, { recursive: true, encoding: 'utf8' }).find((file) => file.endsWith(`_${band}.jp2`))!,
  )

/** Four dates of one chain: a clear one, one under cloud, one that is cut, one in a zip 15 days after the first; and two of a Landsat chain, in tars. */
const broken = { whole: '', path: '' }
beforeAll(async () => {
  mkdirSync(season, { recursive: true })
  const s2 = async (date: string, cloudCover: number) =>
    (
      await simulateL1c({
        ...{ tile: '31TCJ', date, pixelSizeM: 600, seed: 3, baseline: '05.11', orbit: 51 },
        ...{ outDir: join(home, 'l1'), withTci: false, cloudCover },
      })
    ).safePath
  const clear = await s2('2025-05-05', 0.1)
  cpSync(clear, join(season, 'a', basename(clear)), { recursive: true })
  const cloudy = await s2('2025-05-10', 0.95)
  cpSync(cloudy, join(season, basename(cloudy)), { recursive: true })
  broken.whole = await s2('2025-05-15', 0.1)
  broken.path = join(season, 'b', basename(broken.whole))
  cpSync(broken.whole, broken.path, { recursive: true })
  truncateSync(imageOf(broken.path, 'B02'), 1000)
  // Not a copy that is still under way.
  for (const name of [...readdirSync(broken.path, { recursive: true, encoding: 'utf8' }), '.'])
    utimesSync(join(broken.path, name), 1e9, 1e9)
  const last = await s2('2025-05-20', 0.1)
  const name = basename(last)
  writeFileSync(join(season, name.replace('.SAFE', '.zip')), await zipOf(filesBelow(last, `${name}/`)))
  for (const date of ['2025-05-12', '2025-05-28'])
    await simulateLandsat({
      ...{ tile: '198030', pixelSizeM: 1920, seed: 3, collection: 2, tar: true, platform: 'L8' },
      ...{ outDir: join(season, 'landsat'), date },
    })
})

test('all dates are made in order, each with the state of the one before; what cannot be made stops none', async () => {
  const result = await run()
  expect(result.dates.map((date) => [date.day, date.tile, date.outcome])).toEqual([
    ['2025-05-05', '31TCJ', 'made'],
    ['2025-05-10', '31TCJ', 'skipped'],
    ['2025-05-12', '198030', 'made'],
    ['2025-05-15', '31TCJ', 'failed'],
    ['2025-05-20', '31TCJ', 'made'],
    ['2025-05-28', '198030', 'made'],
  ])
  expect(result).toMatchObject({ made: 4, existing: 0, skipped: 1, failed: 1 })
  expect(result.dates[1]).toMatchObject({ code: 'TOO_CLOUDY' })
  expect(result.dates[3]).toMatchObject({ code: 'RASTER_UNREADABLE' })
  const made = result.dates.flatMap((date) => (date.outcome === 'made' ? [date] : []))
  expect(made.map(({ mode }) => mode)).toEqual(['init', 'init', 'nominal', 'nominal'])
  // 15 days before: the two dates between left nothing.
  expect(reportOf(made[2]!.folder).chain.previous).toBe(made[0]!.name)
  expect(reportOf(made[3]!.folder).chain.previous).toBe(made[1]!.name)
  expect(readdirSync(out).sort()).toEqual(made.map(({ name }) => name).sort())
  expect(notes.join('\n')).toContain('TOO_CLOUDY')
  // Over all dates, never backwards.
  const fractions = progress.map(({ fraction }) => fraction)
  expect(fractions).toEqual([...fractions].sort((a, b) => a - b))
  expect(fractions.at(-1)).toBe(1)
  expect(progress.at(-1)?.note).toContain('2025-05-28 198030, 5 of 5')

  // Again: only what is not there is tried, and what was repaired is made.
  rmSync(broken.path, { recursive: true })
  cpSync(broken.whole, broken.path, { recursive: true })
  const again = await run()
  expect(again.dates.map(({ outcome }) => outcome)).toEqual([
    ...['exists', 'skipped', 'exists', 'made', 'exists', 'exists'],
  ])
  const [healed] = again.dates.flatMap((date) => (date.outcome === 'made' ? [date] : []))
  expect(reportOf(healed!.folder).chain).toMatchObject({ mode: 'nominal', previous: made[0]!.name })
  // With force all of them, the last one now after the repaired date.
  const forced = await run({ force: true })
  expect(forced).toMatchObject({ made: 5, existing: 0, skipped: 1, failed: 0 })
  expect(reportOf(made[2]!.folder).chain.previous).toBe(healed!.name)
})

test('the command line prints a table, ends with the status of the first failure, and refuses what means one product', async () => {
  const folder = temporaryFolder('dates cli')
  const base = join(folder, 'l1')
  const bad = join(base, basename(broken.whole))
  cpSync(broken.whole, bad, { recursive: true })
  rmSync(imageOf(bad, 'B04'))
  for (const name of [...readdirSync(bad, { recursive: true, encoding: 'utf8' }), '.'])
    utimesSync(join(bad, name), 1e9, 1e9)
  const args = ['l2a', base, '--out', join(folder, 'out'), '--aot', '0.15']
  const { exitCode, stdout } = await tilth(args)
  expect(exitCode).toBe(65)
  expect(stdout).toMatch(/PRODUCT_INCOMPLETE/)
  expect(stdout).toMatch(/^0 made, 0 there before, 0 skipped, 1 failed, in /m)
  for (const extra of [
    ['--layout', 'theia'],
    ['--previous', bad],
  ]) {
    const refused = await tilth([...args, ...extra])
    expect(refused.exitCode).toBe(64)
    expect(refused.stderr).toContain(`BAD_ARGUMENT: ${extra[0]!}`)
  }
  for (const extra of [
    ['--mode', 'backward'],
    ['--backward-dates', '3'],
  ]) {
    const refused = await tilth(['l2a', bad, '--out', join(folder, 'out'), ...extra])
    expect(refused.exitCode).toBe(64)
    expect(refused.stderr).toContain(`BAD_ARGUMENT: ${extra[0]!}`)
  }
  const file = join(folder, 'file')
  writeFileSync(file, '')
  const noFolder = await tilth(['l2a', base, '--out', file])
  expect(noFolder.exitCode).toBe(64)
  expect(noFolder.stderr).toContain('cannot be read as a folder')
})

test('the first date begins backward where enough follow, in archives and on a box too', async () => {
  const folder = temporaryFolder('dates backward')
  const into = join(folder, 'l2a')
  const names = readdirSync(season).filter((name) => name.endsWith('.zip'))
  expect(names).toHaveLength(1)
  cpSync(join(season, names[0]!), join(folder, 'l1', names[0]!))
  cpSync(join(season, 'a'), join(folder, 'l1'), { recursive: true })
  const dates = (await findDates(join(folder, 'l1'), unpacking))!
  const begin = async (parameters: object, more = {}) => {
    const { made, dates: outcomes } = await correctDates(dates, {
      ...{
        ...options,
        ...more,
        out: into,
        force: true,
        parameters: { ...options.parameters, ...parameters },
      },
    })
    expect(made).toBe(2)
    const [first, second] = outcomes.flatMap((date) => (date.outcome === 'made' ? [date] : []))
    return {
      modes: [first!.mode, second!.mode],
      notes: first!.notes.join('\n'),
      chain: reportOf(first!.folder).chain,
    }
  }
  // Eight are asked for by default, and one follows.
  expect((await begin({})).modes).toEqual(['init', 'nominal'])
  const whole = await begin({ backward_dates: 1 })
  expect(whole).toMatchObject({ modes: ['backward', 'nominal'], chain: { previous: null } })
  expect(whole.notes).toContain('Backward start: the ground is known from 1 following dates.')
  const onBox = await begin({ mode: 'backward' }, { bbox: [0.9, 43.6, 1.3, 43.9] })
  // By its name for every date, and nothing follows the last.
  expect(onBox).toMatchObject({ modes: ['backward', 'init'], chain: { previous: null } })
  expect(onBox.chain.known_share).toBeGreaterThan(0.5)
  expect(readdirSync(options.scratch)).toEqual([])

  const wish = { maxAgeDays: 15, otherOrbits: false, backwardDates: 2 }
  const scene = {
    satellite: 's2' as const,
    tile: '31TCJ',
    relativeOrbit: 51,
    sensedAt: '2025-05-05T10:50:00Z',
  }
  const asked = await chainInFolder(join(folder, 'none'), wish, scene, () => undefined, ['a', 'b', 'c'])
  expect(asked).toEqual({ previous: null, following: ['a', 'b'] })
})

test('an interrupt ends all dates and leaves nothing half-made', async () => {
  const controller = new AbortController()
  const into = join(home, 'interrupted')
  const cancelled = new Error('enough')
  await expect(
    run({
      out: into,
      signal: controller.signal,
      onProgress: () => {
        controller.abort(cancelled)
      },
    }),
  ).rejects.toBe(cancelled)
  expect(readdirSync(into)).toEqual([])
})

test('a product itself is no folder of dates; a double is told, the newer baseline taken; what is not L1 is passed over', async () => {
  expect(await findDates(broken.whole, unpacking)).toBeNull()
  expect(await findDates(join(home, 'not there'), unpacking)).toBeNull()
  const folder = temporaryFolder('doubles')
  const name = basename(broken.whole)
  const older = name.replace('_N0511_', '_N0400_').replace('.SAFE', '.zip')
  cpSync(broken.whole, join(folder, name), { recursive: true })
  writeFileSync(join(folder, older), 'never opened: its name tells enough')
  writeFileSync(join(folder, name.replace('_MSIL1C_', '_MSIL2A_').replace('.SAFE', '.zip')), '')
  notes.length = 0
  const found = await findDates(folder, unpacking)
  expect(found!.dates.map(({ path }) => basename(path))).toEqual([name])
  expect(found!.doubles.map(({ path }) => basename(path))).toEqual([older])
  expect(found!.broken).toEqual([])
  expect(notes.join('\n')).toContain('an L2A product, not L1')
})

test('the date before is the last one young enough, of the own orbit first, and of our own making', async () => {
  const folder = temporaryFolder('chain in folder')
  const make = (name: string) =>
    makeL2aProduct(folder, { name, size: 2, files: { 'B04_sre.tif': () => 1 }, mask: () => 0 })
  make('S2A_L2A_31TCJ_20250501T105000_R051')
  make('S2B_L2A_31TCJ_20250506T105000_R051')
  make('S2A_L2A_31TCJ_20250514T105000_R094')
  make('S2A_L2A_31TCJ_20250516T105000_R051_SEN2COR')
  make('S2A_L2A_31TDJ_20250516T105000_R051')
  make('S2A_L2A_31TCJ_20250521T105000_R051')
  mkdirSync(join(folder, 'S2A_L2A_31TCJ_20250515T105000_R051'))
  const scene = {
    ...{ satellite: 's2' as const, tile: '31TCJ', relativeOrbit: 51 },
    sensedAt: '2025-05-16T10:50:00Z',
  }
  const wish = { maxAgeDays: 15, otherOrbits: false, backwardDates: 8 }
  const told: string[] = []
  const ask = async (more: object, about = {}) =>
    (await chainInFolder(folder, { ...wish, ...more }, { ...scene, ...about }, (note) => told.push(note)))
      .previous
  const own = await ask({})
  expect(own).toMatchObject({ name: 'S2B_L2A_31TCJ_20250506T105000_R051', isOtherOrbit: false })
  expect(own!.history.map((path) => basename(path))).toEqual([
    'S2A_L2A_31TCJ_20250501T105000_R051',
    'S2B_L2A_31TCJ_20250506T105000_R051',
  ])
  expect(told.join()).toContain('_20250515T105000_R051 was passed over: PRODUCT_UNSUPPORTED')
  expect(await ask({ otherOrbits: true })).toMatchObject({ isOtherOrbit: false })
  expect(await ask({ maxAgeDays: 5 })).toBeNull()
  expect(await ask({ maxAgeDays: 5, otherOrbits: true })).toMatchObject({
    ...{ name: 'S2A_L2A_31TCJ_20250514T105000_R094', isOtherOrbit: true },
  })
  expect(await ask({ maxAgeDays: 0 })).toBeNull()
  expect(await ask({}, { satellite: 'landsat' })).toBeNull()
})
