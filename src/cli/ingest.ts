import type { Command } from 'commander'
import { printJson, withApp } from './queue-options.js'

interface Options {
  readonly copy?: boolean
  readonly quiet?: boolean
  readonly json?: boolean
}

export function register(program: Command): void {
  program
    .command('ingest')
    .description(
      'record products as acquisitions; exit status 65 if one is broken, 75 if one is still being copied',
    )
    .argument('<paths...>', 'product folders, zip or tar archives, or folders with such anywhere below')
    .option(
      '--copy',
      'copy folders into the root l1 (default: symbolic links); archives are always unpacked into it',
    )
    .option('--quiet', 'no progress on stderr')
    .option('--json', 'print JSON')
    .action(async (paths: string[], options: Options) => {
      const { EXIT } = await import('../domain/errors.js')
      const { ProgressLine } = await import('./progress-line.js')
      const progress = new ProgressLine(options.quiet !== true)
      const outcomes = await withApp(async (app) => {
        const { ingestPaths } = await import('../catalog/ingest.js')
        return ingestPaths(app, paths, {
          copy: options.copy === true,
          onProgress: (done, total) => {
            if (total > 1) progress.show(done / total, `${done} of ${total} products`)
          },
          onOutcome: (outcome) => {
            if (options.json) return
            if (outcome.kind === 'present') {
              const known = outcome.isNew ? '' : ', known already'
              process.stdout.write(
                `${outcome.state}  ${outcome.tile} ${outcome.sensedAt}${known}  ${outcome.path}\n`,
              )
            } else
              process.stdout.write(`${outcome.kind}  ${outcome.path}: ${outcome.code}: ${outcome.reason}\n`)
          },
        })
      }).finally(() => {
        progress.end()
      })
      if (options.json) printJson(outcomes)
      if (outcomes.some((outcome) => outcome.kind === 'broken')) process.exitCode = EXIT.data
      else if (outcomes.some((outcome) => outcome.kind === 'copying')) process.exitCode = EXIT.temporary
    })
}
