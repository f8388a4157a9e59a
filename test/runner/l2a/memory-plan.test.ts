import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { memoryNeededMb, type MemoryLoad } from '../../../src/domain/l2a-memory.js'
import { l2a } from '../../../src/processors/l2a/definition.js'
import { readL1Scene } from '../../../src/products/read-l1-scene.js'
import { runL2aStep } from '../../../src/runner/l2a-step.js'
import { LiveBudget } from '../../../src/runner/live-budget.js'
import { cappedBudget, memoryLoadOf, planMemory, shapeFor } from '../../../src/runner/l2a/memory-plan.js'
import { simulateL1c } from '../../../src/simulator/simulate-l1c.js'
import { temporaryFolder } from '../../support/cli.js'
import { correctProduct } from '../../support/correct-product.js'
import { stepContext } from '../../support/step-context.js'

const home = temporaryFolder('memory plan')
/** Nothing but level ground. */
const plain: MemoryLoad = {
  ...{ megapixels: 42, maskMegacells: 1.9, maskBands: 7, layers: 0 },
  ...{
    hasDem: false,
    isUncertain: false,
    hasAdjacency: false,
    coregisteredMegapixels: 0,
    resampled: { width: 0, megapixels: 0 },
  },
}

describe('the model', () => {
  test('by hand: 42 million pixels, one thread, blocks of 512', () => {
    // 230 program, 1.9e6 x 7 x 9 / 2^20 = 114.2 cells, 378 streamed, 12.6 flags, 70 the thread, 2 blocks of 512^2 x 20 / 2^20 = 5: 814.8, and a tenth.
    expect(memoryNeededMb(plain, { threads: 1, blockSize: 512 })).toBe(897)
  })

  test('a whole Landsat scene, and its part on a tile of another zone, need no more than is told', () => {
    const landsat = { ...plain, layers: 1, hasDem: true, hasAdjacency: true }
    const [shape, pixels] = [{ threads: 2, blockSize: 1024 }, (7811 * 7901) / 1e6]
    // Peaks with two threads, a DEM and light from beside, MiB: of `tilth bench l2a --landsat`.
    const whole = { ...landsat, megapixels: 8 * pixels, maskMegacells: pixels / 4 }
    expect(memoryNeededMb(whole, shape)).toBeGreaterThan(4389)
    const tile = 3660 ** 2 / 1e6
    const resampled = { width: 7811, megapixels: tile }
    const part = { ...landsat, megapixels: 8 * tile, maskMegacells: tile / 4, resampled }
    expect(memoryNeededMb(part, shape)).toBeGreaterThan(1526)
  })

  test('whatever is asked for besides, more threads and larger blocks need more', () => {
    const shape = { threads: 2, blockSize: 1024 }
    const needed = memoryNeededMb(plain, shape)
    for (const more of [
      { layers: 1 },
      { hasDem: true },
      { isUncertain: true },
      { hasAdjacency: true },
      { coregisteredMegapixels: 7.5 },
      { resampled: { width: 7800, megapixels: 13.4 } },
      { megapixels: 300 },
      { maskMegacells: 15 },
    ])
      expect(memoryNeededMb({ ...plain, ...more }, shape), JSON.stringify(more)).toBeGreaterThan(needed)
    expect(memoryNeededMb(plain, { ...shape, threads: 3 })).toBeGreaterThan(needed)
    expect(memoryNeededMb(plain, { ...shape, blockSize: 1536 })).toBeGreaterThan(needed)
  })

  test('a plan fits, wants no more than was wanted, and has no room for another thread', () => {
    const memory = fc.integer({ min: 900, max: 4000 })
    const wanted = fc.record({
      threads: fc.integer({ min: 1, max: 8 }),
      blockSize: fc.integer({ min: 1, max: 6 }).map((tiles) => tiles * 512),
    })
    fc.assert(
      fc.property(wanted, memory, (wish, mb) => {
        const plan = planMemory(plain, wish, mb)
        expect(memoryNeededMb(plain, plan)).toBeLessThanOrEqual(mb)
        expect(plan.threads).toBeLessThanOrEqual(wish.threads)
        expect(plan.blockSize).toBeLessThanOrEqual(wish.blockSize)
        expect(plan.blockSize % 512).toBe(0)
        if (plan.threads < wish.threads)
          expect(memoryNeededMb(plain, { threads: plan.threads + 1, blockSize: 512 })).toBeGreaterThan(mb)
      }),
    )
  })

  test('too little for one thread is MEMORY_TOO_SMALL, which says how much is needed', () => {
    expect(() => planMemory(plain, { threads: 4, blockSize: 1024 }, 896)).toThrow(
      expect.objectContaining({
        code: 'MEMORY_TOO_SMALL',
        message: expect.stringContaining('897 MiB') as string,
      }),
    )
    expect(planMemory(plain, { threads: 4, blockSize: 1024 }, 897)).toEqual({ threads: 1, blockSize: 512 })
  })

  test('a capped budget tells its changes, and never more than its cap', () => {
    const budget = new LiveBudget(1)
    const capped = cappedBudget(budget, 2)
    const told: number[] = []
    const stop = capped.onChange((threads) => told.push(threads))
    for (const threads of [2, 5, 1]) budget.set(threads)
    expect([told, capped.value]).toEqual([[2, 2, 1], 1])
    stop()
    budget.set(2)
    expect(told).toHaveLength(3)
  })
})

describe('a scene of 610 x 610 pixels', () => {
  let safe: string
  const rasters = (folder: string) =>
    readdirSync(folder)
      .filter((name) => name.endsWith('.tif'))
      .map(
        (name) =>
          `${name} ${createHash('sha256')
            .update(readFileSync(join(folder, name)))
            .digest('hex')}`,
      )
  const threadsOf = (folder: string) =>
    (JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8')) as { resources: { threads: number } })
      .resources.threads
  beforeAll(async () => {
    const made = await simulateL1c({
      ...{ tile: '31TCJ', date: '2025-06-02', pixelSizeM: 180, seed: 3, baseline: '05.11' },
      ...{ outDir: join(home, 'l1'), withTci: false },
    })
    safe = made.safePath
  })

  test('has the same bytes with the least memory and with as much as it likes', async () => {
    const load = memoryLoadOf(await readL1Scene(safe), l2a.params.parse({}))
    // Four bands of 610 x 610, six of 305 x 305 and three of 102 x 102 pixels of 180, 360 and 1080 m; cells are 360 m.
    expect(load).toMatchObject({ layers: 0, hasDem: false, coregisteredMegapixels: 0, maskBands: 7 })
    expect(load.megapixels).toBeCloseTo((4 * 610 ** 2 + 6 * 305 ** 2 + 3 * 102 ** 2) / 1e6, 3)
    const least = memoryNeededMb(load, { threads: 1, blockSize: 512 })
    const small = await correctProduct(home, safe, 'small', { memoryMb: least, threads: 3 })
    const large = await correctProduct(home, safe, 'large', { memoryMb: 4000, threads: 3 })
    expect([threadsOf(small.folder), threadsOf(large.folder)]).toEqual([1, 3])
    expect(rasters(small.folder)).toEqual(rasters(large.folder))
    await expect(correctProduct(home, safe, 'none', { memoryMb: least - 1 })).rejects.toMatchObject({
      code: 'MEMORY_TOO_SMALL',
    })
    expect(readdirSync(join(home, 'none'))).toEqual([])
  })

  test('a step whose memory an operator has set keeps to it, however many threads it is given', async () => {
    const scene = await readL1Scene(safe)
    const params = l2a.params.parse({})
    const budget = new LiveBudget(1)
    const memoryMb = memoryNeededMb(memoryLoadOf(scene, params), { threads: 2, blockSize: 1024 })
    const { threads, blockSize } = shapeFor(scene, { memoryMb, params, threads: budget, blockSize: 1024 })
    expect([threads.value, blockSize]).toEqual([1, 1024])
    budget.set(9)
    expect(threads.value).toBe(2)
    const stagingDir = join(home, 'staging')
    mkdirSync(stagingDir)
    const { products } = await runL2aStep(
      stepContext({
        ...{ processor: 'l2a', params: { acquisition_id: 1, input: 'l1:x' }, stagingDir, memoryMb },
        ...{ resolvePath: () => safe, threads: { value: 9, onChange: () => () => undefined } },
      }),
    )
    expect(threadsOf(products[0]?.folder ?? '')).toBe(2)
  })

  test('what is not planned is refused with it', async () => {
    for (const more of [{ layout: 'hls' as const }, { parameters: { engine: 'maja' } }])
      await expect(correctProduct(home, safe, 'refused', { memoryMb: 2000, ...more })).rejects.toMatchObject({
        code: 'BAD_ARGUMENT',
        message: expect.stringContaining('2000') as string,
      })
  })
})
