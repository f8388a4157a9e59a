import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { App } from '../../src/app.js'
import { addSeason } from '../../src/catalog/seasons.js'
import { addSite } from '../../src/catalog/sites.js'
import { fetchDue, type FetchEvent, type FetchReport } from '../../src/sources/fetch.js'
import { lookAtSources, type SourceLook } from '../../src/sources/look.js'
import { addSource, type SourceDraft } from '../../src/sources/manage.js'
import type { SourcesContext } from '../../src/sources/open-source.js'
import { simulateL1c } from '../../src/simulator/simulate-l1c.js'
import { filesBelow, zipOf } from './archives.js'
import { setSetting } from './queue.js'
import type { Served } from './source-server.js'

/** A small simulated product as a service has it. */
export async function servedProduct(
  folder: string,
  {
    tile = '31TCJ',
    date,
    cloud = 10,
    baseline = '05.11',
  }: { tile?: string; date: string; cloud?: number; baseline?: string },
): Promise<Served & { readonly safePath: string }> {
  const { safePath, name } = await simulateL1c({
    ...{ tile, date, baseline, pixelSizeM: 1080, seed: 5, noiseDn: 0, outDir: folder, withTci: false },
  })
  const product = name.replace(/\.SAFE$/, '')
  const [, time = ''] = /_(\d{8}T\d{6})_/.exec(product) ?? []
  return {
    id: product,
    name: product,
    sensedAt: `${date}T${time.slice(9, 11)}:${time.slice(11, 13)}:${time.slice(13, 15)}.000Z`,
    tile,
    cloud,
    zip: await zipOf(filesBelow(safePath, `${product}.SAFE/`)),
    safePath,
  }
}

/** A site on tile 31TCJ with a season over all of 2025. */
export async function addFields(app: App): Promise<void> {
  const ring = [
    [1.4, 43.5],
    [1.5, 43.5],
    [1.5, 43.6],
    [1.4, 43.6],
    [1.4, 43.5],
  ] as const
  await addSite(app.db, { name: 'Fields', area: { type: 'Polygon', coordinates: [ring] } })
  await addSeason(app.db, 'fields', { name: '2025', startsOn: '2025-03-01', endsOn: '2025-10-31' })
}

/** Requests are repeated at once, failed fetches not before `hurry`: a run would else repeat them on a slow machine only. */
export async function fastSources(app: App): Promise<void> {
  await setSetting(app.db, 'storage.min_free_mb', 0)
  await setSetting(app.db, 'sources.backoff_s', 0.01)
  await setSetting(app.db, 'sources.retry_s', 3600)
  await setSetting(app.db, 'sources.request_tries', 3)
}

export const stacDraft = (url: string, over: Partial<SourceDraft> = {}): SourceDraft => ({
  ...{ name: 'stac', site: null, satellite: 's2', order: 100, kind: 'stac', credentials: {}, enabled: true },
  ...over,
  config: { url: `${url}/stac`, collections: ['sentinel-2-l1c'], rate_per_s: 1000, ...over.config },
})

export const addStac = (app: App, url: string, over: Partial<SourceDraft> = {}): Promise<void> =>
  addSource(app.db, stacDraft(url, over))

export const contextOf = (app: App, env: Readonly<Record<string, string>> = {}): SourcesContext => ({
  db: app.db,
  config: app.config,
  env,
})

export async function look(
  app: App,
  env: Readonly<Record<string, string>> = {},
): Promise<readonly SourceLook[]> {
  const signal = new AbortController().signal
  return (await lookAtSources(contextOf(app, env), { signal, everything: true })) ?? []
}

export async function fetchAll(
  app: App,
  env: Readonly<Record<string, string>> = {},
): Promise<{ report: FetchReport; events: readonly FetchEvent[] }> {
  const events: FetchEvent[] = []
  const report = await fetchDue(contextOf(app, env), {
    signal: new AbortController().signal,
    onEvent: (event) => events.push(event),
  })
  if (report === undefined) throw new Error('another process fetches')
  return { report, events }
}

/** Makes all that waits due now. */
export async function hurry(app: App): Promise<void> {
  await app.db
    .updateTable('source_offer')
    .set({ next_try_at: new Date(0) })
    .execute()
  await app.db
    .updateTable('source')
    .set({ next_run_at: new Date(0) })
    .execute()
}

/** Names in the staging folder of the root `l1`. */
export function stagingOf(app: App): readonly string[] {
  const folder = join(app.config.roots.l1, '.staging')
  return existsSync(folder) ? readdirSync(folder) : []
}
