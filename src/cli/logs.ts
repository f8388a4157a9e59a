import type { Command } from 'commander'
import { join } from 'node:path'
import type { App } from '../app.js'
import { positiveInteger } from './numbers.js'
import { printJson, withApp } from './queue-options.js'

/** The log of the element of a job array that carries an attempt; undefined where there is none. */
async function logOfElement(app: App, claim: { id: number; attempt: number }): Promise<string | undefined> {
  const { readFile } = await import('node:fs/promises')
  const { findLoad } = await import('../scheduler/slurm-store.js')
  const { logFolderOf } = await import('./run-scheduler.js')
  const load = await findLoad(app.db, claim)
  if (load?.jobId == null) return undefined
  return readFile(join(logFolderOf(app), `slurm-${load.jobId}_${load.element}.log`), 'utf8').catch(
    () => undefined,
  )
}

export function register(program: Command): void {
  program
    .command('logs <step>')
    .description(
      'print the log of an attempt of a step; the newest unless --attempt is given. Of a failed one --json adds what is known of its end',
    )
    .option('--attempt <n>', 'which attempt', positiveInteger)
    .option('--tail <lines>', 'only the last lines', positiveInteger)
    .option('--json', 'print JSON')
    .action(async (step: string, options: { attempt?: number; tail?: number; json?: boolean }) => {
      const id = positiveInteger(step)
      await withApp(async (app) => {
        const { readFile } = await import('node:fs/promises')
        const { attemptLogPath } = await import('../executors/local.js')
        const { failedAttempts } = await import('../scheduler/failed-attempts.js')
        const { findStep, listStepEvents } = await import('../scheduler/queue-view.js')
        const { logFolderOf } = await import('./run-scheduler.js')
        const { ProcessingError } = await import('../domain/errors.js')
        const found = await findStep(app.db, id)
        const attempt = options.attempt ?? found.attempt
        const path = attemptLogPath(logFolderOf(app), id, attempt)
        const failure = failedAttempts(await listStepEvents(app.db, id)).find(
          (one) => one.attempt === attempt,
        )
        const own = await readFile(path, 'utf8').catch(() => undefined)
        // A step in Slurm that has not begun, or whose process never came up: the element that carries it may say why.
        const element = own === undefined ? await logOfElement(app, { id, attempt }) : undefined
        if (element !== undefined)
          process.stderr.write(
            `no log of the attempt yet; this is the log of the Slurm job that carries it\n`,
          )
        const text = own ?? element
        if (text === undefined && failure === undefined)
          throw new ProcessingError(
            'NOT_FOUND',
            `Step ${id} has no log of attempt ${attempt} at ${path}${attempt === 0 ? ': it has not started yet' : found.node === app.config.node ? '' : ` on this host; it ran on ${found.node ?? 'none'}`}.`,
          )
        if (text === undefined)
          process.stderr.write(`no log at ${path}; these are the last lines, kept in the database\n`)
        const lines =
          text?.split('\n').filter((line, i, all) => line !== '' || i < all.length - 1) ??
          failure?.lastLines ??
          []
        const shown = options.tail === undefined ? lines : lines.slice(-options.tail)
        if (options.json) printJson({ step: id, attempt, path, lines: shown, failure: failure ?? null })
        else process.stdout.write(shown.map((line) => `${line}\n`).join(''))
      })
    })
}
