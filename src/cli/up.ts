import { Option, type Command } from 'commander'

interface Options {
  readonly untilIdle: boolean
  readonly schedules: boolean
  readonly sources: boolean
  readonly executor: 'auto' | 'local' | 'slurm'
}

export function register(program: Command): void {
  program
    .command('up')
    .description('run the scheduler: run schedules and start ready steps until stopped')
    .option(
      '--until-idle',
      'run what is queued, no schedules and sources; end when no step runs or could run here',
      false,
    )
    .option('--no-schedules', 'leave the schedules of seasons alone; another scheduler may run them')
    .option('--no-sources', 'leave the sources of acquisitions alone; another scheduler may ask them')
    .addOption(
      new Option(
        '--executor <which>',
        'whose steps: local, slurm, or auto = local and, once steps are meant for it (setting executor.kind), Slurm too',
      )
        .choices(['auto', 'local', 'slurm'])
        .default('auto'),
    )
    .addHelpText(
      'after',
      `
Ctrl-C drains: no new steps, running ones end. A second Ctrl-C, SIGTERM or SIGHUP interrupts them; they go back to the queue
and no failure is counted; steps in Slurm go on there, and the next \`tilth up\` finds them. Exit status 0 after each of these. Logs of attempts: <TILTH_HOME>/logs/step-<id>-<attempt>.log.`,
    )
    .action(async ({ untilIdle, schedules, sources, executor }: Options) => {
      const { openApp } = await import('../app.js')
      const { Schedulers, stderrLog, whenReachable } = await import('./run-scheduler.js')
      let isDraining = false
      // Listened to before anything is started: a signal while the database starts must not cut it in half.
      const signalled: (() => void)[] = []
      const on = (name: NodeJS.Signals, act: () => void) => {
        process.on(name, act)
        signalled.push(() => process.off(name, act))
      }
      let drain = (): void => {
        isDraining = true
      }
      let abort = (): void => {
        process.exit(75)
      }
      on('SIGINT', () => {
        if (isDraining) abort()
        else drain()
      })
      for (const name of ['SIGTERM', 'SIGHUP'] as const)
        on(name, () => {
          abort()
        })
      const app = await whenReachable(openApp, stderrLog)
      try {
        const duties = { withSchedules: schedules && !untilIdle, withSources: sources && !untilIdle }
        const scheduler = new Schedulers(app, executor, duties)
        drain = () => {
          isDraining = true
          stderrLog.info('draining: running steps end, no new ones start; Ctrl-C again interrupts them')
          scheduler.drain()
        }
        abort = () => {
          stderrLog.info('interrupting: running steps go back to the queue')
          scheduler.abort()
        }
        // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- a signal may have come while the database started
        if (isDraining) scheduler.drain()
        stderrLog.info(`scheduler ${app.config.node} is up (data in ${app.config.home})`)
        await scheduler.run({ untilIdle })
      } finally {
        await app.close()
        for (const off of signalled) off()
      }
    })
}
