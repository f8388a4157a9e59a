import type { Command } from 'commander'
import { join } from 'node:path'
import { interruptible } from './interruptible.js'
import { positiveInteger } from './numbers.js'
import { ProgressLine } from './progress-line.js'
import { printJson } from './queue-options.js'

export function register(program: Command): void {
  const rt = program
    .command('rt')
    .description('the table of radiative transfer that L2A reads: what is in it, and how it is made')
  rt.command('show [file]')
    .description('axes, aerosols and checksum of a table; the one that ships with the program unless told')
    .option('--json', 'print JSON')
    .action(async (file: string | undefined, options: { json?: boolean }) => {
      const { readAtmosphereTable, shippedTablePath } = await import('../runner/rt/atmosphere-table.js')
      const path = file ?? shippedTablePath()
      const { header, digest } = readAtmosphereTable(path)
      if (options.json === true) {
        printJson({ file: path, digest, ...header })
        return
      }
      const axis = (name: string, values: readonly number[], unit: string) =>
        `${name.padEnd(14)}${values.join(' ')} ${unit}\n`
      process.stdout.write(
        `${path}\n${header.name}, sha256 ${digest}\n` +
          axis('wavelength', header.wavelengths_um, 'um') +
          axis('sun zenith', header.sun_zenith_deg, 'degrees') +
          axis('view zenith', header.view_zenith_deg, 'degrees') +
          axis('AOT at 550 nm', header.aot, '') +
          axis('pressure', header.pressure_ratio, 'x 1013.25 hPa') +
          `aerosols      ${header.models.map(({ model }) => model).join(', ')}\n`,
      )
    })
  rt.command('build')
    .description(
      'make the table anew, offline; ended at any moment it goes on where it was; the same bytes for any number of threads',
    )
    .option('--out <file>', 'where to (default: config/rt/atmosphere.rt of the program)')
    .option('--threads <n>', 'processes of the solver side by side', positiveInteger, 1)
    .option('--quiet', 'no progress on stderr')
    .option('--json', 'print JSON')
    .action(async (options: { out?: string; threads: number; quiet?: boolean; json?: boolean }) => {
      const { shippedTablePath } = await import('../runner/rt/atmosphere-table.js')
      const { programRoot } = await import('../runner/rt/solve-part.js')
      const { planTable, readAerosolOptics } = await import('../runner/rt/plan.js')
      const { buildTable } = await import('../runner/rt/build-table.js')
      const out = options.out ?? shippedTablePath()
      const plan = planTable(await readAerosolOptics(join(programRoot(), 'config/rt/aerosol-optics.json')))
      const progress = new ProgressLine(options.quiet !== true)
      const built = await interruptible((signal) =>
        buildTable(plan, {
          ...{ out, parts: `${out}.parts`, threads: options.threads, signal },
          onProgress: (fraction, note) => {
            progress.show(fraction, note)
          },
        }),
      ).finally(() => {
        progress.end()
      })
      if (options.json === true) printJson(built)
      else
        process.stdout.write(
          `${built.out}: ${built.bytes} bytes, ${built.parts} parts, ${built.resumed} of them from an earlier run\n`,
        )
    })
}
