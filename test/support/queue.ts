import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { App } from '../../src/app.js'
import { insertJob } from '../../src/db/jobs/insert-job.js'

export const STEP_RUNS = join(import.meta.dirname, 'step-runs.mjs')

/** A job of the test processor with one step for each `params`; returns the ids of its steps. */
export async function insertSteps(
  db: App['db'],
  params: readonly Record<string, unknown>[],
  options: {
    memoryMb?: number
    priority?: number
    siteId?: number
    processor?: string
    cpu?: number
    scratchMb?: number
    ioWeight?: number
    sizeClass?: string
  } = {},
): Promise<{ id: number; stepIds: number[] }> {
  return insertJob(db, {
    processor: options.processor ?? 'l2a',
    siteId: options.siteId ?? null,
    params: {},
    priority: options.priority ?? 100,
    createdBy: 'test',
    tasks: params.map((p) => ({
      tile: '31TCJ',
      acquisitionId: null,
      params: p as never,
      memoryMb: options.memoryMb ?? 64,
      cpu: options.cpu ?? 1,
      ...(options.scratchMb === undefined ? {} : { scratchMb: options.scratchMb }),
      ...(options.ioWeight === undefined ? {} : { ioWeight: options.ioWeight }),
      ...(options.sizeClass === undefined ? {} : { sizeClass: options.sizeClass }),
    })),
  })
}

export async function setSetting(
  db: App['db'],
  key: string,
  value: number | boolean | string,
  siteId: number | null = null,
): Promise<void> {
  const row = { key, site_id: siteId, value: JSON.stringify(value), updated_by: 'test' }
  // One statement: between a removal and an insertion a scheduler would see the default.
  await db
    .insertInto('setting')
    .values(row)
    .onConflict((conflict) =>
      conflict.constraint('setting_once').doUpdateSet({ value: row.value, updated_at: new Date() }),
    )
    .execute()
}

export const stepOf = (db: App['db'], id: number) =>
  db.selectFrom('step').selectAll().where('id', '=', id).executeTakeFirstOrThrow()

/** Looks until `look` gives something else than undefined or false; rejects after `timeoutMs`. */
export async function eventually<T>(
  look: () => Promise<T | undefined | false>,
  what: string,
  timeoutMs = 120_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs
  for (;;) {
    const seen = await look()
    if (seen !== undefined && seen !== false) return seen
    if (Date.now() > deadline) throw new Error(`Waited ${timeoutMs} ms in vain: ${what}.`)
    await wait(25)
  }
}
