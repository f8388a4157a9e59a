import { formatSeconds, formatTable } from '../../queue-options.js'
import { digestOfLevel } from './digests.js'
import type { RoundResult } from './round.js'
import type { SeasonResult } from './run-season.js'
import type { StageUse } from './stages.js'

/** Levels with what they hold, in the order of the chain. */
export const LEVELS = [
  ['L2A', 'surface reflectance'],
  ['L3B', 'NDVI'],
  ['L3A', 'monthly composites'],
] as const

/** One round in a line, and what is wrong with it. Pure. */
export function formatRound(round: RoundResult): string {
  const levels = LEVELS.map(([level]) => {
    const { count, sha256 } = digestOfLevel(round.digests, level)
    return `${count} ${level} ${sha256.slice(0, 16)}`
  })
  const { faults } = round
  const wrong =
    faults.length === 0 ? 'nothing is wrong' : `wrong:\n${faults.map((one) => `  ${one}`).join('\n')}`
  return `round ${round.name}: ${formatSeconds(round.seconds)}, ${levels.join(', ')}; killed ${killedText(round)}; ${wrong}`
}

/** Text for a terminal: digests of all pixels by round, what was made, time and memory by stage, and what is wrong. Pure. */
export function formatSeason(result: SeasonResult): string {
  const { rounds, faults, seconds, index } = result
  const parts = [
    formatTable(
      ['ROUND', 'TIME', ...LEVELS.map(([level, what]) => `${level} (${what})`), 'KILLED'],
      rounds.map((round) => [
        round.name,
        formatSeconds(round.seconds),
        ...LEVELS.map(([level]) => {
          const { count, sha256 } = digestOfLevel(round.digests, level)
          return `${count}: ${sha256.slice(0, 16)}`
        }),
        killedText(round),
      ]),
    ),
    'Digests are SHA-256 over the rasters of all products of a level; they must be the same in all rounds.\n',
    formatTable(
      ['ROUND', 'ACQUISITIONS', 'EXPLAINED GAPS', 'MADE AGAIN', 'LOST ATTEMPTS'],
      rounds.map(({ name, counts }) => [
        name,
        String(counts.acquisitions),
        String(counts.explained),
        remadeText(counts.remade),
        String(counts.lostAttempts),
      ]),
    ),
    'Made again: inputs had changed, as by dates that came late and newer baselines.\n',
    formatTable(
      ['STAGE', 'COUNT', 'WALL', 'CPU', 'PEAK MEMORY'],
      stagesOf(result).map(({ stage, count, wallS, cpuS, peakMb }) => [
        stage,
        String(count),
        `${wallS.toFixed(1)} s`,
        cpuS === null ? '-' : `${cpuS.toFixed(1)} s`,
        peakMb === null ? '-' : `${peakMb} MB`,
      ]),
    ),
    faults.length === 0
      ? `Everything that can be made was made, nothing twice, every gap is explained, nothing is left behind.\n`
      : `${faults.length} things are wrong:\n${faults.map((fault) => `  ${fault}\n`).join('')}`,
    `${formatSeconds(seconds)} in all. Pages: ${index}\n`,
  ]
  return parts.join('\n')
}

export const killedText = ({ kills }: RoundResult): string =>
  Object.entries(kills)
    .filter(([, count]) => count > 0)
    .map(([kind, count]) => `${count} ${kind}`)
    .join(', ') || 'nothing'

export const remadeText = (remade: Readonly<Record<string, number>>): string =>
  Object.entries(remade)
    .map(([processor, count]) => `${count} ${processor}`)
    .join(', ') || 'nothing'

/** The simulation, then of each round its stages. Pure. */
export function stagesOf({ simulation, rounds }: SeasonResult): StageUse[] {
  return [
    simulation,
    ...rounds.flatMap((round) => [
      ...round.use.map((use) => ({ ...use, stage: `${round.name}: ${use.stage}` })),
      {
        ...{ stage: `${round.name}: scheduler and all`, count: 1, wallS: round.seconds },
        ...{ cpuS: null, peakMb: round.schedulerPeakMb },
      },
      {
        ...{ stage: `${round.name}: check`, count: 1, wallS: round.checkSeconds, cpuS: null, peakMb: null },
      },
    ]),
  ]
}

/** For scripts: the digests of every product, too. Pure. */
export function seasonJson(result: SeasonResult): object {
  return {
    seconds: result.seconds,
    index: result.index,
    faults: result.faults,
    stages: stagesOf(result),
    rounds: result.rounds.map(({ name, seconds, counts, kills, digests }) => ({
      ...{ name, seconds, counts, kills },
      levels: Object.fromEntries(LEVELS.map(([level]) => [level, digestOfLevel(digests, level)])),
      digests: Object.fromEntries(digests),
    })),
  }
}
