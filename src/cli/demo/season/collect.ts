import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { processesOf } from '../../../../bench/chaos/processes.js'
import { foldersLeft } from '../../../../bench/chaos/round.js'
import type { App } from '../../../app.js'
import { listProducts, type PublishedProduct } from '../../../catalog/products.js'
import { provenRoots, registeredRoots } from '../../../catalog/storage-roots.js'
import { parseProductName, revisionFolder } from '../../../products/layout.js'
import { listStepHistories, type StepHistory } from '../../../scheduler/queue-view.js'
import { formatExplanation } from '../../../scheduler/why/explanation.js'
import { listWithStanding } from '../../../scheduler/why/list-with-standing.js'
import { why } from '../../../scheduler/why/why.js'
import { askedComposites } from './check-composites.js'
import { digestOfFiles } from './digests.js'
import type { Scenario } from './scenario.js'

type Standing = Awaited<ReturnType<typeof listWithStanding>>[number]

/** What a round has come to, as the database and the folders have it. */
export interface RoundFacts {
  readonly acquisitions: readonly Standing[]
  readonly products: readonly PublishedProduct[]
  readonly steps: readonly StepHistory[]
  /** What each L2A step began with in its chain, by its number; two that began alike have the same text. */
  readonly starts: ReadonlyMap<number, string>
  /** What `tilth why` says of each acquisition without L2A in force, by its number. */
  readonly answers: ReadonlyMap<number, string>
  /** What it says of each composite that was asked for and is not there, by its name. */
  readonly missing: ReadonlyMap<string, string>
}

const MOST = 1_000_000

export async function collectFacts(
  { db, config }: Pick<App, 'db' | 'config'>,
  scenario: Scenario,
): Promise<RoundFacts> {
  const acquisitions = await listWithStanding(db, { limit: MOST })
  const products = await listProducts(db, { site: null, limit: MOST })
  const steps = await listStepHistories(db)
  const answers = new Map<number, string>()
  const host = { node: config.node, proveRoots: () => registeredRoots(db, config) }
  for (const { acquisitionId, standing } of acquisitions)
    if (standing !== 'corrected')
      answers.set(acquisitionId, formatExplanation(await why(db, `acquisition:${acquisitionId}`, host)))
  const missing = new Map<string, string>()
  for (const { name } of askedComposites(scenario))
    if (!products.some((product) => product.name === name))
      missing.set(name, formatExplanation(await why(db, `product:${name}`, host)))
  const { archive } = await provenRoots(db, config, ['archive'])
  return { acquisitions, products, steps, answers, missing, starts: await readStarts(archive, steps) }
}

/**
 * How L2A steps began, from their revisions in the archive, which keep what was replaced: the state of which product, and that state's digest as it was when
 * the step was claimed. Of a backward start the dates are not told: no two count as alike.
 */
async function readStarts(
  archive: string,
  steps: readonly StepHistory[],
): Promise<ReadonlyMap<number, string>> {
  const made = steps.flatMap((step) => {
    const [name] = step.products
    const id = step.processor === 'l2a' && name !== undefined ? parseProductName(name) : undefined
    if (name === undefined || id === undefined) return []
    const folder = join(archive, revisionFolder(id, { stepId: step.id, attempt: step.attempt }))
    const eventOf = (kind: string) => step.events.findLast((event) => event.kind === kind)?.id ?? 0
    return [{ step, name, folder, claimed: eventOf('claimed'), succeeded: eventOf('succeeded') }]
  })
  const starts = new Map<number, string>()
  for (const { step, folder, claimed } of made) {
    const { chain } = JSON.parse(await readFile(join(folder, 'report.json'), 'utf8')) as {
      chain: { mode: string; previous: string | null }
    }
    const { mode, previous } = chain
    const before = made
      .filter(({ name, succeeded }) => name === previous && succeeded < claimed)
      .sort((a, b) => a.succeeded - b.succeeded)
      .at(-1)
    const state = before === undefined ? '' : await digestOfFiles(before.folder, /^STATE_.*\.tif$/)
    starts.set(step.id, mode === 'backward' ? `backward ${step.id}` : `${mode} ${previous ?? ''} ${state}`)
  }
  return starts
}

/** Processes, staging and scratch folders of a round that should be gone when it is over, one line each. */
export async function collectLeft(home: string): Promise<readonly string[]> {
  const fetches = await readdir(join(home, 'l1', '.staging')).catch(() => [])
  return [
    ...processesOf(home).map((line) => `process left: ${line}`),
    ...foldersLeft(home).map((name) => `folder left: ${name}`),
    ...fetches.map((name) => `folder left: l1/.staging/${name}`),
  ]
}
