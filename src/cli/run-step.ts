import { InvalidArgumentError, type Command } from 'commander'
import type { App } from '../app.js'
import type { RootName } from '../config/config.js'
import { ProcessingError } from '../domain/errors.js'
import { positiveInteger } from './numbers.js'

export function register(program: Command): void {
  program
    .command('run-step [id]')
    .description(
      'run one claimed step, or with --serve one after another as an executor asks (NDJSON on stdin)',
    )
    .option('--attempt <n>', 'the claim to run: the attempt number on the row', positiveInteger)
    .option('--serve', 'take steps from stdin until it ends', false)
    .addHelpText(
      'after',
      `
For executors; people use \`tilth process\` and \`tilth up\`. SIGTERM cancels the step, or with --serve and TILTH_SIGTERM=interrupt gives it back; the end of stdin (with --serve) interrupts it
within 2 s. Exit status: 0 succeeded, 1 failed and recorded, 75 cancelled, interrupted or claim lost, 69 no database.`,
    )
    .action(async (id: string | undefined, options: { attempt?: number; serve: boolean }) => {
      if (!options.serve && (id === undefined || options.attempt === undefined))
        throw new InvalidArgumentError('give an id and --attempt, or --serve')
      const { openApp } = await import('../app.js')
      const { createStepStore, whileReachable } = await import('../scheduler/step-store.js')
      const { rootsProver } = await import('../catalog/storage-roots.js')
      const { loadProcessor } = await import('../runner/load-processor.js')
      let app: App | undefined
      const opening = openWithPatience(() => openApp({ poolSize: 2, migrate: false })).then((opened) => {
        const { db, config } = opened
        app = opened
        const prove = rootsProver(db, config)
        return {
          store: createStepStore(db),
          proveRoots: (only?: readonly RootName[]) => whileReachable(() => prove(only)),
          loadProcessor,
          toolsFile: config.toolsFile,
        }
      })
      const exit = (status: number) => process.exit(status)
      let status: number
      if (options.serve) {
        const { serveSteps } = await import('../runner/serve-steps.js')
        status = await serveSteps(opening, {
          ...{ input: process.stdin, output: process.stdout, exit },
          sigterm: process.env['TILTH_SIGTERM'] === 'interrupt' ? 'orphan' : 'cancel',
        })
      } else {
        const { Attempt } = await import('../runner/run-step.js')
        const { RUN_STEP_EXIT } = await import('../runner/protocol.js')
        const attempt = new Attempt(
          { id: positiveInteger(id ?? ''), attempt: options.attempt ?? 0 },
          await opening,
        )
        process.on('SIGTERM', () => {
          attempt.stop('cancel')
        })
        status = RUN_STEP_EXIT[(await attempt.run()).outcome]
      }
      await Promise.race([
        app?.close().catch(() => undefined),
        new Promise((resolve) => setTimeout(resolve, 500)),
      ])
      // Threads of pools and handles of GDAL must not keep an ended step process alive.
      exit(status)
    })
}

/** A step process may start while Postgres restarts: that is no failure of the step. */
async function openWithPatience<T>(open: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + 60_000
  for (;;) {
    try {
      return await open()
    } catch (error) {
      if (
        !(error instanceof ProcessingError) ||
        error.code !== 'DATABASE_UNAVAILABLE' ||
        Date.now() > deadline
      )
        throw error
      await new Promise((resolve) => setTimeout(resolve, 250))
    }
  }
}
