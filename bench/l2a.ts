import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { measure, median } from './process-tree.js'

export interface L2aBenchOptions {
  readonly rounds: number
  readonly dir: string | null
  readonly pixelSizeM: number
  readonly baseline: string
}

const root = process.env['TILTH_ROOT'] ?? process.cwd()
const tilth = join(root, 'tilth')

/**
 * A full simulated tile, corrected with every output and overview inside the clock, beside the floor: decoding all JP2s of the
 * product by two gdal_translate processes. Rounds are interleaved, so that drift of the machine falls on both. Prints medians.
 */
export async function run({ rounds, dir, pixelSizeM, baseline }: L2aBenchOptions): Promise<void> {
  const base = dir ?? join(tmpdir(), 'tilth-bench')
  const simulated = join(base, `l1c-${pixelSizeM}m-${baseline}`)
  if (!existsSync(simulated) || readdirSync(simulated).every((name) => !name.endsWith('.SAFE'))) {
    mkdirSync(simulated, { recursive: true })
    console.log(`simulating one tile of ${pixelSizeM} m pixels, baseline ${baseline}, into ${simulated}`)
    const made = await measure(tilth, [
      ...['simulate', '--tile', '31TCJ', '--date', '2025-05-10', '--pixel-size', String(pixelSizeM)],
      ...['--baseline', baseline, '--seed', '1', '--out', simulated],
    ])
    console.log(
      `simulated in ${made.wallSeconds.toFixed(0)} s wall, ${made.cpuSeconds.toFixed(0)} s CPU, peak ${made.peakTreeMb.toFixed(0)} MB`,
    )
  }
  const safe = join(simulated, readdirSync(simulated).find((name) => name.endsWith('.SAFE')) ?? '')
  const jp2 = readdirSync(safe, { recursive: true, withFileTypes: true }).filter((e) =>
    e.name.endsWith('.jp2'),
  )
  const megabytes = jp2.reduce((sum, e) => sum + statSync(join(e.parentPath, e.name)).size, 0) / 1e6
  console.log(`${jp2.length} JP2 files, ${megabytes.toFixed(0)} MB`)

  const scratch = join(base, 'work')
  const floor: number[] = []
  const ours: number[] = []
  const cpu: number[] = []
  const floorCpu: number[] = []
  const peak: number[] = []
  for (let round = 0; round < rounds; round++) {
    rmSync(scratch, { recursive: true, force: true })
    mkdirSync(scratch, { recursive: true })
    const f = await measure('sh', [join(root, 'bench', 'decode-all.sh'), safe, scratch])
    const t = await measure(tilth, ['l2a', safe, '--out', join(scratch, 'out'), '--threads', '2'])
    floor.push(f.wallSeconds)
    floorCpu.push(f.cpuSeconds)
    ours.push(t.wallSeconds)
    cpu.push(t.cpuSeconds)
    peak.push(t.peakTreeMb)
    console.log(
      `round ${round + 1}: floor ${f.wallSeconds.toFixed(1)} s wall (${f.cpuSeconds.toFixed(1)} s CPU), l2a ${t.wallSeconds.toFixed(1)} s wall ` +
        `(${t.cpuSeconds.toFixed(1)} s CPU), peak ${t.peakTreeMb.toFixed(0)} MB, ratio ${(t.wallSeconds / f.wallSeconds).toFixed(2)}`,
    )
  }
  rmSync(scratch, { recursive: true, force: true })
  console.log(
    `median of ${rounds}: floor ${median(floor).toFixed(1)} s wall (${median(floorCpu).toFixed(1)} s CPU), l2a ${median(ours).toFixed(1)} s wall ` +
      `(${median(cpu).toFixed(1)} s CPU), ratio ${median(ours.map((w, i) => w / floor[i]!)).toFixed(2)} (goal <= 2.0), ` +
      `peak of the process tree ${Math.max(...peak).toFixed(0)} MB (goal <= 3072)`,
  )
}
