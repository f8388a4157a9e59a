import { mkdir, rm, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { App } from '../app.js'
import { asUnavailable } from '../domain/database-away.js'
import { asProcessingError } from '../domain/errors.js'
import type { ProbeReport } from '../executors/slurm/check-cluster.js'
import { describeMismatch } from '../scheduler/node-presence.js'
import { readNodeStanding } from '../scheduler/nodes.js'
import { logFolderOf } from './run-scheduler.js'
import { hostOfRoots } from './slurm-carry.js'

/** Looks at this node as an element would before it does work. Never rejects: what is wrong stands in the report. */
export async function probeNode(open: () => Promise<App>, version: string): Promise<ProbeReport> {
  const node = process.env['SLURMD_NODENAME'] ?? hostname()
  const nothing = { node, version, database: null, mismatch: null, roots: null, logs: null }
  let app: App
  try {
    app = await open()
  } catch (error) {
    return { ...nothing, database: describe(error) }
  }
  try {
    const { provenRoots } = await import('../catalog/storage-roots.js')
    const host = await hostOfRoots(app, node)
    const program = { version: app.config.version, schema: app.schema }
    return {
      ...nothing,
      mismatch: describeMismatch(await readNodeStanding(app.db, node), program),
      roots: await trouble(() => provenRoots(app.db, { ...app.config, host })),
      logs: await trouble(async () => {
        const folder = logFolderOf(app)
        await mkdir(folder, { recursive: true })
        const path = join(folder, `.probe-${node}-${process.pid}`)
        await writeFile(path, '')
        await rm(path)
      }),
    }
  } catch (error) {
    return { ...nothing, database: describe(error) }
  } finally {
    await app.close()
  }
}

const describe = (error: unknown): string => {
  const { code, message } = asProcessingError(asUnavailable(error))
  return `${code}: ${message}`
}

const trouble = (look: () => Promise<unknown>): Promise<string | null> => look().then(() => null, describe)
