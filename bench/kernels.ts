import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { blocksOf, type Grid } from '../src/domain/grid.js'
import { simdTarget } from '../src/kernels/addon.js'
import { compositeAdd, newCompositeState, WEIGHT_ONE } from '../src/kernels/composite.js'
import { correctReflectance, slotTable } from '../src/kernels/correct-reflectance.js'
import { encodeBound, encodeTile } from '../src/kernels/encode-tile.js'
import { normalizedDifference } from '../src/kernels/normalized-difference.js'
import { openBandWriter } from '../src/runner/band-writer.js'
import { openKernelPool } from '../src/runner/kernel-pool.js'

const SIDE = 1024
const cpuSeconds = () => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

/** Mpx per second of CPU time, best of five rounds. */
function speed(name: string, repeats: number, work: () => void): void {
  let best = Infinity
  for (let round = 0; round < 5; round++) {
    const start = cpuSeconds()
    for (let i = 0; i < repeats; i++) work()
    best = Math.min(best, (cpuSeconds() - start) / repeats)
  }
  process.stdout.write(
    `${name.padEnd(36)} ${((SIDE * SIDE) / best / 1e6).toFixed(0).padStart(6)} Mpx/CPU-s\n`,
  )
}

/** Relief and noise that compress about as real bands do. */
function scene(width: number, height: number): Uint16Array {
  let seed = 7
  return Uint16Array.from({ length: width * height }, (_, i) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
    return 2500 + 900 * Math.sin((i % width) / 37) * Math.cos(i / width / 53) + (seed >>> 26)
  })
}

/** Speed of the kernels through the addon on one thread, then of writing one band, beside GDAL's COG driver. */
export async function run(): Promise<void> {
  process.stdout.write(`SIMD target: ${simdTarget()}\n`)
  const dn = scene(SIDE, SIDE)
  const table = {
    coefficients: Float32Array.from({ length: 23 * 23 * 3 }, (_, i) => [1.2, 0.1, 0.15][i % 3] ?? 0),
    slotOfDetector: slotTable([5]),
    slots: 1,
    rows: 23,
    columns: 23,
    nodeHpa: Float32Array.of(1013),
    axes: { x0: 0.001, dx: 0.002, y0: 0.001, dy: 0.002 },
  }
  const window = { x: 0, y: 0, width: SIDE, height: SIDE }
  const out = new Int16Array(dn.length)
  const block = {
    window,
    dn,
    detector: new Uint8Array(dn.length).fill(5),
    table,
    offset: -1000,
    quantification: 10000,
    out,
  }
  const flags = new Uint8Array(dn.length)
  speed('correct', 40, () => {
    correctReflectance({ ...block, flags })
  })
  const red = out.map((value) => value / 3)
  const index = new Int16Array(out.length)
  speed('normalizedDifference', 40, () => {
    normalizedDifference({ a: out, b: red, noData: -32768, minSum: 100, out: index })
  })
  const state = newCompositeState(out.length, 1)
  const classes = new Uint8Array(out.length).fill(4)
  speed('compositeAdd, one band', 20, () => {
    compositeAdd({ pixels: out, classes, noData: -32768, weight: WEIGHT_ONE / 2, day: -1000 }, state)
  })
  const packed = new Uint8Array(encodeBound())
  for (const codec of ['deflate', 'zstd'] as const)
    speed(`encode ${codec} 1, predictor 2`, 2, () => {
      for (const w of blocksOf({ width: SIDE, height: SIDE }, 512))
        encodeTile(
          { pixels: out, start: w.y * SIDE + w.x, stride: SIDE, width: 512, height: 512 },
          2,
          codec,
          packed,
          0,
        )
    })

  const size = 5490
  const grid: Grid = {
    epsg: 32631,
    ulx: 300000,
    uly: 4900020,
    pixelWidthM: 20,
    pixelHeightM: 20,
    width: size,
    height: size,
  }
  const shared = new Int16Array(new SharedArrayBuffer(size * size * 2))
  shared.set(scene(size, size))
  const folder = await mkdtemp(join(tmpdir(), 'tilth-bench-'))
  const pool = await openKernelPool()
  try {
    for (const codec of ['deflate', 'zstd'] as const) {
      const path = join(folder, `${codec}.tif`)
      const [cpu, wall] = [cpuSeconds(), performance.now()]
      const writer = openBandWriter(pool, {
        path,
        grid,
        dtype: 'int16',
        noData: -32768,
        codec,
        overview: 'average',
      })
      // Full strips: what lies in `shared` is then already one block after another.
      for (const w of blocksOf({ width: 1, height: size }, 1024)) {
        const strip = { x: 0, y: w.y, width: size, height: w.height }
        await writer.writeBlock(strip, shared.subarray(strip.y * size, (strip.y + strip.height) * size))
      }
      const { bytes } = await writer.finish()
      report(`band writer, ${codec}`, cpuSeconds() - cpu, (performance.now() - wall) / 1000, size, bytes)
      const copy = join(folder, `${codec}-gdal.tif`)
      const start = performance.now()
      const options = [
        '-co',
        `COMPRESS=${codec.toUpperCase()}`,
        '-co',
        'LEVEL=1',
        '-co',
        'PREDICTOR=2',
        '-co',
        'RESAMPLING=AVERAGE',
      ]
      await execa('gdal_translate', ['-q', '-of', 'COG', ...options, path, copy])
      report(
        `GDAL's COG driver, ${codec}`,
        null,
        (performance.now() - start) / 1000,
        size,
        (await stat(copy)).size,
      )
    }
  } finally {
    await pool.close()
    await rm(folder, { recursive: true })
  }
}

function report(name: string, cpu: number | null, wall: number, size: number, bytes: number): void {
  const speedOf = (seconds: number) => `${((size * size) / seconds / 1e6).toFixed(0)} Mpx/s`
  const cpuText = cpu === null ? '' : `, ${cpu.toFixed(2)} CPU-s (${speedOf(cpu)} of CPU)`
  process.stdout.write(
    `${name.padEnd(36)} ${wall.toFixed(2)} s wall (${speedOf(wall)})${cpuText}, ${(bytes / 1e6).toFixed(1)} MB\n`,
  )
}
