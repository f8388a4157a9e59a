import { Option, type Command } from 'commander'
import { CODECS, type Codec } from '../domain/codec.js'
import { wholeNumberIn } from './numbers.js'

interface Options {
  readonly out: string
  readonly threads?: number
  readonly codec: Codec
  readonly force?: boolean
  readonly json?: boolean
  readonly quiet?: boolean
}

export function register(program: Command): void {
  program
    .command('import-l2a')
    .description(
      'write an L2A product of Sen2Cor or MAJA in our layout, masks in our bits; needs no database, corrects no pixel',
    )
    .argument(
      '<product>',
      'SAFE folder (S2x_MSIL2A), folder of Theia (SENTINEL2x_..._L2A_...), or a zip or tar with one',
    )
    .requiredOption('-o, --out <dir>', 'folder that gets <dir>/<product name>/')
    .option('--threads <n>', 'encoders that run at once (default: CPUs)', wholeNumberIn(1, 256))
    .addOption(
      new Option('--codec <name>', 'of GeoTIFFs; deflate: any reader').choices(CODECS).default('deflate'),
    )
    .option('--force', 'replace a product of the same name in --out')
    .option('--quiet', 'no progress on stderr')
    .option('--json', 'print the result as JSON')
    .action(async (product: string, options: Options) => {
      const { importToFolder } = await import('../runner/import-l2a/import-to-folder.js')
      const { ProgressLine } = await import('./progress-line.js')
      const { interruptible } = await import('./interruptible.js')
      const { loadConfig } = await import('../config/config.js')
      const { archiveLimits } = await import('../config/archive-limits.js')
      const progress = new ProgressLine(options.quiet !== true)
      const result = await interruptible((signal) =>
        importToFolder({
          product,
          out: options.out,
          scratch: loadConfig(process.env).roots.scratch,
          archiveLimits: archiveLimits({}),
          threads: options.threads ?? null,
          codec: options.codec,
          force: options.force === true,
          signal,
          onProgress: (fraction, note) => {
            progress.show(fraction, note)
          },
          onNote: (note) => {
            progress.note(note)
          },
        }),
      ).finally(() => {
        progress.end()
      })
      process.stdout.write(
        options.json === true ? `${JSON.stringify(result, null, 2)}\n` : `${result.folder}\n`,
      )
    })
}
