/**
 * Child process of simd-targets.test.ts: runs all kernels on the target that TILTH_SIMD names, compares them byte by byte with the plain
 * reference, and prints a digest of every output. Prints JSON, or throws.
 */
import { createHash } from 'node:crypto'
import { inflateSync } from 'node:zlib'
import { simdTarget } from '../../src/kernels/addon.js'
import {
  compositeAdd,
  compositeDivide,
  leastOfFour,
  newCompositeState,
  WEIGHT_ONE,
} from '../../src/kernels/composite.js'
import { correctReflectance, slotTable } from '../../src/kernels/correct-reflectance.js'
import { encodeBound, encodeTile } from '../../src/kernels/encode-tile.js'
import { halve } from '../../src/kernels/halve.js'
import { normalizedDifference } from '../../src/kernels/normalized-difference.js'
import { orFlags, planeAxes } from '../../src/kernels/or-flags.js'
import {
  compositeAddPlain,
  compositeDividePlain,
  correctReflectancePlain,
  halveMeanPlain,
  leastOfFourPlain,
  normalizedDifferencePlain,
  orFlagsPlain,
} from '../../src/kernels/reference.js'

const hash = createHash('sha256')
let seed = 12345
/** Numbers from 0 up to, but not including, `below`; the same on every machine. */
const random = (below: number) => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
  return ((seed >>> 8) / 2 ** 24) * below
}
const integer = (below: number) => Math.floor(random(below))
let compared = 0

function same(what: string, found: ArrayLike<number>, expected: ArrayLike<number>): void {
  for (let i = 0; i < expected.length; i++)
    if (found[i] !== expected[i])
      throw new Error(`${what}: element ${i} is ${found[i]}, plain reference ${expected[i]}`)
  hash.update(Float64Array.from(found))
  compared += expected.length
}

for (let length = 0; length <= 67; length++)
  for (const nodes of [1, 2, 3]) {
    // Width `length` with three rows; a width of 0 has no block, so it stands for a single pixel.
    const window = { x: integer(5000), y: integer(5000), width: Math.max(1, length), height: 3 }
    const size = window.width * window.height
    const coefficients = Float32Array.from(
      { length: 2 * nodes * 9 * 7 * 3 },
      (_, i) => (i % 3 === 0 ? 1 : -0.2) + random(0.5),
    )
    const args = {
      window,
      dn: Uint16Array.from({ length: size }, () =>
        integer(9) === 0 ? [0, 65535, 1][integer(3)]! : integer(65536),
      ),
      detector: Uint8Array.from({ length: size }, (_, i) => [2, 2, 2, 9, 0, 5][Math.floor(i / 11) % 6]!),
      table: {
        coefficients,
        slotOfDetector: slotTable([2, 9]),
        slots: 2,
        rows: 9,
        columns: 7,
        nodeHpa: Float32Array.from([600, 850.5, 1013]).slice(0, nodes),
        axes: { x0: -0.7 + random(1), dx: 0.001 + random(0.2), y0: random(1), dy: 0.0013 },
      },
      pressure: {
        hpa: Float32Array.from({ length: 30 * 40 }, () => 500 + random(600)),
        rows: 30,
        columns: 40,
        axes: { x0: -0.45, dx: 0.0071 + random(0.1), y0: 0.1, dy: 0.0047 },
      },
      offset: -1000,
      quantification: 10000,
    }
    const fast = { out: new Int16Array(size), flags: new Uint8Array(size) }
    const plain = { out: new Int16Array(size), flags: new Uint8Array(size) }
    correctReflectance({ ...args, ...fast })
    correctReflectancePlain({ ...args, ...plain })
    same(`correct ${length}/${nodes}`, fast.out, plain.out)
    same(`correct flags ${length}/${nodes}`, fast.flags, plain.flags)
  }

// Surroundings and slopes: no plain reference, but each target must give the same bytes.
for (let length = 1; length <= 67; length++)
  for (const nodes of [1, 3]) {
    const window = { x: integer(5000), y: integer(5000), width: length, height: 3 }
    const size = window.width * window.height
    const grid = (rows: number, columns: number, dx: number) => ({
      rows,
      columns,
      axes: { x0: -0.7 + random(1), dx: dx + random(dx), y0: random(1), dy: 0.0013 },
    })
    const table = grid(9, 7, 0.001)
    const slopesOf = () => Int16Array.from({ length: 30 * 40 }, () => integer(20_000) - 10_000)
    const args = {
      window,
      dn: Uint16Array.from({ length: size }, () => (integer(9) === 0 ? 0 : integer(65536))),
      detector: new Uint8Array(size).fill(2),
      table: {
        ...table,
        coefficients: Float32Array.from(
          { length: nodes * 63 * 3 },
          (_, i) => (i % 3 === 0 ? 1 : 0) + random(0.3),
        ),
        legs: Float32Array.from({ length: nodes * 63 * 2 }, (_, i) =>
          i % 2 === 0 ? 1 + random(0.5) : random(1),
        ),
        directions: Float32Array.from({ length: 63 * 4 }, () => random(4) - 2),
        slotOfDetector: slotTable([2]),
        slots: 1,
        nodeHpa: Float32Array.from([600, 850.5, 1013]).slice(0, nodes),
      },
      pressure: { ...grid(30, 40, 0.007), hpa: Float32Array.from({ length: 1200 }, () => 500 + random(600)) },
      around: { ...grid(30, 40, 0.007), reflectance: Float32Array.from({ length: 1200 }, () => random(1)) },
      terrain: {
        ...grid(30, 40, 0.004),
        east: slopesOf(),
        north: slopesOf(),
        hidden: Uint8Array.from({ length: 1200 }, () => Number(integer(9) === 0)),
        canopy: integer(2) as 0 | 1,
      },
      ...{ offset: -1000, quantification: 10000 },
    }
    const [out, flat, flags] = [new Int16Array(size), new Int16Array(size), new Uint8Array(size)]
    correctReflectance({ ...args, out, flat, flags })
    for (const result of [out, flat, flags]) hash.update(Float64Array.from(result))
    compared += 3 * size
  }

/** Any int16, with no-data and small values of both signs often. */
const band = (size: number) =>
  Int16Array.from({ length: size }, () =>
    integer(5) === 0 ? -32768 : integer(3) === 0 ? integer(400) - 200 : integer(65536) - 32768,
  )
for (let length = 0; length <= 67; length++)
  for (const minSum of [1, 100, 3000]) {
    const args = { a: band(length), b: band(length), noData: -32768, minSum }
    const fast = new Int16Array(length)
    const plain = new Int16Array(length)
    normalizedDifference({ ...args, out: fast })
    normalizedDifferencePlain({ ...args, out: plain })
    same(`normalizedDifference ${length}/${minSum}`, fast, plain)
  }

for (let length = 0; length <= 67; length++) {
  const bands = 1 + integer(3)
  const [fast, plain] = [newCompositeState(length, bands), newCompositeState(length, bands)]
  for (let dates = 0; dates < 6; dates++) {
    const classes = Uint8Array.from({ length }, () => integer(5))
    const date = { pixels: band(length * bands), noData: -32768, weight: 1 + integer(WEIGHT_ONE) }
    const day = integer(50_000) - 25_000
    compositeAdd({ ...date, day, classes: classes.slice() }, fast)
    compositeAddPlain({ ...date, day, classes }, plain)
  }
  for (const key of ['rank', 'count', 'weight', 'day', 'sums'] as const)
    same(`composite ${key} ${length}`, fast[key], plain[key])
  for (const divisor of [1, 10]) {
    const [quick, slow] = [new Int16Array(length), new Int16Array(length)]
    compositeDivide(fast.sums.subarray(0, length), fast.weight, divisor, -32768, quick)
    compositeDividePlain(plain.sums.subarray(0, length), plain.weight, divisor, -32768, slow)
    same(`compositeDivide ${length}/${divisor}`, quick, slow)
  }
  const [width, height] = [1 + integer(20), 1 + integer(9)]
  const plane = Uint8Array.from({ length: width * height }, () => integer(5))
  const size = Math.ceil(width / 2) * Math.ceil(height / 2)
  const [least, leastPlain] = [new Uint8Array(size), new Uint8Array(size)]
  leastOfFour(plane, width, height, least)
  leastOfFourPlain(plane, width, height, leastPlain)
  same(`leastOfFour ${width}x${height}`, least, leastPlain)
}

for (let width = 1; width <= 67; width++)
  for (const height of [1, 2, 5]) {
    const stride = width + integer(5)
    const pixels = Int16Array.from({ length: stride * height }, () =>
      integer(3) === 0 ? -32768 : integer(65536) - 32768,
    )
    const input = { pixels, stride, width, height }
    const size = { stride: Math.ceil(width / 2), width: Math.ceil(width / 2), height: Math.ceil(height / 2) }
    const fast = { ...size, pixels: new Int16Array(size.width * size.height) }
    const plain = { ...size, pixels: new Int16Array(size.width * size.height) }
    halve(input, fast, 'average', -32768)
    halveMeanPlain(input, -32768, plain)
    same(`halve ${width}x${height}`, fast.pixels, plain.pixels)
    for (const Type of [Uint8Array, Uint16Array]) {
      const source = { ...input, pixels: Type.from(pixels) }
      const picked = { ...size, pixels: new Type(size.width * size.height) }
      halve(source, picked, 'nearest', 0)
      const expected = picked.pixels.map(
        (_, i) => source.pixels[2 * Math.floor(i / size.width) * stride + 2 * (i % size.width)]!,
      )
      same(`nearest ${width}x${height}`, picked.pixels, expected)
    }
    const bytes = Uint8Array.from({ length: 400 }, () => integer(256))
    const bitsOf = Uint16Array.from({ length: 256 }, () => integer(65536))
    const window = { x: integer(40), y: integer(40), width, height }
    const plane = { bytes, rows: 20, columns: 20, axes: planeAxes([0.5, 1, 2, 6][integer(4)]!) }
    const mask = Uint16Array.from({ length: width * height }, () => integer(65536))
    const expected = mask.slice()
    orFlags({ window, mask, plane, bitsOf })
    orFlagsPlain(expected, window, plane, bitsOf)
    same(`orFlags ${width}x${height}`, mask, expected)

    const out = new Uint8Array(encodeBound())
    const length = encodeTile(input, 2, 'deflate', out, 0)
    const raw = inflateSync(out.subarray(0, length))
    const tile = new Int16Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.byteLength))
    for (let i = 0; i < tile.length; i++) if (i % 512 !== 0) tile[i]! += tile[i - 1]!
    const want = tile.map(
      (_, i) => pixels[Math.min(Math.floor(i / 512), height - 1) * stride + Math.min(i % 512, width - 1)]!,
    )
    same(`encode ${width}x${height}`, tile, want)
    hash.update(out.subarray(0, length))
  }

process.stdout.write(JSON.stringify({ target: simdTarget(), digest: hash.digest('hex'), compared }))
