import type { Command } from 'commander'
import { runFileForm, withFileFormOptions, type FileFormOptions } from './file-form.js'
import { numberIn } from './numbers.js'

export function register(program: Command): void {
  const command = program
    .command('ndvi')
    .description(
      'vegetation index of one L2A product (Sentinel-2 at 10 m, Landsat at 30 m); needs no database',
    )
    .argument('<l2a>', 'folder of an L2A product, as `tilth l2a` and `tilth import-l2a` write it')
    .option(
      '--min-sum <value>',
      'red + near infrared below this is no-data, 0.0001..2 (default: 0.01)',
      numberIn(0.0001, 2),
    )
  withFileFormOptions(command, 512).action(
    async (l2a: string, options: FileFormOptions & { readonly minSum?: number }) => {
      const { ndviToFolder } = await import('../runner/ndvi/ndvi-to-folder.js')
      const parameters = options.minSum === undefined ? {} : { min_sum: options.minSum }
      await runFileForm(options, (common) => ndviToFolder({ ...common, input: l2a, parameters }))
    },
  )
}
