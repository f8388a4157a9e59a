import type { Command } from 'commander'

export function register(program: Command): void {
  program
    .command('demo')
    .description(
      'simulate two tiles on three dates and a Landsat scene, run them through database and scheduler, compare with the truth, write an HTML summary',
    )
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
}
