import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ChainState } from '../../../src/processors/l2a/chain-state.js'
import { emptyState } from '../../../src/processors/l2a/chain-state.js'
import { shippedModel } from '../../../bench/accuracy-measures.js'
import { AEROSOL_MODELS } from '../../../src/domain/aerosol-mix.js'
import { COST_AOT, COST_SIZE, leastCost } from '../../../src/processors/l2a/aot-cost.js'
import { findAtmosphere } from '../../../src/processors/l2a/find-atmosphere.js'
import type { AtmosphereRequest } from '../../../src/processors/l2a/found-atmosphere.js'
import { cellsGrid, LOOK, sceneOf, vegetation, type Ground } from './air-scene.js'

const request = (
  made: ReturnType<typeof sceneOf>,
  over: Partial<AtmosphereRequest> = {},
): AtmosphereRequest => ({
  ...{ model: shippedModel(), ...made, nodesHpa: [made.pressureHpa[0]!] },
  params: { aot: 'auto', wv: 'auto', ozone: 300, aerosol: 'continental', adjacency: false },
  auxiliary: { aot: null, wv: null, ozone: null, aerosol: null },
  ...{ state: null, day: 20_000, isCovered: new Uint8Array(made.pressureHpa.length) },
  ...over,
})
/** Vegetation of red 0.02 to 0.05 in a pattern. */
const mixed = (i: number): Ground => vegetation(0.02 + (0.03 * ((i * 7) % 11)) / 10)
const SIDE = 24

describe('closed loop', () => {
  test.each([0.05, 0.1, 0.2, 0.3, 0.4, 0.6])(
    'dark vegetation under an AOT of %d: within 0.03 and a twentieth',
    (aot) => {
      for (const sunZenithDeg of [25, 40, 60])
        for (const altitudeM of [0, 1200]) {
          const look = { ...LOOK, sunZenithDeg }
          const made = sceneOf(cellsGrid(SIDE), mixed, () => ({ aot, wv: 2 }), { look, altitudeM })
          const found = findAtmosphere(request(made))
          expect(found.origins).toMatchObject({ aot: 'image', wv: 'image' })
          for (const value of found.nodes.aot) expect(Math.abs(value - aot)).toBeLessThan(0.03 + 0.05 * aot)
          // Above the ground there is less of it.
          expect(found.air.aot[0]! / found.nodes.aot[0]!).toBeCloseTo(Math.exp(-altitudeM / 2000), 3)
          expect(Math.max(...found.isDefault)).toBe(0)
        }
    },
  )

  test('AOT that changes over the image is followed', () => {
    const width = 60
    const at = (i: number) => 0.1 + 0.3 * ((i % width) / width)
    const made = sceneOf(cellsGrid(width, 30), mixed, (i) => ({ aot: Math.round(at(i) * 100) / 100, wv: 2 }))
    const { air } = findAtmosphere(request(made))
    for (const i of [15 * width + 12, 15 * width + 30, 15 * width + 48])
      expect(Math.abs(air.aot[i]! - at(i))).toBeLessThan(0.03)
  })

  test('Landsat finds it too; its vapour is the default, and says so', () => {
    const ids = ['B01', 'B02', 'B03', 'B04', 'B05', 'B06', 'B07']
    const made = sceneOf(cellsGrid(SIDE), mixed, () => ({ aot: 0.25, wv: 2 }), { satellite: 'landsat', ids })
    const found = findAtmosphere(request(made))
    expect(found.origins).toMatchObject({ aot: 'image', wv: 'default' })
    for (const value of found.nodes.aot) expect(Math.abs(value - 0.25)).toBeLessThan(0.04)
    expect(Math.min(...found.isDefault)).toBe(1)
  })

  test('of several aerosols the one that was there counts most', () => {
    for (const aerosol of ['continental', 'maritime'] as const) {
      const made = sceneOf(cellsGrid(SIDE), mixed, () => ({ aot: 0.4, wv: 2, aerosol }))
      const params = { aot: 'auto', wv: 'auto', ozone: 300, aerosol: 'auto', adjacency: false } as const
      const found = findAtmosphere(request(made, { params }))
      const most = Math.max(...found.weights.values())
      expect(found.weights.get(aerosol), found.aerosol).toBe(most)
      expect(found.aerosol).toContain(aerosol)
      const mean = found.air.aot.reduce((sum, value) => sum + value, 0) / found.air.aot.length
      expect(Math.abs(mean - 0.4), found.aerosol).toBeLessThan(0.04)
      expect(Object.keys(found.residuals)).toEqual([...AEROSOL_MODELS])
    }
  })

  test('water vapour is looked for again under the aerosol that was found', () => {
    const made = sceneOf(cellsGrid(SIDE), mixed, () => ({ aot: 0.4, wv: 3, aerosol: 'maritime' }))
    const params = { aot: 'auto', wv: 'auto', ozone: 300, aerosol: 'maritime', adjacency: false } as const
    const { air, origins } = findAtmosphere(request(made, { params }))
    expect(origins.wv).toBe('image')
    const mean = air.wv.reduce((sum, value) => sum + value, 0) / air.wv.length
    expect(Math.abs(mean / 3 - 1)).toBeLessThan(0.01)
  })

  test('bare ground that the chain knows tells AOT where vegetation does not', () => {
    const soil = (i: number): Ground => {
      const red = 0.12 + 0.004 * (i % 5)
      const bright = {
        B01: 0.6 * red,
        B02: 0.7 * red,
        B03: 0.9 * red,
        B04: red,
        B8A: 1.4 * red,
        B09: 1.4 * red,
      }
      return { ...bright, B11: 2 * red, B12: 1.8 * red }
    }
    const grid = cellsGrid(SIDE)
    const made = sceneOf(grid, soil, () => ({ aot: 0.3, wv: 2 }))
    const alone = findAtmosphere(request(made))
    const state: ChainState = emptyState(grid)
    for (let i = 0; i < SIDE * SIDE; i++) {
      state.days[i] = 19_990
      const ids = { blue: 'B02', green: 'B03', red: 'B04', nir: 'B8A', swir16: 'B11' } as const
      for (const [band, id] of Object.entries(ids) as [keyof typeof ids, string][])
        state.bands[band][i] = Math.round(10_000 * soil(i)[id]!)
    }
    const known = findAtmosphere(request(made, { state }))
    expect(alone.origins.aot).toBe('default')
    expect(known.origins.aot).toBe('image')
    for (const value of known.nodes.aot) expect(Math.abs(value - 0.3)).toBeLessThan(0.045)
  })
})

describe('light from beside', () => {
  const side = 36
  const grid = cellsGrid(side)
  // Woods of 1.4 km in ripe fields, which are five times as bright in the blue.
  const fields: Ground = {
    B01: 0.06,
    B02: 0.08,
    B03: 0.11,
    B04: 0.15,
    B8A: 0.2,
    B09: 0.2,
    B11: 0.3,
    B12: 0.26,
  }
  const isWood = (i: number) => (Math.floor((i % side) / 6) + Math.floor(i / side / 6)) % 2 === 0
  const landscape = (i: number) => (isWood(i) ? vegetation(0.022) : fields)
  const made = (altitudeM: number) =>
    sceneOf(grid, landscape, () => ({ aot: 0.3, wv: 2 }), { isLitFromBeside: true, altitudeM })
  const params = { aot: 'auto', wv: 'auto', ozone: 300, aerosol: 'continental' } as const
  const meanAot = (over: Partial<AtmosphereRequest>, altitudeM: number) => {
    const { aot } = findAtmosphere(request(made(altitudeM), over)).nodes
    return aot.reduce((sum, value) => sum + value, 0) / aot.length
  }

  test.each([0, 1200])(
    'is no haze where it is taken off, and is where it is not (ground at %d m)',
    (altitudeM) => {
      const on = meanAot({ params: { ...params, adjacency: true } }, altitudeM)
      expect(Math.abs(on - 0.3)).toBeLessThan(0.01)
      expect(meanAot({ params: { ...params, adjacency: false } }, altitudeM)).toBeGreaterThan(0.33)
    },
  )

  test('is taken off ground that the chain knows without it', () => {
    const state: ChainState = emptyState(grid)
    const ids = { blue: 'B02', green: 'B03', red: 'B04', nir: 'B8A', swir16: 'B11' } as const
    for (let i = 0; i < side * side; i++) {
      state.days[i] = 19_990
      for (const [band, id] of Object.entries(ids) as [keyof typeof ids, string][])
        state.bands[band][i] = Math.round(10_000 * landscape(i)[id]!)
    }
    expect(Math.abs(meanAot({ state, params: { ...params, adjacency: true } }, 0) - 0.3)).toBeLessThan(0.01)
    expect(meanAot({ state, params: { ...params, adjacency: false } }, 0)).toBeGreaterThan(0.32)
  })
})

describe('what cannot be found, each with its value and flag', () => {
  const everyCell = (of: (i: number) => Ground) => sceneOf(cellsGrid(SIDE), of, () => ({ aot: 0.3, wv: 1.2 }))
  const all = (values: ArrayLike<number>) => [...new Set(Array.from(values))]
  const isDefaultAllOver = (made: ReturnType<typeof sceneOf>, over: Partial<AtmosphereRequest> = {}) => {
    const found = findAtmosphere(request(made, over))
    expect(found.origins.aot).toBe('default')
    expect(all(found.nodes.aot)).toEqual([Math.fround(0.1)])
    expect(all(found.isDefault)).toEqual([1])
    expect(Array.from(found.nodes.wv).every(Number.isFinite)).toBe(true)
    return found
  }

  test('no data', () => {
    const found = isDefaultAllOver(everyCell(() => ({})))
    expect(found.origins.wv).toBe('default')
    expect(all(found.flags)).toEqual([0])
  })
  test('all cloud, by the image or by a mask', () => {
    const cloud = () => ({ B01: 0.7, B02: 0.7, B03: 0.7, B04: 0.7, B8A: 0.75, B09: 0.75, B11: 0.5, B12: 0.4 })
    expect(Math.min(...isDefaultAllOver(everyCell(cloud)).flags)).toBeGreaterThan(0)
    isDefaultAllOver(everyCell(mixed), { isCovered: new Uint8Array(SIDE * SIDE).fill(1) })
  })
  test('all water', () => {
    isDefaultAllOver(
      everyCell(() => ({
        B01: 0.04,
        B02: 0.04,
        B03: 0.03,
        B04: 0.02,
        B8A: 0.01,
        B09: 0.01,
        B11: 0.005,
        B12: 0.003,
      })),
    )
  })
  test('saturated snow', () => {
    const made = everyCell(() => ({
      B01: 1,
      B02: 1,
      B03: 1,
      B04: 1,
      B8A: 0.9,
      B09: 0.8,
      B11: 0.1,
      B12: 0.05,
    }))
    for (const id of ['B02', 'B03', 'B04']) made.cells.bands.get(id)!.isSaturated.fill(1)
    isDefaultAllOver(made)
  })
  test('no blue band at all', () => {
    isDefaultAllOver(
      sceneOf(cellsGrid(SIDE), mixed, () => ({ aot: 0.3, wv: 2 }), { ids: ['B03', 'B04', 'B8A', 'B11'] }),
    )
  })
  test('B09 missing: AOT is found, vapour is that of the forecast, else the default', () => {
    const ids = ['B01', 'B02', 'B03', 'B04', 'B8A', 'B11', 'B12']
    const made = sceneOf(cellsGrid(SIDE), mixed, () => ({ aot: 0.2, wv: 2 }), { ids })
    const bare = findAtmosphere(request(made))
    expect(bare.origins).toMatchObject({ aot: 'image', wv: 'default' })
    const helped = findAtmosphere(
      request(made, { auxiliary: { aot: null, wv: 1.3, ozone: 280, aerosol: null } }),
    )
    expect(helped.origins.wv).toBe('auxiliary')
    expect(all(helped.nodes.wv)).toEqual([Math.fround(1.3)])
    expect(all(helped.isDefault)).toEqual([1])
  })
  test('holes in one band leave AOT to their surroundings', () => {
    const made = everyCell((i) => (i % 5 === 0 ? { ...mixed(i), B02: NaN } : mixed(i)))
    const found = findAtmosphere(request(made))
    expect(found.origins.aot).toBe('image')
    for (const value of found.nodes.aot) expect(Math.abs(value - 0.3)).toBeLessThan(0.045)
  })
  test('one valid corner of a large image: far from it the same AOT, flagged', () => {
    const width = 90
    const made = sceneOf(
      cellsGrid(width),
      (i) => (i % width < 9 && i < 9 * width ? mixed(i) : {}),
      () => ({ aot: 0.3, wv: 2 }),
    )
    const found = findAtmosphere(request(made))
    expect(found.origins.aot).toBe('image')
    expect([found.isDefault[0], found.isDefault.at(-1)]).toEqual([0, 1])
    for (const value of found.nodes.aot) expect(Math.abs(value - 0.3)).toBeLessThan(0.045)
  })
  test('what is imposed is taken as it is, above all ground alike, and flagged', () => {
    const made = sceneOf(cellsGrid(SIDE), mixed, () => ({ aot: 0.3, wv: 2 }), { altitudeM: 1000 })
    const params = { aot: 0.7, wv: 4, ozone: 350, aerosol: 'maritime', adjacency: false } as const
    const found = findAtmosphere(
      request(made, { params, auxiliary: { aot: 0.2, wv: 1, ozone: 200, aerosol: null } }),
    )
    expect([all(found.air.aot), all(found.nodes.wv), found.ozone, found.aerosol]).toEqual([
      [Math.fround(0.7)],
      [4],
      350,
      'maritime',
    ])
    expect([...new Set(Object.values(found.origins))]).toEqual(['parameter'])
    expect(all(found.isDefault)).toEqual([1])
  })
  test('where the image says nothing, a forecast goes before the default', () => {
    const found = findAtmosphere(
      request(
        everyCell(() => ({})),
        { auxiliary: { aot: 0.27, wv: 1.1, ozone: 260, aerosol: null } },
      ),
    )
    expect([found.origins.aot, found.origins.wv]).toEqual(['auxiliary', 'auxiliary'])
    expect(all(found.nodes.aot)).toEqual([Math.fround(0.27)])
  })
})

test('the least of a cost is where a fine search finds it', () => {
  const n = COST_AOT.length
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: -0.1, max: 0.1, noNaN: true }), { minLength: n, maxLength: n }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (residuals, prior) => {
        const cost = new Float64Array(COST_SIZE)
        residuals.forEach((r, k) => {
          cost[k] = r * r
          if (k > 0) cost[n + k - 1] = (r - residuals[k - 1]!) ** 2
        })
        const given = { value: prior, weight: 0.01 }
        const least = leastCost(cost, 0.01, 1.7, given)
        let fine = Infinity
        for (let k = 0; k + 1 < n; k++)
          for (let t = 0; t <= 1; t += 0.01) {
            const aot = COST_AOT[k]! + t * (COST_AOT[k + 1]! - COST_AOT[k]!)
            if (aot < 0.01 || aot > 1.7) continue
            const r = residuals[k]! + t * (residuals[k + 1]! - residuals[k]!)
            fine = Math.min(fine, r * r + 0.01 * (aot - prior) ** 2)
          }
        expect(least.cost).toBeLessThanOrEqual(fine + 1e-12)
        expect(least.cost).toBeGreaterThan(fine - 2e-4)
        expect(least.aot).toBeGreaterThanOrEqual(0.01)
        expect(least.aot).toBeLessThanOrEqual(1.7)
      },
    ),
  )
})
