/** 32-bit hash of up to three integers; the whole landscape follows from it, so that the same place looks the same in every tile. */
export function hash(x: number, y: number, seed: number): number {
  let h = Math.imul(x | 0, 0x27d4eb2d) ^ Math.imul(y | 0, 0x165667b1) ^ Math.imul(seed | 0, 0x9e3779b1)
  h = Math.imul(h ^ (h >>> 15), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/** Smooth noise in [-1, 1] with features of unit length. */
export function valueNoise(x: number, y: number, seed: number): number {
  const [ix, iy] = [Math.floor(x), Math.floor(y)]
  const [fx, fy] = [x - ix, y - iy]
  const u = fx * fx * fx * (fx * (fx * 6 - 15) + 10)
  const v = fy * fy * fy * (fy * (fy * 6 - 15) + 10)
  const a = hash(ix, iy, seed)
  const b = hash(ix + 1, iy, seed)
  const c = hash(ix, iy + 1, seed)
  const d = hash(ix + 1, iy + 1, seed)
  return ((a + (b - a) * u) * (1 - v) + (c + (d - c) * u) * v) / 2147483647.5 - 1
}

/** Sum of octaves, each half as long and half as strong; about [-1, 1]. */
export function fractal(x: number, y: number, seed: number, octaves: number): number {
  let [sum, amplitude, scale, norm] = [0, 1, 1, 0]
  for (let o = 0; o < octaves; o++) {
    // Turned by an irrational angle, or the lattices of the octaves would show.
    sum += amplitude * valueNoise((0.8 * x - 0.6 * y) * scale, (0.6 * x + 0.8 * y) * scale, seed + 101 * o)
    norm += amplitude
    amplitude *= 0.5
    scale *= 2.03
  }
  return (1.5 * sum) / norm
}
