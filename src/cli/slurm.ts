import type { Command } from 'commander'

export function register(program: Command): void {
  const slurm = program.command('slurm').description('steps as jobs of a Slurm cluster; see docs/slurm.md')
  slurm
    .command('carry', { hidden: true })
    .description('run what one element of a job array carries; Slurm jobs call it')
    .action(async () => {
      const { openApp } = await import('../app.js')
      const { stderrLog, whenReachable } = await import('./run-scheduler.js')
      const { carryElement } = await import('./slurm-carry.js')
      const app = await whenReachable(() => openApp({ poolSize: 2, migrate: false }), stderrLog)
      try {
        process.exitCode = await carryElement(app)
      } finally {
        await app.close()
      }
      // Threads of pools must not keep an ended element alive.
      process.exit()
    })
}
