import { expect, test } from 'vitest'
import { correctReflectance, slotTable } from '../../../src/kernels/correct-reflectance.js'
import { SLOPE_SCALE } from '../../../src/kernels/ground.js'
import { openKernelPool } from '../../../src/runner/kernel-pool.js'
import { reflectanceAround } from '../../../src/runner/l2a/surroundings.js'

// Forward models of their own: light from beside through bells, slopes by the light that falls on a tilted Lambertian facet.

/** A blue band in clear to hazy air, unit 1: path, two-way gas and scattering transmittance upwards and down, direct shares of them, spherical albedo. */
const AIR = { path: 0.06, down: 0.86, up: 0.88, directDown: 0.64, directUp: 0.72, albedo: 0.13 }
const SIDE = 64
const CELL_M = 240

const nodes = <T>(make: () => readonly T[]): T[] => [0, 1, 2, 3].flatMap(() => make())
const table = (directions: readonly number[]) => ({
  coefficients: Float32Array.from(
    nodes(() => [1 / (AIR.down * AIR.up), AIR.path / (AIR.down * AIR.up), AIR.albedo]),
  ),
  legs: Float32Array.from(nodes(() => [AIR.up / AIR.directUp, AIR.directDown / AIR.down])),
  directions: Float32Array.from(nodes(() => directions)),
  slotOfDetector: slotTable([1]),
  ...{ slots: 1, rows: 2, columns: 2, nodeHpa: Float32Array.from([1013]) },
  axes: { x0: 0.001, dx: 0.001, y0: 0.001, dy: 0.001 },
})
const onPixels = { rows: SIDE, columns: SIDE, axes: { x0: 0, dx: 1, y0: 0, dy: 1 } }
const dnOf = (rho: number): number => Math.round(rho * 50_000)
const block = () => ({
  window: { x: 0, y: 0, width: SIDE, height: SIDE },
  detector: new Uint8Array(SIDE * SIDE).fill(1),
  ...{ offset: 0, quantification: 50_000 },
  ...{ out: new Int16Array(SIDE * SIDE), flags: new Uint8Array(SIDE * SIDE) },
})
const rms = (errors: readonly number[]): number =>
  Math.sqrt(errors.reduce((sum, e) => sum + e * e, 0) / errors.length)

test('light from bright ground beside is taken off dark ground, under another kernel than the one that is assumed', async () => {
  // Lakes and woods in bright fields.
  const truth = Float64Array.from({ length: SIDE * SIDE }, (_, i) => {
    const [x, y] = [i % SIDE, Math.floor(i / SIDE)]
    return Math.hypot(x - 20, y - 24) < 5
      ? 0.02
      : (Math.floor(x / 9) + Math.floor(y / 7)) % 3 === 0
        ? 0.05
        : 0.28
  })
  // Not the kernel that is assumed: three bells of 0.4, 1.2 and 4 km.
  const bell = (km: number, sigma: number) => Math.exp((-0.5 * km * km) / sigma ** 2) / sigma ** 2
  const weightAt = (km: number) => 0.45 * bell(km, 0.4) + 0.3 * bell(km, 1.2) + 0.25 * bell(km, 4)
  const environment = truth.map((_, i) => {
    let [sum, weight] = [0, 0]
    for (let j = 0; j < truth.length; j++) {
      const km =
        (CELL_M / 1000) * Math.hypot((i % SIDE) - (j % SIDE), Math.floor(i / SIDE) - Math.floor(j / SIDE))
      const w = weightAt(km)
      sum += w * truth[j]!
      weight += w
    }
    return sum / weight
  })
  const dn = Uint16Array.from(truth, (rho, i) => {
    const e = environment[i]!
    return dnOf(
      AIR.path + (AIR.down / (1 - AIR.albedo * e)) * (AIR.directUp * rho + (AIR.up - AIR.directUp) * e),
    )
  })
  const alike = block()
  correctReflectance({ ...alike, dn, table: table([0, 0, 0, 0]) })
  const own = Float32Array.from(alike.out, (stored) => stored / 10_000)
  const pool = await openKernelPool({ maxThreads: 1 })
  const grid = {
    epsg: 32631,
    ulx: 0,
    uly: 0,
    pixelWidthM: CELL_M,
    pixelHeightM: CELL_M,
    width: SIDE,
    height: SIDE,
  }
  const reflectance = (await reflectanceAround(own, grid, pool))!
  await pool.close()
  const cleared = block()
  correctReflectance({ ...cleared, dn, table: table([0, 0, 0, 0]), around: { ...onPixels, reflectance } })
  const inner = Array.from(truth, (_, i) => i).filter(
    (i) =>
      Math.min(i % SIDE, Math.floor(i / SIDE), SIDE - 1 - (i % SIDE), SIDE - 1 - Math.floor(i / SIDE)) > 10,
  )
  const errorOf = ({ out }: { out: Int16Array }) => rms(inner.map((i) => out[i]! / 10_000 - truth[i]!))
  const lake = 24 * SIDE + 20
  expect(errorOf(alike)).toBeGreaterThan(0.012)
  expect(errorOf(cleared)).toBeLessThan(0.2 * errorOf(alike))
  expect(alike.out[lake]! / 10_000).toBeGreaterThan(0.03)
  expect(Math.abs(cleared.out[lake]! / 10_000 - 0.02)).toBeLessThan(0.003)
})

test('hills of one reflectance are of one reflectance again: less than 2 % about the mean', () => {
  const RADIAN = Math.PI / 180
  for (const [zenith, azimuth] of [
    [35, 150],
    [60, 165],
  ] as const) {
    const tangent = Math.tan(zenith * RADIAN)
    const sun = [tangent * Math.sin(azimuth * RADIAN), tangent * Math.cos(azimuth * RADIAN)] as const
    // Slopes up to 30 degrees in all directions.
    const slopes = Array.from({ length: SIDE * SIDE }, (_, i) => {
      const steep = Math.tan(((i % SIDE) / SIDE) * 30 * RADIAN)
      const facing = (Math.floor(i / SIDE) / SIDE) * 2 * Math.PI
      return [steep * Math.sin(facing), steep * Math.cos(facing)] as const
    })
    const rho = 0.25
    const lit = slopes.map(([p, q]) => {
      const normal = 1 / Math.sqrt(1 + p * p + q * q)
      const cosI = (normal * (1 - p * sun[0] - q * sun[1])) / Math.sqrt(1 + tangent * tangent)
      const direct = AIR.directDown * (cosI / Math.cos(zenith * RADIAN))
      const diffuse = (AIR.down - AIR.directDown) * Math.cos(Math.acos(normal) / 2) ** 2
      const fromGround = AIR.down * rho * Math.sin(Math.acos(normal) / 2) ** 2
      return { cosI, seen: (rho * (direct + diffuse + fromGround)) / AIR.down }
    })
    const around = { ...onPixels, reflectance: new Float32Array(SIDE * SIDE).fill(rho) }
    // Level ground around has rho_env = rho: seen reflectance enters as direct and scattered light.
    const dn = Uint16Array.from(lit, ({ seen }) =>
      dnOf(
        AIR.path +
          (AIR.down / (1 - AIR.albedo * rho)) * (AIR.directUp * seen + (AIR.up - AIR.directUp) * rho),
      ),
    )
    const result = { ...block(), flat: new Int16Array(SIDE * SIDE) }
    correctReflectance({
      ...result,
      ...{ dn, around, table: table([...sun, 0, 0]) },
      terrain: {
        ...onPixels,
        east: Int16Array.from(slopes, ([p]) => Math.round(p * SLOPE_SCALE)),
        north: Int16Array.from(slopes, ([, q]) => Math.round(q * SLOPE_SCALE)),
        hidden: new Uint8Array(SIDE * SIDE),
        canopy: 0,
      },
    })
    const judged = lit.flatMap(({ cosI }, i) => (cosI > 0.3 ? [i] : []))
    const spread = (values: Int16Array) => {
      const of = judged.map((i) => values[i]! / 10_000)
      const mean = of.reduce((a, b) => a + b, 0) / of.length
      return { mean, relative: rms(of.map((v) => v - mean)) / mean }
    }
    expect(judged.length).toBeGreaterThan(2000)
    expect(spread(result.out).relative).toBeGreaterThan(0.1)
    const level = spread(result.flat)
    expect(level.relative).toBeLessThan(0.02)
    expect(Math.abs(level.mean / rho - 1)).toBeLessThan(0.01)
  }
})
