import { InvalidArgumentError, type Command } from 'commander'
import { printJson, selection, withApp } from './queue-options.js'

export function register(program: Command): void {
  program
    .command('show <what>')
    .description(
      'show a step (NUMBER) with why it waits, settings in force, products and history, or a job (job:NUMBER) with its steps',
    )
    .option('--json', 'print JSON')
    .action(async (what: string, { json }: { json?: boolean }) => {
      const named = selection(what)
      if (named.kind !== 'job' && named.kind !== 'step')
        throw new InvalidArgumentError(`expected a step's number or job:NUMBER, found '${what}'`)
      await withApp(async ({ db, config }) => {
        const { showJob, showStep } = await import('../scheduler/queue-view.js')
        const { formatJobs, formatStep, formatSteps } = await import('./format-queue.js')
        if (named.kind === 'job') {
          const detail = await showJob(db, named.id)
          if (json) printJson(detail)
          else process.stdout.write(`${formatJobs([detail.job])}\n${formatSteps(detail.steps)}`)
        } else {
          const { registeredRoots } = await import('../catalog/storage-roots.js')
          const detail = await showStep(db, named.id, {
            node: config.node,
            proveRoots: () => registeredRoots(db, config),
          })
          if (json) printJson(detail)
          else process.stdout.write(formatStep(detail))
        }
      })
    })
}
