import { execa } from 'execa'
import { existsSync, readdirSync, rmSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { programRoot, temporaryFolder, tilth } from '../support/cli.js'
import { COARSE, FINE, NONE, makeComposite, makeDate, nameAt, reportOf } from '../support/composites.js'
import { readPixels, type InventedL2a } from '../support/l2a-product.js'

const home = temporaryFolder('composite')
const make = (inputs: readonly string[], out: string, more: Parameters<typeof makeComposite>[2] = {}) =>
  makeComposite(inputs, join(home, out), more)
const date = (parent: string, ...rest: Tail<Parameters<typeof makeDate>>) =>
  makeDate(join(home, parent), ...rest)
type Tail<T extends readonly unknown[]> = T extends readonly [unknown, ...infer R] ? R : never

describe('inputs that do not fit', () => {
  const one = (parent: string, name = nameAt('20250615T105031'), more: Partial<InventedL2a> = {}) =>
    date(
      parent,
      name,
      40,
      () => 1000,
      () => 0,
      more,
    )

  test('a missing band, a cut image and a torn block are named, and nothing is left', async () => {
    const good = one('bad', nameAt('20250610T105031'))
    const lacking = one('bad', nameAt('20250611T105031'))
    rmSync(join(lacking, 'B11_sre.tif'))
    await expect(make([good, lacking], 'bad-out')).rejects.toMatchObject({ code: 'PRODUCT_INCOMPLETE' })
    await expect(make([good, lacking], 'bad-out')).rejects.toThrow(
      /20250611T105031_R051\/B11_sre\.tif' is missing/,
    )
    const cut = one('bad', nameAt('20250612T105031'))
    truncateSync(join(cut, 'MASK.tif'), 200)
    await expect(make([good, cut], 'bad-out')).rejects.toThrow(
      /20250612T105031_R051\/MASK\.tif' has 200 bytes/,
    )
    const { 'B02_sre.tif': blue, ...others } = Object.fromEntries(
      [...FINE, ...COARSE].map((band) => [`${band}_sre.tif`, () => 1]),
    )
    expect(blue).toBeDefined()
    const without = one('bad', nameAt('20250613T105031'), { files: others })
    await expect(make([good, without], 'bad-out')).rejects.toThrow(/B02 missing; it has/)
    expect(readdirSync(join(home, 'bad-out'))).toEqual([])
  })

  test('another tile, the same product twice, another maker, another grid, no date in the window, no data at all', async () => {
    const good = one('fit')
    const refused = async (inputs: readonly string[], code: string, message: RegExp) => {
      await expect(make(inputs, 'fit-out')).rejects.toMatchObject({ code })
      await expect(make(inputs, 'fit-out')).rejects.toThrow(message)
    }
    await refused(
      [good, one('fit', 'S2A_L2A_31TDJ_20250615T105031_R051')],
      'BAD_ARGUMENT',
      /one of tile 31TCJ|one of tile 31TDJ/,
    )
    await refused([good, good], 'BAD_ARGUMENT', /is there twice/)
    await refused(
      [good, one('fit', `${nameAt('20250615T105031')}_MAJA`)],
      'BAD_ARGUMENT',
      /another processor/,
    )
    await refused(
      [
        good,
        date(
          'fit',
          nameAt('20250616T105031'),
          44,
          () => 1,
          () => 0,
        ),
      ],
      'GRID_MISMATCH',
      /44 x 44/,
    )
    await refused(
      [one('fit', nameAt('20240615T105031'))],
      'BAD_ARGUMENT',
      /from 2025-05-21T12:00:00\.000Z to 2025-07-10T12:00:00\.000Z, found 0 of 1/,
    )
    await refused(
      [
        date(
          'fit',
          nameAt('20250617T105031'),
          40,
          () => -32768,
          () => NONE,
        ),
      ],
      'NO_VALID_PIXEL',
      /has data in any of 1/,
    )
    expect(readdirSync(join(home, 'fit-out'))).toEqual([])
  })

  test('slope-corrected reflectance is taken where every date has it; where no kind is common, that is said', async () => {
    const both = Object.fromEntries(
      [...FINE, ...COARSE].flatMap((band) => [
        [`${band}_sre.tif`, (): number => 100],
        [`${band}_fre.tif`, (): number => 300],
      ]),
    )
    const fre = Object.fromEntries([...FINE, ...COARSE].map((band) => [`${band}_fre.tif`, (): number => 300]))
    const a = one('kinds', nameAt('20250614T120000'), { files: both })
    const b = one('kinds', nameAt('20250616T120000'), { files: both })
    const onlySre = one('kinds', nameAt('20250615T120000'))
    const onlyFre = one('kinds', nameAt('20250613T120000'), { files: fre })
    const of = async (inputs: string[], out: string) => {
      const { folder } = await make(inputs, out)
      return [reportOf(folder).flags[0], readPixels(join(folder, 'B05.tif')).pixels[0]]
    }
    expect(await of([a, b], 'k1')).toEqual(['fre', 300])
    const flat = await of([a, b, onlySre], 'k2')
    expect(flat[0]).toBe('sre')
    expect(flat[1]).toBeGreaterThan(100)
    expect((await of([onlySre, onlyFre], 'k3'))[0]).toBe('mixed_reflectance')
  })
})

test('a process that is killed half-way leaves no product, and the next one makes it', async () => {
  const inputs = ['20250610T105031', '20250612T105031', '20250614T105031'].map((time) =>
    date(
      'killed',
      nameAt(time),
      1600,
      (x, y) => (x * 7 + y * 13) % 5000,
      () => 0,
    ),
  )
  const out = join(home, 'killed-out')
  const args = ['composite', ...inputs, '--date', '2025-06-12', '--out', out, '--threads', '1']
  const child = execa(process.execPath, [join(programRoot, 'dist/src/cli/main.js'), ...args], {
    reject: false,
    env: { TILTH_ROOT: programRoot },
  })
  // Killed as soon as anything is written: no file of the product has its final name then.
  while (
    !existsSync(out) ||
    !readdirSync(out, { recursive: true }).some((name) => String(name).includes('.tif'))
  ) {
    expect(child.exitCode ?? null).toBeNull()
    await wait(10)
  }
  child.kill('SIGKILL')
  expect((await child).signal).toBe('SIGKILL')
  expect(readdirSync(out).filter((name) => !name.startsWith('.staging-'))).toEqual([])
  const again = await tilth([...args, '--quiet'])
  expect(again.exitCode, again.stderr).toBe(0)
  expect(readdirSync(out).filter((name) => !name.startsWith('.'))).toEqual([
    'S2_L3A_31TCJ_20250612T120000_H025',
  ])
})
