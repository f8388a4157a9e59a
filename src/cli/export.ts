import { Option, type Command } from 'commander'
import { LAYOUTS, type Layout } from '../products/layouts/export-facts.js'
import { CODECS, type Codec } from '../domain/codec.js'
import { wholeNumberIn } from './numbers.js'

interface Options {
  readonly layout: Layout
  readonly out: string
  readonly threads?: number
  readonly codec: Codec
  readonly force?: boolean
  readonly json?: boolean
  readonly quiet?: boolean
}

export function register(program: Command): void {
  program
    .command('export')
    .description(
      'write an L2A product of ours in the layout of Theia, Sen2Cor or HLS, for tools made for those; needs no database, corrects no pixel',
    )
    .argument('<product>', 'folder of an L2A product, as `tilth products` names it or `tilth l2a` wrote it')
    .addOption(
      new Option(
        '--layout <name>',
        "theia: MUSCATE, as MAJA writes it; sen2cor: ESA's L2A SAFE; hls: HLS v2.0, 30 m, S30, or L30 of Landsat that lies on a tile of Sentinel-2",
      )
        .choices(LAYOUTS)
        .makeOptionMandatory(),
    )
    .requiredOption('-o, --out <dir>', 'folder that gets <dir>/<name in that layout>/')
    .option('--threads <n>', 'encoders that run at once (default: CPUs)', wholeNumberIn(1, 256))
    .addOption(
      new Option('--codec <name>', 'of GeoTIFFs; deflate: any reader').choices(CODECS).default('deflate'),
    )
    .option('--force', 'replace a product of the same name in --out')
    .option('--quiet', 'no progress on stderr')
    .option('--json', 'print the result as JSON')
    .action(async (product: string, options: Options) => {
      const { exportToFolder } = await import('../runner/export/export-product.js')
      const { ProgressLine } = await import('./progress-line.js')
      const { interruptible } = await import('./interruptible.js')
      const progress = new ProgressLine(options.quiet !== true)
      const result = await interruptible((signal) =>
        exportToFolder({
          ...{ product, layout: options.layout, out: options.out, codec: options.codec, signal },
          threads: options.threads ?? null,
          force: options.force === true,
          onProgress: (fraction, note) => {
            progress.show(fraction, note)
          },
        }),
      ).finally(() => {
        progress.end()
      })
      for (const note of options.quiet === true ? [] : result.notes) process.stderr.write(`${note}\n`)
      process.stdout.write(
        options.json === true ? `${JSON.stringify(result, null, 2)}\n` : `${result.folder}\n`,
      )
    })
}
