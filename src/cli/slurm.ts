import type { Command } from 'commander'
import { formatTable, printJson, withApp } from './queue-options.js'
import { wholeNumberIn } from './numbers.js'

/** Of which only processor and site are looked at. */
const ANY_CLAIM = { id: 0, attempt: 0, priority: 0, threads: 1, memoryMb: 0, expectedS: null }

export function register(program: Command): void {
  const slurm = program.command('slurm').description('steps as jobs of a Slurm cluster; see docs/slurm.md')
  slurm
    .command('check')
    .description(
      'verify a cluster before it is used: commands, configuration, database, and on each node that is up the program, storage roots and logs',
    )
    .option('--wait <s>', 'how long a busy node is waited for, s', wholeNumberIn(1, 3600), 20)
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Runs one job of 1 CPU and 256 MiB for a moment on each node that is up. Exit status: 0 steps can run, 1 something fails; a warning is
something that could be better. Each line says what was found and what to do about it.`,
    )
    .action(async ({ wait, json }: { wait: number; json?: boolean }) => {
      const { checkCluster } = await import('../executors/slurm/check-cluster.js')
      const { checkDatabase } = await import('../executors/slurm/check-config.js')
      const { wishesOf } = await import('../executors/slurm/request.js')
      const { listSites } = await import('../catalog/find-site.js')
      const { PROCESSORS } = await import('../processors/definitions.js')
      const { readSettings } = await import('../scheduler/settings-in-force.js')
      const { readConnectionLimit } = await import('../scheduler/slurm-store.js')
      const { provenRoots } = await import('../catalog/storage-roots.js')
      const { mainProgram, slurmEnvironment } = await import('./run-scheduler.js')
      const findings = await withApp(async (app) => {
        // As the scheduler does at its start: nodes are compared with what this host has.
        await provenRoots(app.db, app.config)
        const settings = await readSettings(app.db)
        const places = [null, ...(await listSites(app.db)).map(({ id }) => id)]
        return checkCluster({
          env: slurmEnvironment(app),
          probe: [process.execPath, mainProgram(app.config), 'slurm', 'probe'],
          pollS: settings.resolve('slurm.poll_s').value,
          wishes: places.flatMap((siteId) =>
            Object.keys(PROCESSORS).map((processor) =>
              wishesOf({ ...ANY_CLAIM, processor, siteId }, settings),
            ),
          ),
          waitS: wait,
          database: async (cpus) => checkDatabase(app.databaseUrl, await readConnectionLimit(app.db), cpus),
          onProgress: (what, done, all) => {
            if (process.stderr.isTTY)
              process.stderr.write(`\r${what} (${done} of ${all})\u001b[K${done === all ? '\n' : ''}`)
          },
        })
      })
      if (json) printJson(findings)
      else {
        process.stdout.write(
          formatTable(
            ['STATUS', 'CHECK', 'FOUND'],
            findings.map(({ status, check, found }) => [status, check, found.replaceAll('\n', '; ')]),
          ),
        )
        for (const { check, todo } of findings) if (todo !== null) process.stdout.write(`${check}: ${todo}\n`)
      }
      if (findings.some(({ status }) => status === 'fail')) process.exitCode = 1
    })
  slurm
    .command('probe', { hidden: true })
    .description('look at this node as a step would; `tilth slurm check` runs it there')
    .action(async () => {
      const { openApp } = await import('../app.js')
      const { probeNode } = await import('./slurm-probe.js')
      const report = await probeNode(() => openApp({ poolSize: 1, migrate: false }), program.version() ?? '')
      process.stdout.write(`${JSON.stringify(report)}\n`)
    })
  slurm
    .command('carry', { hidden: true })
    .description('run what one element of a job array carries; Slurm jobs call it')
    .action(async () => {
      const { openApp } = await import('../app.js')
      const { stderrLog, whenReachable } = await import('./run-scheduler.js')
      const { carryElement } = await import('./slurm-carry.js')
      const app = await whenReachable(() => openApp({ poolSize: 2, migrate: false }), stderrLog)
      const status = await carryElement(app).finally(() => app.close())
      // Threads of pools must not keep an ended element alive.
      process.exit(status)
    })
}
