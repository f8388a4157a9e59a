import type { Command } from 'commander'
import { printJson, withApp } from './queue-options.js'

interface Options {
  readonly copy?: boolean
  readonly json?: boolean
}

export function register(program: Command): void {
  program
    .command('ingest')
    .description(
      'record Sentinel-2 L1C products; exit status 65 if one is broken, 75 if one is still being copied',
    )
    .argument('<paths...>', 'SAFE folders, or folders with such anywhere below')
    .option('--copy', 'copy into the root l1 (default: symbolic links)')
    .option('--json', 'print JSON')
    .action(async (paths: string[], options: Options) => {
      const { EXIT } = await import('../domain/errors.js')
      const outcomes = await withApp(async (app) => {
        const { ingestPaths } = await import('../catalog/ingest.js')
        return ingestPaths(app, paths, {
          copy: options.copy === true,
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
      })
      if (options.json) printJson(outcomes)
      if (outcomes.some((outcome) => outcome.kind === 'broken')) process.exitCode = EXIT.data
      else if (outcomes.some((outcome) => outcome.kind === 'copying')) process.exitCode = EXIT.temporary
    })
}
