import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { mkdir, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { ProcessingError } from '../../../domain/errors.js'
import { toLonLat, type Point } from '../../../raster/transform.js'
import { makeLandsatScene, reflectiveGrid } from '../../../simulator/landsat/landsat-scene.js'
import { gridOf, makeScene } from '../../../simulator/scene.js'
import type { PeakMemory } from './peak-memory.js'
import type { PlannedPass } from './scenario.js'

/** One pass as a product: what a server says of it, and where it lies if it was simulated. */
export interface InputProduct {
  readonly pass: PlannedPass
  /** As delivered, without `.SAFE`. */
  readonly name: string
  /** The SAFE folder or the tar; null: it is only listed. */
  readonly path: string | null
  /** ISO 8601 UTC. */
  readonly sensedAt: string
  /** Percent. */
  readonly cloudPercent: number
  /** West, south, east, north, degrees. */
  readonly bbox: readonly [number, number, number, number]
}

export interface SimulateInputsOptions {
  readonly passes: readonly PlannedPass[]
  readonly folder: string
  /** Edge of the finest Sentinel-2 pixels, m; Landsat has three times that. */
  readonly pixelSizeM: number
  readonly seed: number
  /** Main program, for the simulating processes. */
  readonly main: string
  readonly memory: PeakMemory
  readonly onProgress: (done: number, of: number) => void
}

/** Weather and air of all simulated passes. */
const SKY = ['--clouds', '0.3', '--cirrus', '0.1', '--aot', '0.15', '--air-variation', '0.2'] as const

/**
 * Simulates the clear passes, several processes at a time, damages those that shall be broken on disk, and says of each pass what a server would. The same
 * options give the same bytes. Throws INTERNAL with what the simulation said when it fails.
 */
export async function simulateInputs(options: SimulateInputsOptions): Promise<readonly InputProduct[]> {
  const { passes, folder, pixelSizeM, onProgress } = options
  await mkdir(folder, { recursive: true })
  const clear = passes.filter(({ listedCloud }) => listedCloud === null)
  const groups = new Map<string, PlannedPass[]>()
  for (const pass of clear) {
    const key = [pass.tile, pass.platform, pass.baseline].join(' ')
    groups.set(key, [...(groups.get(key) ?? []), pass])
  }
  let done = 0
  const waiting = [...groups.values()].sort((a, b) => b.length - a.length)
  const worker = async () => {
    for (let group = waiting.shift(); group !== undefined; group = waiting.shift())
      await simulateGroup(group, options, () => {
        onProgress(++done, clear.length)
      })
  }
  await Promise.all(Array.from({ length: Math.min(4, availableParallelism()) }, worker))
  const products: InputProduct[] = []
  for (const pass of passes) products.push(await describe(pass, folder, pixelSizeM))
  for (const { pass, path } of products) if (path !== null) await damage(pass, path)
  return products
}

async function simulateGroup(
  group: readonly PlannedPass[],
  { folder, pixelSizeM, seed, main, memory }: SimulateInputsOptions,
  onProduct: () => void,
): Promise<void> {
  const [first] = group
  if (first === undefined) return
  const dates = group.map(({ date }) => date).join(',')
  const common = ['--tile', first.tile, '--date', dates, '--platform', first.platform, '--out', folder]
  const own =
    first.satellite === 'landsat'
      ? ['--satellite', 'landsat', '--pixel-size', String(3 * pixelSizeM), '--tar']
      : ['--pixel-size', String(pixelSizeM), '--baseline', first.baseline, '--no-tci']
  const args = ['simulate', ...common, ...own, '--seed', String(seed), ...SKY]
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  memory.follow(child.pid)
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
  createInterface(child.stdout).on('line', onProduct)
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
  if (code !== 0)
    throw new ProcessingError(
      'INTERNAL',
      `'tilth ${args.join(' ')}' ended with ${String(code)}: ${said.trim()}`,
    )
}

async function describe(pass: PlannedPass, folder: string, pixelSizeM: number): Promise<InputProduct> {
  const facts = pass.satellite === 's2' ? ofSentinel2(pass, pixelSizeM) : ofLandsat(pass, 3 * pixelSizeM)
  if (pass.listedCloud !== null) return { pass, ...facts, path: null, cloudPercent: pass.listedCloud }
  const file = pass.satellite === 's2' ? `${facts.name}.SAFE` : `${facts.name}.tar`
  const truth = join(folder, pass.satellite === 's2' ? `${file}.truth` : `${facts.name}.truth`)
  const { clouds } = JSON.parse(await readFile(join(truth, 'truth.json'), 'utf8')) as {
    clouds: { cloud_percent: number }
  }
  await rm(truth, { recursive: true })
  return { pass, ...facts, path: join(folder, file), cloudPercent: clouds.cloud_percent }
}

function ofSentinel2({ tile, date, platform, baseline }: PlannedPass, pixelSizeM: number) {
  if (platform === 'L8') throw new RangeError(`${platform} sees no Sentinel-2 tile`)
  const scene = makeScene({ tile, date, platform, baseline, pixelSizeM, outDir: '' })
  return {
    name: scene.names.safe.replace(/\.SAFE$/, ''),
    sensedAt: new Date(scene.pass.sensingMs).toISOString(),
    bbox: boxOf(gridOf(scene, 10)),
  }
}

function ofLandsat({ tile, date }: PlannedPass, pixelSizeM: number) {
  const scene = makeLandsatScene({ tile, date, platform: 'L8', pixelSizeM, outDir: '' })
  return {
    name: scene.productId,
    sensedAt: new Date(scene.timeMs).toISOString(),
    bbox: boxOf(reflectiveGrid(scene)),
  }
}

function boxOf(grid: ReturnType<typeof gridOf>): InputProduct['bbox'] {
  const { epsg, ulx, uly, width, height, pixelWidthM, pixelHeightM } = grid
  const [east, south] = [ulx + width * pixelWidthM, uly - height * pixelHeightM]
  const corners: Point[] = [
    [ulx, uly],
    [east, uly],
    [ulx, south],
    [east, south],
  ]
  const lonLat = toLonLat(epsg, corners)
  const [lons, lats] = [lonLat.map(([lon]) => lon), lonLat.map(([, lat]) => lat)]
  return [Math.min(...lons), Math.min(...lats), Math.max(...lons), Math.max(...lats)]
}

/** What lies on disk as it should not; what a copy or a server does wrong happens later. */
async function damage({ fault }: PlannedPass, safe: string): Promise<void> {
  if (fault !== 'truncated image' && fault !== 'missing band' && fault !== 'wrong XML') return
  const files = await readdir(safe, { recursive: true })
  const find = (pattern: RegExp): string => {
    const file = files.find((path) => pattern.test(path))
    if (file === undefined) throw new ProcessingError('INTERNAL', `${safe} has no file ${String(pattern)}.`)
    return join(safe, file)
  }
  if (fault === 'missing band') await rm(find(/IMG_DATA\/.*_B11\.jp2$/))
  else if (fault === 'truncated image') {
    const image = find(/IMG_DATA\/.*_B04\.jp2$/)
    await truncate(image, Math.floor((await readFile(image)).length / 2))
  } else {
    const xml = find(/MTD_TL\.xml$/)
    await writeFile(xml, (await readFile(xml, 'utf8')).replaceAll('</', '<'))
  }
}
