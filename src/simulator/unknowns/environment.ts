import type { Landscape } from '../landscape.js'

/** How far light from beside is looked for, and the cells on which the ground around is known. */
const REACH_M = 15_000
const CELL_M = 300
/** Borders of rings around a place, m; each is looked at in so many directions. */
const RINGS_M = [0, 150, 250, 400, 630, 1000, 1600, 2500, 4000, 6300, 10_000, REACH_M]
const DIRECTIONS = 10
const STEPS = Array.from({ length: 2 * DIRECTIONS }, (_, n) => {
  const angle = (Math.PI * n) / DIRECTIONS
  return [Math.cos(angle), Math.sin(angle)] as const
})
const [MOLECULES_M, AEROSOL_M] = [8000, 2000]
const ASYMMETRY = 0.66

/**
 * Share of the light from beside that comes from each ring, of single scattering: level Lambertian ground at a distance r lights the air at a height z above the pixel with z / (r^2 + z^2)^(3/2), which
 * scatters it up by its phase function (of molecules; of aerosol that of Henyey and Greenstein) and thins out with its own scale height. Sums to 1 within the reach.
 */
export function ringShares(kind: 'molecules' | 'aerosol'): number[] {
  const scale = kind === 'molecules' ? MOLECULES_M : AEROSOL_M
  const phase = (cosine: number) =>
    kind === 'molecules'
      ? 0.75 * (1 + cosine * cosine)
      : (1 - ASYMMETRY ** 2) / (1 + ASYMMETRY ** 2 - 2 * ASYMMETRY * cosine) ** 1.5
  const density = (r: number) => {
    let sum = 0
    // Heights from 1 m to 60 km in equal steps of the logarithm.
    for (let n = 0; n < 160; n++) {
      const z = Math.exp((Math.log(60_000) * (n + 0.5)) / 160)
      const far = Math.sqrt(r * r + z * z)
      sum += (z * Math.exp(-z / scale) * phase(z / far) * z) / far ** 3
    }
    return sum
  }
  const shares = RINGS_M.slice(1).map((outer, k) => {
    const inner = RINGS_M[k] ?? 0
    let sum = 0
    for (let n = 0; n < 16; n++) {
      const r = inner + ((outer - inner) * (n + 0.5)) / 16
      sum += (density(r) * r * (outer - inner)) / 16
    }
    return sum
  })
  const total = shares.reduce((a, b) => a + b, 0)
  return shares.map((share) => share / total)
}

/** Square means of a plane: each level has cells twice as wide. */
function pyramid(
  plane: Float32Array,
  side: number,
): { readonly side: number; readonly values: Float32Array }[] {
  const levels = [{ side, values: plane }]
  for (;;) {
    const last = levels.at(-1)
    if (last === undefined || last.side < 16) return levels
    const half = Math.floor(last.side / 2)
    const values = new Float32Array(half * half)
    for (let i = 0; i < values.length; i++) {
      const k = 2 * Math.floor(i / half) * last.side + 2 * (i % half)
      const { values: v, side: w } = last
      values[i] = ((v[k] ?? 0) + (v[k + 1] ?? 0) + (v[k + w] ?? 0) + (v[k + w + 1] ?? 0)) / 4
    }
    levels.push({ side: half, values })
  }
}

/** Ground around an image whose upper-left corner is `left`, `top`, made once for all bands; beyond the image the landscape goes on. */
export class Surroundings {
  private readonly kinds: Uint16Array
  private readonly side: number
  private readonly nodes: number
  private readonly shares = { molecules: ringShares('molecules'), aerosol: ringShares('aerosol') }

  constructor(landscape: Landscape, left: number, top: number, extentM: number) {
    this.nodes = Math.ceil(extentM / CELL_M) + 2
    this.side = this.nodes + 2 * Math.ceil(REACH_M / CELL_M)
    // Two points a cell in each direction; cells are centred on the nodes of the field.
    const reach = REACH_M + CELL_M / 2
    const window = { easting: left - reach, northing: top + reach, pixelM: CELL_M / 2 }
    this.kinds = landscape.fill({ ...window, width: 2 * this.side, height: 2 * this.side }).kinds
  }

  /** Mean reflectance around each node, weighted as light from beside. @param molecularShare of that light which molecules scattered, 0..1 */
  around(spectrum: Float32Array, molecularShare: number): EnvironmentField {
    const { side, nodes } = this
    const plane = new Float32Array(side * side)
    for (let i = 0; i < plane.length; i++) {
      const k = 4 * Math.floor(i / side) * side + 2 * (i % side)
      for (const at of [k, k + 1, k + 2 * side, k + 2 * side + 1])
        plane[i] = (plane[i] ?? 0) + (spectrum[this.kinds[at] ?? 0] ?? 0) / 4
    }
    const levels = pyramid(plane, side)
    const values = new Float32Array(nodes * nodes)
    const border = REACH_M / CELL_M
    for (let i = 0; i < values.length; i++) {
      const [x, y] = [border + (i % nodes) + 0.5, border + Math.floor(i / nodes) + 0.5]
      let sum = 0
      for (let ring = 0; ring + 1 < RINGS_M.length; ring++) {
        const share =
          molecularShare * (this.shares.molecules[ring] ?? 0) +
          (1 - molecularShare) * (this.shares.aerosol[ring] ?? 0)
        const r = ((RINGS_M[ring] ?? 0) + (RINGS_M[ring + 1] ?? 0)) / 2 / CELL_M
        const level = Math.min(levels.length - 1, Math.max(0, Math.round(Math.log2(0.5 * r))))
        const { side: wide, values: v } = levels[level] ?? { side: 1, values: plane }
        let mean = 0
        for (let d = 0; d < DIRECTIONS; d++) {
          // Every second ring is turned by half a step.
          const [east, south] = STEPS[2 * d + (ring % 2)] ?? [0, 0]
          const c = Math.min(wide - 1, Math.max(0, Math.floor((x + r * east) / 2 ** level)))
          const w = Math.min(wide - 1, Math.max(0, Math.floor((y + r * south) / 2 ** level)))
          mean += v[w * wide + c] ?? 0
        }
        sum += (share * mean) / DIRECTIONS
      }
      values[i] = sum
    }
    return new EnvironmentField(values, nodes)
  }
}

/** Bilinear between nodes 300 m apart, the first at the image's corner. */
export class EnvironmentField {
  constructor(
    private readonly values: Float32Array,
    private readonly nodes: number,
  ) {}

  /** @param x, y metres right of and below the image's corner */
  at(x: number, y: number): number {
    const { nodes, values } = this
    const [a, b] = [x / CELL_M, y / CELL_M]
    const c = Math.min(nodes - 2, Math.max(0, Math.floor(a)))
    const r = Math.min(nodes - 2, Math.max(0, Math.floor(b)))
    const [u, v] = [a - c, b - r]
    const k = r * nodes + c
    return (
      ((values[k] ?? 0) * (1 - u) + (values[k + 1] ?? 0) * u) * (1 - v) +
      ((values[k + nodes] ?? 0) * (1 - u) + (values[k + nodes + 1] ?? 0) * u) * v
    )
  }
}
