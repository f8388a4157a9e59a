import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { slurmObstacle, startSlurm, type SlurmCluster } from '../../../../bench/slurm/cluster.js'
import { loadConfig } from '../../../config/config.js'
import { ProcessingError } from '../../../domain/errors.js'
import { replaceOwnFolder } from '../../../products/own-folder.js'
import { ProgressLine } from '../../progress-line.js'
import { mainProgram } from '../../run-scheduler.js'
import { unlike } from './digests.js'
import type { KillPlan } from './kills.js'
import { PeakMemory } from './peak-memory.js'
import { runRound, type RoundPlan, type RoundResult } from './round.js'
import { planScenario, type ScenarioSize } from './scenario.js'
import { formatRound, formatSeason, seasonJson } from './season-table.js'
import { simulateInputs } from './simulate-inputs.js'
import type { StageUse } from './stages.js'
import { writeIndex } from './write-index.js'

export interface SeasonOptions {
  readonly dir: string | null
  readonly size: ScenarioSize
  readonly rounds: readonly RoundPlan[]
  readonly pixelSizeM: number
  readonly seed: number
  readonly daysPerS: number
  readonly timeoutMin: number
  readonly json: boolean
}

/** What the demonstration came to. */
export interface SeasonResult {
  readonly seconds: number
  readonly simulation: StageUse
  readonly rounds: readonly RoundResult[]
  readonly index: string
  readonly faults: readonly string[]
}

const KILLS: Readonly<Record<ScenarioSize, KillPlan>> = {
  full: { steps: 10, schedulers: 4, postgres: 3, nodes: 2 },
  small: { steps: 2, schedulers: 1, postgres: 1, nodes: 1 },
}

/**
 * A season in fast time, once for each round, from the same simulated acquisitions. Replaces the folder of an earlier run, and no other. True where
 * all held: everything made, nothing twice, gaps explained, nothing left behind, the same pixels in all rounds. Throws SLURM_UNAVAILABLE where
 * a round needs a Slurm and none can be started here, CONFLICT for somebody else's folder, or what its commands throw.
 */
export async function runSeason(options: SeasonOptions): Promise<boolean> {
  const began = performance.now()
  const config = loadConfig(process.env)
  const obstacle = options.rounds.some(({ executor }) => executor === 'slurm') ? slurmObstacle() : null
  if (obstacle !== null)
    throw new ProcessingError(
      'SLURM_UNAVAILABLE',
      `Rounds with slurm start a Slurm of their own on this host: ${obstacle}. Or leave them out: --rounds local.`,
    )
  const home = options.dir === null ? join(config.home, 'demo-season') : resolve(options.dir)
  await replaceOwnFolder(home)
  const main = mainProgram(config)
  const say = (text: string) => {
    process.stderr.write(`${text}\n`)
  }
  const scenario = planScenario(options.size, options.seed)
  const { passes } = scenario
  const clear = passes.filter(({ listedCloud }) => listedCloud === null).length
  say(
    `simulating ${clear} acquisitions of ${new Set(passes.map(({ tile }) => tile)).size} tiles with ${options.pixelSizeM} m pixels; ` +
      `${passes.length - clear} more are only listed, too cloudy`,
  )
  const memory = new PeakMemory()
  const simulating = new ProgressLine(true)
  const inputs = await simulateInputs({
    ...{ passes, main, memory, pixelSizeM: options.pixelSizeM, seed: options.seed },
    folder: join(home, 'inputs'),
    onProgress: (done, of) => {
      simulating.show(done / of, `${done} of ${of} simulated`)
    },
  })
  simulating.end()
  const simulation: StageUse = {
    ...{ stage: 'simulation', count: clear, wallS: (performance.now() - began) / 1000 },
    ...{ cpuS: null, peakMb: memory.peakMb },
  }
  const rounds: RoundResult[] = []
  for (const plan of options.rounds) {
    say(`round ${plan.name}`)
    const progress = new ProgressLine(true)
    const cluster: SlurmCluster | null = plan.executor === 'slurm' ? await startSlurm() : null
    try {
      const kills = { ...KILLS[options.size], ...(cluster === null ? { nodes: 0 } : {}) }
      rounds.push(
        await runRound({
          ...{ plan, scenario, inputs, main, cluster, kills, seed: options.seed, daysPerS: options.daysPerS },
          home: join(home, plan.name),
          timeoutS: options.timeoutMin * 60,
          say: (text) => {
            progress.end()
            say(text)
          },
          onProgress: (share, note) => {
            progress.show(share, note)
          },
        }),
      )
    } finally {
      progress.end()
      await cluster?.stop()
    }
    const done = rounds.at(-1)
    if (done !== undefined) say(formatRound(done))
  }
  const result: SeasonResult = {
    ...{ simulation, rounds, seconds: (performance.now() - began) / 1000 },
    index: join(home, 'index.html'),
    faults: [
      ...rounds.flatMap(({ name, faults }) => faults.map((fault) => `round ${name}: ${fault}`)),
      ...differences(rounds),
    ],
  }
  await mkdir(home, { recursive: true })
  await writeIndex(home, scenario, result)
  process.stdout.write(
    options.json ? `${JSON.stringify(seasonJson(result), null, 2)}\n` : formatSeason(result),
  )
  return result.faults.length === 0
}

/** Products whose pixels are not those of the first round. Pure. */
function differences([first, ...others]: readonly RoundResult[]): string[] {
  if (first === undefined) return []
  return others.flatMap(({ name, digests }) => {
    const names = unlike(first.digests, digests)
    return names.length === 0
      ? []
      : [
          `${names.length} products of round ${name} are not those of round ${first.name}: ${names.slice(0, 5).join(', ')}${names.length > 5 ? ', ...' : ''}`,
        ]
  })
}
