import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { blocksOf, type Grid, type Window } from '../src/domain/grid.js'
import { simdTarget } from '../src/kernels/addon.js'
import { scaleByNodes } from '../src/kernels/scale-by-nodes.js'
import { sigmaByNodes } from '../src/kernels/sigma-by-nodes.js'
import { openBandWriter } from '../src/runner/band-writer.js'
import { openKernelPool } from '../src/runner/kernel-pool.js'
import { placedBytes } from '../src/runner/l2a/places.js'
import { markdownTable } from './markdown-table.js'

const SIDE = 1024
const cpuSeconds = () => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

/** Relief and noise that compress about as real bands do. */
function scene(width: number, height: number): Uint16Array {
  let seed = 7
  return Uint16Array.from({ length: width * height }, (_, i) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
    return 2500 + 900 * Math.sin((i % width) / 37) * Math.cos(i / width / 53) + (seed >>> 26)
  })
}

/** What one pixel of a kernel costs, beside a plain stream of the same bytes. */
interface KernelSpeed {
  readonly name: string
  /** Bytes a pixel; what is read and written again counts in both. */
  readonly read: number
  readonly written: number
  readonly pixels: number
  /** Seconds of CPU time. */
  readonly seconds: number
  readonly limitSeconds: number
}

/** Kernels in C++, each in turn with its stream; see native/bench/kernels_bench.cpp. */
async function nativeSpeeds(program: string): Promise<KernelSpeed[]> {
  const { stdout } = await execa(program)
  return stdout.split('\n').flatMap((line): KernelSpeed[] => {
    const [name = '', read, written, pixels, seconds, limitSeconds] = line.split('\t')
    if (limitSeconds === undefined) return []
    return [
      {
        name,
        ...{ read: Number(read), written: Number(written), pixels: Number(pixels) },
        ...{ seconds: Number(seconds), limitSeconds: Number(limitSeconds) },
      },
    ]
  })
}

/** A kernel in TypeScript, best of five rounds, and its stream. */
async function scriptSpeed(
  program: string,
  { name, read, written }: Pick<KernelSpeed, 'name' | 'read' | 'written'>,
  work: () => void | Promise<void>,
): Promise<KernelSpeed> {
  const pixels = SIDE * SIDE
  let best = Infinity
  for (let round = 0; round < 5; round++) {
    const start = cpuSeconds()
    for (let i = 0; i < 5; i++) await work()
    best = Math.min(best, (cpuSeconds() - start) / 5)
  }
  const { stdout } = await execa(program, ['limit', ...[read, written, pixels].map(String)])
  return { name, read, written, pixels, seconds: best, limitSeconds: Number(stdout) }
}

async function scriptSpeeds(program: string): Promise<KernelSpeed[]> {
  const window = { x: 0, y: 0, width: SIDE, height: SIDE }
  const pixels = Int16Array.from(scene(SIDE, SIDE))
  const nodes = {
    slots: new Uint8Array(256).fill(0),
    rows: 23,
    columns: 23,
    axes: { x0: 0.001, dx: 0.002, y0: 0.001, dy: 0.002 },
  }
  const detector = new Uint8Array(pixels.length).fill(5)
  const block = { pixels, detector, window, noData: -32768, out: new Int16Array(pixels.length) }
  const scale = { ...nodes, factors: new Float64Array(23 * 23).fill(1.05), slope: 1, offset: 0 }
  const coefficients = Float32Array.from({ length: 23 * 23 * 5 }, (_, i) => 1e-4 / (1 + (i % 5)))
  const variance = { ...nodes, slotCount: 1, coefficients }
  const grid: Grid = {
    ...{ epsg: 32631, ulx: 200_000, uly: 4_900_020, pixelWidthM: 30, pixelHeightM: 30 },
    ...{ width: SIDE, height: SIDE },
  }
  const bytes = new Uint8Array(pixels.length)
  // As a mask that is opened: a piece of it is copied.
  const piece = {
    read: (of: Window, out: Uint8Array) => {
      out.set(detector.subarray(0, of.width * of.height))
      return Promise.resolve()
    },
    close: () => undefined,
  }
  const nearest = (image: Grid) =>
    placedBytes(piece, grid, { image, eastM: 0, northM: 0 }).read(window, bytes)
  const beside: Grid = { ...grid, epsg: 32630, ulx: 679_000, uly: 4_912_000 }
  const rows = [
    [
      { name: 'factors by nodes (NBAR)', read: 3, written: 2 },
      () => {
        scaleByNodes({ ...block, scale })
      },
    ],
    [
      { name: 'deviations by nodes', read: 3, written: 2 },
      () => {
        sigmaByNodes({ ...block, variance })
      },
    ],
    [{ name: 'masks nearest, shift', read: 1, written: 1 }, () => nearest({ ...grid, ulx: grid.ulx - 300 })],
    [{ name: 'masks nearest, across zones', read: 1, written: 1 }, () => nearest(beside)],
  ] as const
  const speeds: KernelSpeed[] = []
  for (const [row, work] of rows) speeds.push(await scriptSpeed(program, row, work))
  return speeds
}

function tableOf(speeds: readonly KernelSpeed[]): string {
  return markdownTable(
    ['kernel', 'bytes read', 'written', 'Mpx/s', 'GB/s', 'limit, GB/s', 'of the limit'],
    speeds.map(({ name, read, written, pixels, seconds, limitSeconds }) => {
      const rate = (of: number) => (((read + written) * pixels) / of / 1e9).toFixed(2)
      return [
        ...[name, read.toFixed(2), written.toFixed(2), (pixels / seconds / 1e6).toFixed(0)],
        ...[rate(seconds), rate(limitSeconds), (limitSeconds / seconds).toFixed(3)],
      ]
    }),
  )
}

/**
 * Speed of every kernel of a correction on one core, blocks of 1024 x 1024 pixels (CPU time), with a plain stream of the same bytes beside it, measured in turn; then of writing one band,
 * beside GDAL's COG driver.
 */
export async function run(): Promise<void> {
  process.stdout.write(`SIMD target: ${simdTarget()}\n`)
  const build = join(process.env['TILTH_ROOT'] ?? process.cwd(), 'build', 'native')
  await execa('cmake', ['--build', build, '--target', 'kernels_bench'])
  const program = join(build, 'kernels_bench')
  const speeds = [...(await nativeSpeeds(program)), ...(await scriptSpeeds(program))]
  process.stdout.write(`${tableOf(speeds)}\n\n`)

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
