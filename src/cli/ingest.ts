import type { Command } from 'commander'
import { userInfo } from 'node:os'
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
      'record products as acquisitions, and make a job that imports L2A of other processors; exit status 65 if one is broken, 75 if one is still being copied',
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
      const unknown: string[] = []
      const outcomes = await withApp(async (app) => {
        const { ingestPaths } = await import('../catalog/ingest.js')
        const { createImportJob } = await import('../scheduler/create-import-job.js')
        const ended = await ingestPaths(app, paths, {
          copy: options.copy === true,
          onUnknown: (folder) => unknown.push(folder),
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
        const identities = ended.flatMap((outcome) => (outcome.kind === 'present' ? [outcome.identity] : []))
        const { jobId, stepIds, skipped } = await createImportJob(app.db, {
          identities,
          createdBy: `cli ${userInfo().username}`,
        })
        progress.end()
        for (const { tile, reason } of skipped)
          process.stderr.write(`not imported again (${tile}): ${reason}\n`)
        if (jobId !== null)
          process.stderr.write(
            `job ${jobId} imports ${stepIds.length} L2A products of other processors; \`tilth up\` runs it\n`,
          )
        return ended
      }).finally(() => {
        progress.end()
      })
      if (unknown.length > 0)
        process.stderr.write(
          `${unknown.length} ${unknown.length === 1 ? 'folder holds' : 'folders hold'} rasters that no reader knows: ${unknown.slice(0, 10).join(', ')}${unknown.length > 10 ? ', ...' : ''}\n`,
        )
      if (options.json) printJson(outcomes)
      if (outcomes.some((outcome) => outcome.kind === 'broken')) process.exitCode = EXIT.data
      else if (outcomes.some((outcome) => outcome.kind === 'copying')) process.exitCode = EXIT.temporary
    })
}
