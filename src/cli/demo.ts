import { InvalidArgumentError, Option, type Command } from 'commander'
import { numberIn, wholeNumber } from './numbers.js'

export function register(program: Command): void {
  const demo = program
    .command('demo')
    .description(
      'simulate two tiles on three dates and a Landsat scene, run them through database and scheduler, compare with the truth, write an HTML summary',
    )
    .enablePositionalOptions()
    .option('--dir <folder>', 'where the demo lives; replaced at each run (default: <TILTH_HOME>/demo)')
    .option(
      '--pixel-size <m>',
      'pixel size of the finest Sentinel-2 band in m; Landsat has three times that',
      '120',
    )
    .option('--json', 'print the table as JSON')
    .action(async (options: { dir?: string; pixelSize: string; json?: boolean }) => {
      const { runDemo } = await import('./demo/run-demo.js')
      await runDemo({
        dir: options.dir ?? null,
        pixelSizeM: Number(options.pixelSize),
        json: options.json === true,
      })
    })
  registerSeason(demo)
}

interface SeasonCliOptions {
  readonly dir?: string
  readonly rounds: readonly RoundName[]
  readonly size: 'full' | 'small'
  readonly pixelSize: number
  readonly seed: number
  readonly daysPerS: number
  readonly timeout: number
  readonly json?: boolean
}

const ROUNDS = ['local', 'slurm', 'local-kills', 'slurm-kills'] as const
type RoundName = (typeof ROUNDS)[number]

function registerSeason(demo: Command): void {
  demo
    .command('season')
    .description('a simulated year in fast time: sites that run themselves, checked to the last acquisition')
    // Those of \`tilth demo\` itself are none of it.
    .configureHelp({ showGlobalOptions: false })
    .option('--dir <folder>', 'where it lives; replaced at each run (default: <TILTH_HOME>/demo-season)')
    .option(
      '--rounds <names>',
      `rounds, separated by commas, of ${ROUNDS.join(', ')}; each runs the whole season on the same acquisitions`,
      roundNames,
      ['local'] as const,
    )
    .addOption(
      new Option('--size <size>', 'full: 3 sites, 8 tiles, a year; small: 2 sites, 3 tiles, three months')
        .choices(['full', 'small'])
        .default('full'),
    )
    .option(
      '--pixel-size <m>',
      'pixel size of the finest Sentinel-2 band, 60 to 1000 m; Landsat has three times that',
      numberIn(60, 1000, 'm'),
      600,
    )
    .option('--seed <n>', 'of landscape, clouds, dates, faults and kills', wholeNumber, 1)
    .option(
      '--days-per-s <n>',
      'days of the season in a second while little waits, 0.1 to 100; the clock stands while much does',
      numberIn(0.1, 100),
      2,
    )
    .option(
      '--timeout <min>',
      'a round that is not over by then has failed, 1 to 600 min',
      numberIn(1, 600),
      60,
    )
    .option('--json', 'print what it came to as JSON, with the digest of each product')
    .addHelpText(
      'after',
      `
Three sites (one with three sub-sites, two overlapping) on six Sentinel-2 and two Landsat tiles. About 120 simulated acquisitions arrive out of order,
through a watched folder and a STAC server of its own; six are broken (truncated image, missing band, wrong XML, half copied, wrong checksum, file gone),
some come months late, in two parts, over a line that is cut, twice, or again as a newer baseline; passes under thick clouds are listed only.
\`tilth up\` does the rest: L2A, NDVI, monthly composites. At the end it is checked that everything that can be made was made, nothing twice of the same
inputs, that \`tilth why\` explains each gap, that no step, lease, staging folder or process is left, and that all rounds have the same pixels.

local: steps on this machine. slurm: in a Slurm of three nodes that is started on this host for the round (needs root and the packages slurm-wlm and munge).
...-kills: kill -9 at random moments of step processes, of \`tilth up\`, of Postgres, and of a Slurm node, which comes back later.

Exit status 0: all holds; 1: something does not, as the last lines say. Pages: <dir>/index.html. Progress and commands go to stderr.`,
    )
    .action(async (options: SeasonCliOptions) => {
      const { runSeason } = await import('./demo/season/run-season.js')
      const holds = await runSeason({
        ...{
          dir: options.dir ?? null,
          size: options.size,
          pixelSizeM: options.pixelSize,
          seed: options.seed,
        },
        ...{ daysPerS: options.daysPerS, timeoutMin: options.timeout, json: options.json === true },
        rounds: options.rounds.map((name) => ({
          name,
          executor: name.startsWith('slurm') ? 'slurm' : 'local',
          withKills: name.endsWith('-kills'),
        })),
      })
      if (!holds) process.exitCode = 1
    })
}

function roundNames(text: string): readonly RoundName[] {
  const names = text.split(',').map((part) => {
    const name = ROUNDS.find((one) => one === part.trim())
    if (name === undefined)
      throw new InvalidArgumentError(`expected some of ${ROUNDS.join(', ')}, found '${part}'`)
    return name
  })
  if (new Set(names).size === names.length) return names
  throw new InvalidArgumentError(`each round once, found '${text}'`)
}
