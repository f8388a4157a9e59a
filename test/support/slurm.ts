import { openApp, type App } from '../../src/app.js'
import { loadConfig } from '../../src/config/config.js'
import { startSlurm, type SlurmCluster } from '../../bench/slurm/cluster.js'
import { overTcp } from '../../bench/slurm/tcp-database.js'
import { createTestDatabase } from './database.js'
import { STEP_RUNS } from './queue.js'

export interface SlurmApp {
  readonly cluster: SlurmCluster
  readonly app: App
  /** Of commands on this database, as the nodes reach it. */
  readonly env: Readonly<Record<string, string>>
  /** That the database asks for. */
  readonly password: string
  close(): Promise<void>
}

/** A Slurm of three nodes, and an app on a database of its own that the nodes reach; steps are those of `step-runs.mjs`. */
export async function openSlurmApp(options: { readonly elastic?: boolean } = {}): Promise<SlurmApp> {
  process.env['TILTH_TEST_PROCESSOR'] = STEP_RUNS
  const cluster = await startSlurm(options)
  process.env['SLURM_CONF'] = cluster.conf
  const database = await createTestDatabase()
  const tcp = await overTcp(database.url)
  const env = { ...database.env, DATABASE_URL: tcp.url }
  const app = await openApp({ config: loadConfig(env) })
  return {
    ...{ cluster, app, env, password: tcp.password },
    close: async () => {
      await cluster.stop()
      await app.close()
      await tcp.close()
      await database.close()
    },
  }
}
