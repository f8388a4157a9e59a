import { describe, expect, test } from 'vitest'
import { shippedModel } from '../../../bench/accuracy-measures.js'
import { ProcessingError } from '../../../src/domain/errors.js'
import type { AngleGrid, DetectorAngles } from '../../../src/domain/l1-scene.js'
import type { AtmosphereModel } from '../../../src/processors/l2a/atmosphere.js'
import {
  assertSunHighEnough,
  BandTable,
  MAX_SUN_ZENITH_DEG,
  NO_SLOT,
  type BandTableInput,
} from '../../../src/processors/l2a/band-table.js'
import {
  buildCoefficientPlanes,
  type CoefficientPlanes,
} from '../../../src/processors/l2a/coefficient-planes.js'

const [rows, cols] = [5, 4]
const grid = (
  zenith: (row: number, col: number) => number,
  azimuth: (row: number, col: number) => number,
): AngleGrid => ({
  ulx: 600000,
  uly: 5000040,
  stepXM: 5000,
  stepYM: 5000,
  rows,
  cols,
  zenith: Float64Array.from({ length: rows * cols }, (_, i) => zenith(Math.floor(i / cols), i % cols)),
  azimuth: Float64Array.from({ length: rows * cols }, (_, i) => azimuth(Math.floor(i / cols), i % cols)),
})
// Steeper than in a real image, so that a swapped cell differs by more than rounding; unlike along rows and columns.
const sun = grid(
  (r, c) => 30 + 2 * r + 0.7 * c,
  (r, c) => 150 + r - 2 * c,
)
/** Odd detectors look fore, even ones aft: the azimuth jumps by 150 degrees between neighbours. */
const detectors: DetectorAngles[] = [4, 5, 6].map((detector) => ({
  detector,
  validNodes: rows * cols,
  angles: grid(
    (r, c) => 3 + 0.5 * detector + 0.3 * c + 0.1 * r,
    (r) => (detector % 2 === 0 ? 105 : 255) + 3 * r,
  ),
}))
const air = { aot: 0.2, wv: 2, ozone: 300, aerosol: 'continental' as const }
const pressureNodesHpa = [850, 930, 1013]
/** Nodes of the atmosphere on the nodes of the angles, cells around them; every detector saw every cell. */
const nodeGrid = {
  ...{ epsg: 32631, ulx: 597500, uly: 5002540, pixelWidthM: 5000, pixelHeightM: 5000 },
  ...{ width: cols, height: rows },
}
const everywhere = (value: number) => new Float32Array(rows * cols).fill(value)
const seen = new Uint32Array(rows * cols).fill((1 << 4) | (1 << 5) | (1 << 6))
const tableOf = (over: Partial<BandTableInput> = {}, of: Partial<typeof air> = {}) => {
  const { aot, wv, ozone, aerosol } = { ...air, ...of }
  return new BandTable({
    ...{ model: shippedModel(), band: { id: 'B02', detectors }, sun, sensor: 'S2A', ozone, aerosol },
    axes: { pressureHpa: pressureNodesHpa, aot: [aot], wv: [wv] },
    withLegs: true,
    ...over,
  })
}
const build = (over: Partial<BandTableInput> = {}, of: Partial<typeof air> = {}) =>
  buildCoefficientPlanes({
    ...{
      table: tableOf(over, of),
      sun: over.sun ?? sun,
      sunCosine: 'applied',
      convergenceDeg: 0,
      isSloping: true,
      cells: nodeGrid,
      detectors: seen,
    },
    nodes: {
      grid: nodeGrid,
      aotIs: 'ground',
      aot: everywhere({ ...air, ...of }.aot),
      wv: everywhere({ ...air, ...of }.wv),
    },
  })

/** Surface reflectance at a node for a sensor reading of 0.12, straight from the model: what the plane must hold. */
function expectedAt(detector: number, pressureHpa: number, row: number, col: number): number {
  const view = detectors.find((d) => d.detector === detector)!.angles
  const i = row * cols + col
  const c = shippedModel().bandCoefficients({
    platform: 'S2A',
    band: 'B02',
    sunZenithDeg: sun.zenith[i]!,
    viewZenithDeg: view.zenith[i]!,
    relativeAzimuthDeg: sun.azimuth[i]! - view.azimuth[i]!,
    aot550: 0.2,
    wv: 2,
    ozone: 300,
    pressureHpa,
    aerosol: 'continental',
  })
  const y = (0.12 - c.gasPath) / (c.gasTransmittance * c.transmittance)
  return y / (1 + c.sphericalAlbedo * y)
}

/** The same as the kernel reads it: [slot][pressure][ny][nx][gain, path, albedo]. */
function heldAt(planes: CoefficientPlanes, slot: number, pressure: number, row: number, col: number): number {
  const at = (((slot * planes.pressureHpa.length + pressure) * planes.ny + row) * planes.nx + col) * 3
  const y = planes.data[at]! * 0.12 - planes.data[at + 1]!
  return y / (1 + planes.data[at + 2]! * y)
}

/** Nodes at which the model is asked: every second one and the last. Between them is interpolated. */
const ASKED = { rows: [0, 2, 4], cols: [0, 2, 3] }

/** Largest disagreement of planes with the model over all detectors, pressures and nodes at which it is asked. */
function worst(planes: CoefficientPlanes): number {
  let most = 0
  for (const { detector } of detectors)
    for (const [p, hpa] of pressureNodesHpa.entries())
      for (const row of ASKED.rows)
        for (const col of ASKED.cols)
          most = Math.max(
            most,
            Math.abs(
              heldAt(planes, planes.slots[detector]!, p, row, col) - expectedAt(detector, hpa, row, col),
            ),
          )
  return most
}

describe('coefficient planes', () => {
  test('hold at every node what the model says for that detector, pressure and geometry', () => {
    const planes = build()
    expect([planes.nx, planes.ny, planes.slotCount, planes.data.length]).toEqual([
      cols,
      rows,
      3,
      3 * 3 * rows * cols * 3,
    ])
    // Float32 keeps seven digits.
    expect(worst(planes)).toBeLessThan(2e-7)
  })

  test('name the slot of each detector, and none for the others', () => {
    const { slots } = build()
    expect(slots).toHaveLength(256)
    expect([slots[4], slots[5], slots[6]]).toEqual([0, 1, 2])
    expect([...slots].filter((slot) => slot !== NO_SLOT)).toHaveLength(3)
    expect(slots[0]).toBe(NO_SLOT)
  })

  test('sit on the nodes of the atmosphere', () => {
    expect(build()).toMatchObject({ ulx: 600000, uly: 5000040, stepXM: 5000, stepYM: 5000 })
  })

  test('are linear between the nodes of the angles at which the model is asked', () => {
    const planes = build()
    for (const row of [0, 2])
      for (let k = 0; k < 3; k++) {
        const at = (c: number) => {
          const value = planes.data[(row * cols + c) * 3 + k]!
          // The gain is the exponential of what is interpolated, and the path is multiplied by it.
          return k === 0 ? Math.log(value) : k === 1 ? value / planes.data[(row * cols + c) * 3]! : value
        }
        expect(at(1)).toBeCloseTo((at(0) + at(2)) / 2, 6)
      }
  })

  test('an AOT of sea level decreases with the altitude of each pressure', () => {
    const at = (aotIs: 'ground' | 'sea-level') =>
      buildCoefficientPlanes({
        ...{
          table: tableOf({ axes: { pressureHpa: pressureNodesHpa, aot: [0, 0.1, 0.2, 0.3], wv: [2] } }),
          sun,
        },
        ...{ sunCosine: 'applied', convergenceDeg: 0, isSloping: true, cells: nodeGrid, detectors: seen },
        nodes: { grid: nodeGrid, aotIs, aot: everywhere(0.2), wv: everywhere(2) },
      })
    const [sea, ground] = [at('sea-level'), at('ground')]
    const pathOf = (planes: CoefficientPlanes, p: number) => planes.data[p * rows * cols * 3 + 1]!
    // 1013 hPa is the sea, 850 hPa 1457 m.
    expect(pathOf(sea, 2)).toBeCloseTo(pathOf(ground, 2), 4)
    const thin = build({
      axes: { pressureHpa: pressureNodesHpa, aot: [0.2 * Math.exp(-1457 / 2000)], wv: [2] },
    })
    expect(pathOf(sea, 0)).toBeCloseTo(pathOf(thin, 0), 4)
    expect(pathOf(ground, 0) - pathOf(sea, 0)).toBeGreaterThan(0.003)
  })

  test('are made only around cells that a detector saw, and not at all for one that saw nothing', () => {
    const some = new Uint32Array(rows * cols)
    some[0] = 1 << 5
    const planes = buildCoefficientPlanes({
      ...{
        table: tableOf(),
        sun,
        sunCosine: 'applied',
        convergenceDeg: 0,
        isSloping: true,
        cells: nodeGrid,
        detectors: some,
      },
      nodes: { grid: nodeGrid, aotIs: 'ground', aot: everywhere(0.2), wv: everywhere(2) },
    })
    expect([planes.slotCount, planes.slots[5], planes.slots[4], planes.slots[6]]).toEqual([
      1,
      0,
      NO_SLOT,
      NO_SLOT,
    ])
    const made = Array.from({ length: rows * cols }, (_, i) => planes.data[i * 3]! > 0)
    expect(made.flatMap((is, i) => (is ? [i] : []))).toEqual([0, 1, cols, cols + 1])
  })

  test('would be found out with two detectors swapped', () => {
    const swapped = build({
      band: {
        id: 'B02',
        detectors: [detectors[1]!, detectors[0]!, detectors[2]!].map((d, i) => ({ ...d, detector: 4 + i })),
      },
    })
    expect(worst(swapped)).toBeGreaterThan(5e-4)
  })

  test('would be found out with two 5 km cells swapped', () => {
    const planes = build()
    const data = planes.data.slice()
    data.copyWithin(0, 6, 9)
    data.set(planes.data.subarray(0, 3), 6)
    expect(worst({ ...planes, data })).toBeGreaterThan(1e-4)
  })

  test('would be found out with rows and columns of the angles exchanged', () => {
    const transpose = (g: AngleGrid): AngleGrid => {
      const turn = (v: Float64Array) =>
        Float64Array.from({ length: v.length }, (_, i) => v[(i % rows) * cols + Math.floor(i / rows)]!)
      return { ...g, zenith: turn(g.zenith), azimuth: turn(g.azimuth) }
    }
    const turned = build({
      sun: transpose(sun),
      band: { id: 'B02', detectors: detectors.map((d) => ({ ...d, angles: transpose(d.angles) })) },
    })
    expect(worst(turned)).toBeGreaterThan(1e-4)
  })

  test('do not jump where an azimuth passes north', () => {
    const north = (azimuth: number) =>
      grid(
        () => 40,
        () => azimuth,
      )
    const at = (sunAzimuth: number) => build({ sun: north(sunAzimuth) }).data
    const [before, after] = [at(359.99), at(0.01)]
    for (const [i, value] of before.entries()) expect(Math.abs(value - after[i]!)).toBeLessThan(1e-5)
    expect(at(0).every((value, i) => Math.abs(value - at(360)[i]!) < 1e-6)).toBe(true)
  })

  test('are made by whatever model is given', () => {
    const clear: AtmosphereModel = {
      name: 'clear',
      bandCoefficients: () => ({
        pathReflectance: 0.1,
        rayleighReflectance: 0.1,
        gasPath: 0.1,
        transmittanceDown: 0.8,
        transmittanceUp: 0.5,
        transmittance: 0.4,
        directDown: 0.6,
        directUp: 0.4,
        opticalDepth: 0.3,
        sphericalAlbedo: 0.25,
        gasTransmittance: 0.5,
      }),
    }
    // gain 1 / (0.4 x 0.5) = 5; path 5 x 0.1 = 0.5.
    const planes = build({ model: clear })
    expect([...planes.data.subarray(0, 3)]).toEqual([5, 0.5, 0.25])
    // 0.5 of the ground's light reaches the sensor, 0.4 straight; 0.8 of the sun's the ground, 0.6 straight.
    expect(planes.legs?.[0]).toBeCloseTo(1.25, 6)
    expect(planes.legs?.[1]).toBeCloseTo(0.75, 6)
    expect(planes.legs).toHaveLength((planes.data.length / 3) * 2)
  })

  test('hold no infinity in B12, B08 or the blue for the wettest, haziest, highest case', () => {
    for (const id of ['B01', 'B08', 'B12'] as const) {
      const extreme = { aot: 2, wv: 8, ozone: 600 }
      const planes = build(
        {
          band: { id, detectors },
          sun: grid(
            (r) => 76 + 2 * r,
            () => 170,
          ),
          axes: { pressureHpa: [314, 1080], aot: [2], wv: [8] },
        },
        extreme,
      )
      expect(planes.data.every((value) => Number.isFinite(value) && value >= 0)).toBe(true)
    }
  })

  test('take the coefficients of the limit where only a corner lies beyond it', () => {
    const evening = grid(
      (r) => MAX_SUN_ZENITH_DEG - 2 + r,
      () => 170,
    )
    const planes = build({ sun: evening })
    const gain = (row: number) => planes.data[row * cols * 3]!
    expect(gain(4) / gain(2)).toBeCloseTo(1, 1)
    expect(gain(1)).not.toBe(gain(0))
  })
})

describe('what cannot be corrected', () => {
  const codeOf = (action: () => unknown) => {
    try {
      action()
    } catch (error) {
      return error instanceof ProcessingError ? error.code : error
    }
    return 'no error'
  }
  test('a sun below 10 degrees over the whole image is refused', () => {
    expect(
      codeOf(() => {
        assertSunHighEnough(
          grid(
            () => 80.5,
            () => 170,
          ),
        )
      }),
    ).toBe('SUN_TOO_LOW')
    expect(
      codeOf(() => {
        assertSunHighEnough(
          grid(
            (r) => (r === 0 ? 79 : 81),
            () => 170,
          ),
        )
      }),
    ).toBe('no error')
  })
  test('a view grid on other nodes than the sun is refused', () => {
    const shifted = detectors.map((d) => ({ ...d, angles: { ...d.angles, ulx: 0 } }))
    expect(codeOf(() => build({ band: { id: 'B02', detectors: shifted } }))).toBe('GRID_MISMATCH')
  })
  test('pressures that do not ascend are refused: the kernel would look between the wrong two', () => {
    for (const nodes of [[...pressureNodesHpa].reverse(), [900, 900], []])
      expect(codeOf(() => build({ axes: { pressureHpa: nodes, aot: [0.2], wv: [2] } }))).toBe('INTERNAL')
  })
  test('an angle that is no number, or a band without detectors, is refused', () => {
    const holed = detectors.map((d) => ({
      ...d,
      angles: { ...d.angles, zenith: d.angles.zenith.map((z, i) => (i === 8 ? NaN : z)) },
    }))
    expect(codeOf(() => build({ band: { id: 'B02', detectors: holed } }))).toBe('METADATA_INVALID')
    expect(codeOf(() => build({ band: { id: 'B02', detectors: [] } }))).toBe('METADATA_INVALID')
  })
})
