import type { S2Band } from '../../domain/sentinel2.js'

/** [k, theta]: shape of the bowl and weight of the backscatter; chosen within the range that Rahman et al. found for soils and canopies. */
const SHAPE: Readonly<Record<'visible' | 'nearInfrared' | 'shortWave', readonly [number, number]>> = {
  visible: [0.76, -0.12],
  nearInfrared: [0.88, -0.06],
  shortWave: [0.82, -0.09],
}
const HOT_SPOT = 0.1
const rad = Math.PI / 180

const shapeOf = (band: S2Band) =>
  SHAPE[
    ['B01', 'B02', 'B03', 'B04', 'B05'].includes(band)
      ? 'visible'
      : ['B10', 'B11', 'B12'].includes(band)
        ? 'shortWave'
        : 'nearInfrared'
  ]

/** Rahman, Pinty and Verstraete (1993), J. Geophys. Res. 98, 20791-20801, without its amplitude. Degrees; `raa` 0 where sun and sensor stand on one side. */
function bowl([k, theta]: readonly [number, number], sza: number, vza: number, raa: number): number {
  const [cs, cv] = [Math.cos(sza * rad), Math.cos(vza * rad)]
  const [ts, tv] = [Math.tan(sza * rad), Math.tan(vza * rad)]
  const cosRaa = Math.cos(raa * rad)
  const phase = cs * cv + Math.sqrt((1 - cs * cs) * (1 - cv * cv)) * cosRaa
  const forward = (1 - theta * theta) / (1 + theta * theta + 2 * theta * phase) ** 1.5
  const gap = Math.sqrt(Math.max(0, ts * ts + tv * tv - 2 * ts * tv * cosRaa))
  return (cs * cv * (cs + cv)) ** (k - 1) * forward * (1 + (1 - HOT_SPOT) / (1 + gap))
}

/** Reflectance against that seen from above with the sun at 45 degrees: of the beam, and of light that comes from all of the sky alike. */
export function directionalFactors(
  band: S2Band,
  { sza, vza, raa }: { readonly sza: number; readonly vza: number; readonly raa: number },
): { readonly beam: number; readonly sky: number } {
  const shape = shapeOf(band)
  const usual = bowl(shape, 45, 0, 0)
  let [sum, total] = [0, 0]
  for (let z = 5; z < 90; z += 10)
    for (let a = 15; a < 360; a += 30) {
      const weight = Math.sin(2 * z * rad)
      sum += weight * bowl(shape, z, vza, a)
      total += weight
    }
  return { beam: bowl(shape, sza, vza, raa) / usual, sky: sum / total / usual }
}

/** How strongly a kind of ground shows it, by its number with variant: water hardly, the rest from 0.5 to 1.5. */
export const strengthOf = (kind: number): number => (kind < 48 ? 0.1 : 0.5 + ((kind * 7) % 16) / 15)
