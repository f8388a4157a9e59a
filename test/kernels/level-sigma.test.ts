import { describe, expect, test } from 'vitest'
import { correctReflectance, REFLECTANCE_NO_DATA, slotTable } from '../../src/kernels/correct-reflectance.js'
import { SLOPE_SCALE } from '../../src/kernels/ground.js'
import { levelSigma, type UnsureTerrain } from '../../src/kernels/level-sigma.js'
import { direction } from '../../src/processors/l2a/sun-direction.js'

const axes = { x0: 0, dx: 0.01, y0: 0, dy: 0.01 }
const [sun, view] = [direction(50, 140, 0), direction(8, 290, 0)]
const towards = [sun.east, sun.north, view.east, view.north]
const DIRECT = 0.8
const four = <T>(values: readonly T[]) => [...values, ...values, ...values, ...values]
const nodes = { slots: slotTable([3]), slotCount: 1, rows: 2, columns: 2, axes }
const light = Float32Array.from(four([DIRECT, ...towards]))

interface Ground {
  /** Slopes. */
  readonly p: number
  readonly q: number
  readonly canopy?: 0 | 1
  readonly hidden?: 0 | 1
}

const terrainOf = ({ p, q, canopy = 0, hidden = 0 }: Ground, deviation: number): UnsureTerrain => ({
  ...{ rows: 2, columns: 2, axes, canopy },
  east: new Int16Array(4).fill(Math.round(p * SLOPE_SCALE)),
  north: new Int16Array(4).fill(Math.round(q * SLOPE_SCALE)),
  hidden: new Uint8Array(4).fill(hidden),
  smoothness: new Uint8Array(4).fill(100),
  variances: new Float64Array(256).fill(NaN).fill(deviation ** 2, 100, 101),
})

/** One pixel of detector 3 whose flat-ground reflectance is `rho`, through the kernel that makes `fre`. */
function levelled(ground: Ground, rho: number): { readonly pixels: Int16Array; readonly level: Int16Array } {
  const [pixels, level] = [new Int16Array(1), new Int16Array(1)]
  correctReflectance({
    window: { x: 10, y: 20, width: 1, height: 1 },
    dn: Uint16Array.of(rho * 10_000),
    detector: Uint8Array.of(3),
    table: {
      ...{ slotOfDetector: slotTable([3]), slots: 1, rows: 2, columns: 2, axes },
      coefficients: Float32Array.from(four([1, 0, 0])),
      nodeHpa: Float32Array.of(1013),
      legs: Float32Array.from(four([1, DIRECT])),
      directions: Float32Array.from(four(towards)),
    },
    terrain: terrainOf(ground, 0),
    ...{ flat: level, offset: 0, quantification: 10_000, out: pixels, flags: new Uint8Array(1) },
  })
  return { pixels, level }
}

function sigmaOf(ground: Ground, rho: number, { sigma, deviation }: { sigma: number; deviation: number }) {
  const out = new Int16Array(1)
  levelSigma({
    ...levelled(ground, rho),
    ...{
      sigma: Int16Array.of(sigma),
      detector: Uint8Array.of(3),
      noData: REFLECTANCE_NO_DATA,
      nodes,
      light,
      out,
    },
    window: { x: 10, y: 20, width: 1, height: 1 },
    terrain: terrainOf(ground, deviation),
  })
  return out[0]!
}

describe('standard deviation of what level ground would reflect', () => {
  test.each<Ground>([
    { p: 0, q: 0 },
    { p: 0.3, q: -0.2 },
    { p: -0.4, q: 0.3 },
    { p: 0.3, q: -0.2, canopy: 1 },
    { p: -0.4, q: 0.3, canopy: 1 },
  ])('of a slope error it is what the correction changes by: %o', (ground) => {
    const step = 82 / SLOPE_SCALE
    for (const rho of [0.3, 0.9]) {
      const by = (key: 'p' | 'q') =>
        (levelled({ ...ground, [key]: ground[key] + step }, rho).level[0]! -
          levelled({ ...ground, [key]: ground[key] - step }, rho).level[0]!) /
        2
      const expected = Math.hypot(by('p'), by('q'))
      expect(expected).toBeGreaterThan(10)
      const sigma = sigmaOf(ground, rho, { sigma: 1, deviation: step })
      expect(Math.abs(sigma / expected - 1)).toBeLessThan(0.06)
    }
  })

  test('of an error of the reflectance it is what the correction makes of it, and both add as squares', () => {
    const ground = { p: 0.3, q: -0.2 }
    const { pixels, level } = levelled(ground, 0.3)
    const ratio = level[0]! / pixels[0]!
    expect(Math.abs(ratio - 1)).toBeGreaterThan(0.1)
    const [ofRho, ofSlope] = [
      sigmaOf(ground, 0.3, { sigma: 400, deviation: 0 }),
      sigmaOf(ground, 0.3, { sigma: 1, deviation: 0.05 }),
    ]
    expect(Math.abs(ofRho - 400 * ratio)).toBeLessThanOrEqual(1)
    const both = sigmaOf(ground, 0.3, { sigma: 400, deviation: 0.05 })
    expect(Math.abs(both - Math.hypot(ofRho, ofSlope))).toBeLessThanOrEqual(1)
  })

  test('in the shadow of other ground it is that of what is seen; no-data stays', () => {
    expect(sigmaOf({ p: 0.3, q: 0.1, hidden: 1 }, 0.2, { sigma: 77, deviation: 0.1 })).toBe(77)
    const out = new Int16Array(2)
    levelSigma({
      pixels: Int16Array.of(2000, -32768),
      level: Int16Array.of(2100, -32768),
      sigma: Int16Array.of(50, -32768),
      detector: Uint8Array.of(9, 3),
      window: { x: 0, y: 0, width: 2, height: 1 },
      ...{ noData: -32768, nodes, light, terrain: terrainOf({ p: 0, q: 0 }, 0.1), out },
    })
    expect([...out]).toEqual([-32768, -32768])
  })
})
