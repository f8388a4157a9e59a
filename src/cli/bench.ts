import { Option, type Command } from 'commander'
import { numberIn, positiveInteger, wholeNumberIn } from './numbers.js'

/** What `tilth bench` runs, by name; each measures in one run beside its peer or limit. */
const BENCHES = {
  l2a: () => import('../../bench/l2a.js'),
  kernels: () => import('../../bench/kernels.js'),
  accuracy: () => import('../../bench/accuracy.js'),
  chaos: () => import('../../bench/chaos.js'),
  ingest: () => import('../../bench/ingest.js'),
  overload: () => import('../../bench/overload.js'),
  scale: () => import('../../bench/scale.js'),
  scheduler: () => import('../../bench/scheduler.js'),
  slurm: () => import('../../bench/slurm.js'),
  tail: () => import('../../bench/tail.js'),
} as const

interface L2aBenchOptions {
  readonly rounds: number
  readonly dir?: string
  readonly pixelSize?: number
  readonly baseline: string
  readonly pair: boolean
  readonly landsat: boolean
}

export function register(program: Command): void {
  const bench = program
    .command('bench')
    .description('measure speed and accuracy; nothing of it runs in the tests')
    .hook('preAction', async () => {
      const { endOnSignal } = await import('../../bench/end-on-signal.js')
      endOnSignal()
    })
  bench
    .command('l2a')
    .description(
      'one full simulated tile, DEM and all corrections: wall and CPU time against decoding all its JP2s and encoding the same outputs by two gdal_translate side by side, stages, and peak memory',
    )
    .option('--rounds <n>', 'interleaved rounds; medians are quoted', positiveInteger, 3)
    .option('--dir <folder>', 'where the simulated tile is kept between runs (about 2 GB)', undefined)
    .option(
      '--pixel-size <m>',
      'pixel size of the finest band in m (default: 10, of Landsat 30)',
      numberIn(1, 10_000, 'm'),
    )
    .option('--baseline <nn.nn>', 'processing baseline to simulate', '02.09')
    .option('--pair', 'two tiles at once against one after the other, too', false)
    .addOption(
      new Option(
        '--landsat',
        'instead a simulated Landsat scene on a Sentinel-2 tile of its own UTM zone, on one of the zone beside, and on its own grid',
      )
        .default(false)
        .conflicts(['pair', 'baseline']),
    )
    .action(async ({ rounds, dir, pixelSize, baseline, pair, landsat }: L2aBenchOptions) => {
      const { run } = await BENCHES.l2a()
      const pixelSizeM = pixelSize ?? (landsat ? 30 : 10)
      await run({ rounds, dir: dir ?? null, pixelSizeM, baseline, pair, landsat })
    })
  bench
    .command('kernels')
    .description('native kernels and COG writing against their limits and GDAL')
    .action(async () => {
      const { run } = await BENCHES.kernels()
      await run()
    })
  bench
    .command('ingest')
    .description(
      'the same products by two processes at once: each new exactly once; products a second, peak memory',
    )
    .option('--products <n>', 'how many, each of some 70 files', positiveInteger, 1000)
    .option(
      '--dir <folder>',
      'where they are made, an empty folder or that of an earlier run; removed afterwards (0.6 MB each)',
      undefined,
    )
    .action(async (options: { products: number; dir?: string }) => {
      const { run } = await BENCHES.ingest()
      await run({ products: options.products, dir: options.dir ?? null })
    })
  bench
    .command('accuracy')
    .description('atmospheric correction against 6S and MODTRAN references; needs ../shared/data')
    .option('--write', 'update docs/accuracy.md')
    .addOption(
      new Option(
        '--table <file>',
        'the goals against 6S alone, on another table with the columns of rt-reference/sixs_dev.csv',
      ).conflicts('write'),
    )
    .action(async (options: { write?: boolean; table?: string }) => {
      const { run } = await BENCHES.accuracy()
      await run(options)
    })
  bench
    .command('chaos')
    .description(
      'kill step processes, schedulers and Postgres under a running job, and prove that every step took effect exactly once',
    )
    .option('--rounds <n>', 'rounds, each a job of its own', positiveInteger, 20)
    .option('--steps <n>', 'steps a round, with random dependencies', positiveInteger, 200)
    .option(
      '--step-kills <n>',
      'kills -9 of step processes a round that hit an attempt',
      wholeNumberIn(0, 1_000_000),
      30,
    )
    .option('--scheduler-kills <n>', 'kills -9 of whole schedulers a round', wholeNumberIn(0, 1_000_000), 5)
    .option('--restarts <n>', 'rounds in which Postgres is stopped hard', wholeNumberIn(0, 1_000_000), 5)
    .option('--seed <n>', 'seed of the first round; each further one adds 1', wholeNumberIn(0, 1_000_000), 1)
    .addHelpText(
      'after',
      '\nExit status: 0 when nothing was wrong, 1 with the faults on stdout and the data kept.',
    )
    .action(
      async (
        options: Record<'rounds' | 'steps' | 'stepKills' | 'schedulerKills' | 'restarts' | 'seed', number>,
      ) => {
        const { run } = await BENCHES.chaos()
        const isSound = await run({
          rounds: options.rounds,
          steps: options.steps,
          stepKills: options.stepKills,
          schedulerKills: options.schedulerKills,
          restarts: options.restarts,
          seed: options.seed,
        })
        if (!isSound) process.exitCode = 1
      },
    )
  bench
    .command('overload')
    .description(
      'eager steps that want more memory and disk than a control group has: our admission beside fixed numbers at once; needs root, else it is skipped and says why; exit status 1 where the goal is missed',
    )
    .option('--rounds <n>', 'interleaved rounds; medians are quoted', positiveInteger, 3)
    .option('--steps <n>', 'steps of each job', positiveInteger, 24)
    .option(
      '--memory <MiB>',
      'memory of the control group, page cache included',
      wholeNumberIn(256, 1_000_000),
      2048,
    )
    .option('--read <MiB/s>', 'what its processes read from the disk at most', positiveInteger, 128)
    .option('--file <MiB>', 'file that a step walks', positiveInteger, 192)
    .option('--walks <n>', 'walks over it', positiveInteger, 6)
    .option('--hold <MiB>', 'memory that a step holds besides', positiveInteger, 128)
    .option(
      '--dir <folder>',
      'where the files are made, on a disk of this machine (16 of them); default: the temporary folder',
    )
    .option('--json', 'print the result as JSON', false)
    .action(
      async (
        options: Record<'rounds' | 'steps' | 'memory' | 'read' | 'file' | 'walks' | 'hold', number> & {
          dir?: string
          json: boolean
        },
      ) => {
        const { run } = await BENCHES.overload()
        const { rounds, steps, memory, read, file, walks, hold, dir = null } = options
        const sizes = { memoryMb: memory, readMbS: read, fileMb: file, walks, holdMb: hold }
        const fixed = [1, 2, 4, 8, 16]
        if (!(await run({ rounds, steps, ...sizes, fixed, dir, showProgress: true }, options.json)))
          process.exitCode = 1
      },
    )
  bench
    .command('scale')
    .description(
      'ticks of the schedules, a round of admission, duties and memory of the scheduler with the catalog and queue of a whole country; exit status 1 where a goal is missed',
    )
    .option('--rounds <n>', 'rounds; medians are quoted', positiveInteger, 3)
    .option('--sites <n>', 'sites, a tenth of them sub-sites, 10 or more', wholeNumberIn(10, 10_000), 1000)
    .option('--acquisitions <n>', 'acquisitions of a season', positiveInteger, 100_000)
    .option('--steps <n>', 'steps: history of the acquisitions, the rest waits', positiveInteger, 1_000_000)
    .option('--fresh <n>', 'new acquisitions at once in the largest tick', positiveInteger, 1000)
    .option('--memory-seconds <s>', 'how long the memory of the scheduler is watched', positiveInteger, 30)
    .option('--json', 'print the result as JSON', false)
    .action(
      async ({
        json,
        ...options
      }: Record<'rounds' | 'sites' | 'acquisitions' | 'steps' | 'fresh' | 'memorySeconds', number> & {
        json: boolean
      }) => {
        const { run } = await BENCHES.scale()
        if (!(await run({ ...options, showProgress: true }, json))) process.exitCode = 1
      },
    )
  bench
    .command('scheduler')
    .description(
      'the queue beside a bare SKIP LOCKED loop and pg-boss on one durable server, a deep queue beside a short one, latency, memory; exit status 1 where a goal is missed',
    )
    .option('--rounds <n>', 'interleaved rounds; medians are quoted', positiveInteger, 5)
    .option('--steps <n>', 'waiting steps of in-degree 2', positiveInteger, 100_000)
    .option(
      '--deep-steps <n>',
      'steps of the deep queue; the short one has a hundredth',
      positiveInteger,
      1_000_000,
    )
    .option('--starts <n>', 'starts whose latency is measured, warm; a tenth of it cold', positiveInteger, 50)
    .option('--memory-seconds <s>', 'how long the memory of the scheduler is watched', positiveInteger, 20)
    .option('--json', 'print the result as JSON', false)
    .action(
      async (options: {
        rounds: number
        steps: number
        deepSteps: number
        starts: number
        memorySeconds: number
        json: boolean
      }) => {
        const { run } = await BENCHES.scheduler()
        if (!(await run({ ...options, showProgress: true }, options.json))) process.exitCode = 1
      },
    )
  bench
    .command('slurm')
    .description(
      'no-op steps through a Slurm of three nodes on this host, beside a bare array of as many elements that run `node -e 0`; needs root; exit status 1 where the goal is missed',
    )
    .option('--rounds <n>', 'interleaved rounds; medians are quoted', positiveInteger, 1)
    .option('--steps <n>', 'steps, and elements of the bare array, 1 to 1000', wholeNumberIn(1, 1000), 200)
    .option('--json', 'print the result as JSON', false)
    .action(async ({ rounds, steps, json }: { rounds: number; steps: number; json: boolean }) => {
      const { run } = await BENCHES.slurm()
      if (!(await run({ rounds, steps, showProgress: true }, json))) process.exitCode = 1
    })
  bench
    .command('tail')
    .description(
      'nine equal L2A steps on 2 slots, and eight with one of four times the pixels, beside their CPU time over the slots; exit status 1 where a goal is missed with default settings',
    )
    .option('--rounds <n>', 'interleaved rounds; medians are quoted', positiveInteger, 3)
    .option('--dir <folder>', 'where the simulated products are kept between runs', undefined)
    .option(
      '--pixel-size <m>',
      'finest pixels of an equal tile, 20 to 2000 m; half as wide for the long one',
      numberIn(20, 2000, 'm'),
      60,
    )
    .option(
      '--tuning',
      'measure five ways to set max_parallelism, tile_threads_hint and oversubscription',
      false,
    )
    .option('--json', 'print the result as JSON', false)
    .action(
      async (options: {
        rounds: number
        dir?: string
        pixelSize: number
        tuning: boolean
        json: boolean
      }) => {
        const { run, TAIL_TILES: tiles } = await BENCHES.tail()
        const { rounds, dir = null, pixelSize: pixelSizeM, tuning: isTuning, json } = options
        if (!(await run({ rounds, tiles, dir, pixelSizeM, isTuning, showProgress: true }, json)))
          process.exitCode = 1
      },
    )
}
