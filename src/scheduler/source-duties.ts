import type { Config } from '../config/config.js'
import type { Database } from '../db/connect.js'
import { isFetchDue } from '../db/sources/fetches.js'
import { listSources, type SourceRow } from '../db/sources/sources.js'
import { FolderWatch } from '../sources/folder/watch.js'
import { openSource, type SourcesContext } from '../sources/open-source.js'
import type { Duty } from './leader.js'
import { readSettings } from './settings-in-force.js'

/** How often the duties look whether something is due, seconds. */
const LOOK_S = 2
const BY = 'sources'

interface Log {
  info(message: string): void
  warn(message: string): void
}

/**
 * Sources by themselves: the leading scheduler asks them every `sources.interval_s`, watches their folders, and fetches what was found. Both are
 * duties of their own, so that a download of hours keeps no source from being asked; neither holds anything that admission waits for. What they
 * need is loaded when something is due: readers of products bring GDAL with them.
 */
export function sourceDuties({
  db,
  config,
  log,
}: {
  readonly db: Database
  readonly config: Config
  readonly log: Log
}): readonly Duty[] {
  const context: SourcesContext = { db, config, env: process.env }
  return [lookDuty(context, log), fetchDuty(context, log)]
}

/** The last look at a source, by the clock of this process, ms: intervals are compared with it each time, so that they act at once. */
interface LastLook {
  readonly endedMs: number
  /** When a product of a folder may have settled. */
  readonly againMs: number
}

function lookDuty(context: SourcesContext, log: Log): Duty {
  const watcher = new FolderWatch((message) => {
    log.warn(`sources: ${message}`)
  })
  const last = new Map<number, LastLook>()
  /** Of the leadership during which folders are watched. */
  let led: AbortSignal | undefined
  const said = onlyChanges((message) => {
    log.warn(message)
  })
  return {
    name: 'sources look',
    everyS: LOOK_S,
    run: async (signal) => {
      if (led !== signal) {
        led = signal
        signal.addEventListener('abort', () => {
          watcher.close()
        })
      }
      const settings = await readSettings(context.db)
      const intervalS = settings.resolve('sources.interval_s').value
      const rescanS = settings.resolve('sources.rescan_s').value
      const rows = intervalS === 0 ? [] : (await listSources(context.db, null)).filter((row) => row.enabled)
      watcher.follow(new Set(rows.flatMap((row) => watchedPath(row) ?? [])))
      const now = performance.now()
      const due = rows.filter((row) => {
        const path = watchedPath(row)
        const isTouched = path !== null && watcher.take(path)
        const { endedMs, againMs } = last.get(row.id) ?? { endedMs: -Infinity, againMs: -Infinity }
        const everyMs = (row.kind === 'folder' ? rescanS : intervalS) * 1000
        return row.isDue && (isTouched || againMs <= now || endedMs + everyMs <= now)
      })
      if (due.length === 0) return
      const { lookPass } = await import('./source-pass.js')
      const looks = await lookPass(context, {
        signal,
        only: due.map(({ name }) => name),
        everything: false,
        createdBy: BY,
      })
      // While somebody else looks, these are due still.
      if (looks === undefined) return
      for (const row of due) {
        const look = looks.find(({ source }) => source === row.name)
        const endedMs = performance.now()
        last.set(row.id, { endedMs, againMs: endedMs + (look?.againInS ?? Infinity) * 1000 })
        const { counts, error } = look ?? {}
        said(row.name, error == null ? null : `source ${row.name}: ${error.code}: ${error.message}`)
        if (counts !== undefined && counts.fresh > 0)
          log.info(`source ${row.name}: ${counts.fresh} new acquisitions`)
      }
    },
  }
}

function watchedPath(row: SourceRow): string | null {
  if (row.kind !== 'folder') return null
  try {
    const { parsed } = openSource(row)
    return parsed.kind === 'folder' && parsed.config.watch ? parsed.config.path : null
  } catch {
    // The look says what is wrong with it.
    return null
  }
}

function fetchDuty(context: SourcesContext, log: Log): Duty {
  const said = onlyChanges((message) => {
    log.warn(message)
  })
  return {
    name: 'sources fetch',
    everyS: LOOK_S,
    run: async (signal) => {
      const intervalS = (await readSettings(context.db)).resolve('sources.interval_s').value
      if (intervalS === 0 || !(await isFetchDue(context.db))) return
      const { fetchPass } = await import('./source-pass.js')
      const report = await fetchPass(context, {
        signal,
        createdBy: BY,
        onEvent: (event) => {
          if (event.kind === 'fetched') {
            said(event.product, null)
            log.info(`source ${event.source}: fetched ${event.product}`)
          } else
            said(event.product, `source ${event.source}: ${event.product}: ${event.code}: ${event.message}`)
        },
      })
      if (report !== undefined)
        said('', report.stopped === null ? null : `sources: fetching stopped: ${report.stopped.message}`)
    },
  }
}

/** Says of each thing only what is new; null: there is nothing to say any more. */
function onlyChanges(say: (message: string) => void): (about: string, message: string | null) => void {
  const last = new Map<string, string>()
  return (about, message) => {
    if (message === null) last.delete(about)
    else if (last.get(about) !== message) {
      last.set(about, message)
      say(message)
    }
  }
}
