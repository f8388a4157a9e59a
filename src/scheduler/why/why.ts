import { listSites } from '../../db/catalog/sites.js'
import { listCompositeCandidates } from '../../db/jobs/list-composite-inputs.js'
import { listSteps } from '../../db/jobs/list-steps.js'
import type { Queryable } from '../../db/steps/queryable.js'
import { findProductState, type ProductState } from '../../db/why/find-product-state.js'
import { findStepOfProduct } from '../../db/why/find-step-of-product.js'
import { listStandings, type StandingFilter } from '../../db/why/list-standings.js'
import { listTileSites } from '../../db/why/list-tile-sites.js'
import { ProcessingError } from '../../domain/errors.js'
import { synthesisWindow } from '../../domain/synthesis.js'
import { parseComposite } from '../consumers/composite-names.js'
import { viewJobs } from '../queue-view.js'
import { openWaitingRoom, type AskingHost } from '../why-waiting.js'
import { explain, when, type Explanation } from './explanation.js'
import { commonReason, whyAcquisition } from './why-acquisition.js'
import { whySite, whyTile } from './why-area.js'
import { whyJob, whyStep } from './why-step.js'

const KINDS = ['site', 'tile', 'acquisition', 'product', 'step', 'job'] as const
type Kind = (typeof KINDS)[number]

/** Tiles of Sentinel-2, with or without ESA's T; Landsat's path and row are digits, as steps are, and need their kind said. */
const S2_TILE = /^T?(\d{1,2}[C-X][A-Z]{2})$/
const PRODUCT = /^[A-Z0-9]+_L[2-9][A-Z]_([A-Z0-9]+)_(\d{8}T\d{6})_[RH]\d{3}(?:_[A-Z0-9]+)?$/

/**
 * Why a thing is not there, or that it is. `what` is `KIND:NAME` with a kind of site, tile, acquisition, product, step, job, or a
 * name alone where it cannot be mistaken: a number is a step, 31TCJ a tile, a product or acquisition has its own name, else a site.
 * Throws NOT_FOUND, and BAD_ARGUMENT for a name of the wrong form.
 */
export async function why(db: Queryable, what: string, host: AskingHost): Promise<Explanation> {
  const { kind, name } = parse(what)
  switch (kind) {
    case 'step': {
      const [step] = await listSteps(db, { ids: [numberOf(kind, name)], limit: 1 })
      if (step === undefined) throw notFound(kind, name, 'tilth steps')
      return whyStep(db, step, openWaitingRoom(db, host))
    }
    case 'job': {
      const [job] = await viewJobs(db, { id: numberOf(kind, name), limit: 1 })
      if (job === undefined) throw notFound(kind, name, 'tilth jobs')
      return whyJob(db, job, host)
    }
    case 'site': {
      const [site] = await listSites(db, name)
      if (site === undefined) throw notFound(kind, name, 'tilth site list')
      return whySite(db, site, host)
    }
    case 'tile':
      return whyTile(db, S2_TILE.exec(name)?.[1] ?? name, host)
    case 'acquisition': {
      const filter = /^\d+$/.test(name)
        ? { ids: [Number(name)] }
        : { name: name.replace(/\/+$/, '').split('/').at(-1) ?? name }
      const found = await explainAcquisitions(db, filter, host)
      if (found === undefined) throw notFound(kind, name, 'tilth acquisitions')
      return found
    }
    case 'product':
      return whyProduct(db, name, host)
  }
}

function parse(what: string): { kind: Kind; name: string } {
  const [prefix = '', ...rest] = what.split(':')
  const kind = KINDS.find((k) => k === prefix)
  if (kind !== undefined && rest.length > 0) return { kind, name: rest.join(':') }
  if (/^\d+$/.test(what)) return { kind: 'step', name: what }
  if (S2_TILE.test(what)) return { kind: 'tile', name: what }
  if (PRODUCT.test(what)) return { kind: 'product', name: what }
  if (/^[a-z0-9][a-z0-9-]{0,62}$/.test(what)) return { kind: 'site', name: what }
  return { kind: 'acquisition', name: what }
}

function numberOf(kind: Kind, name: string): number {
  if (!/^[1-9]\d{0,14}$/.test(name))
    throw new ProcessingError(
      'BAD_ARGUMENT',
      `'${name}' is no ${kind}: expected its number, as in ${kind}:12.`,
    )
  return Number(name)
}

const notFound = (kind: Kind, name: string, list: string): ProcessingError =>
  new ProcessingError('NOT_FOUND', `There is no ${kind} '${name}'. See \`${list}\`.`)

async function explainAcquisitions(
  db: Queryable,
  filter: Omit<StandingFilter, 'limit'>,
  host: AskingHost,
): Promise<Explanation | undefined> {
  const rows = await listStandings(db, { ...filter, limit: 1 })
  const [row] = rows
  if (row === undefined) return undefined
  const sites = await listTileSites(db, row.tile === null ? [] : [row.tile])
  return whyAcquisition(db, row, sites, openWaitingRoom(db, host))
}

const isConsumer = (processor: string): boolean => ['ndvi', 'composite'].includes(processor)

/**
 * A product that is made of L2A products and is not there: its last step if there is one, else what it would be made of. Undefined for
 * names of other levels.
 */
async function whyConsumer(db: Queryable, name: string, host: AskingHost): Promise<Explanation | undefined> {
  const processor = { L3A: 'composite', L3B: 'ndvi' }[name.split('_')[1] ?? '']
  if (processor === undefined) return undefined
  const subject = `product ${name}`
  const next = [`tilth process --processor ${processor} --product ${name}`]
  const id = await findStepOfProduct(db, { processor, product: name })
  const [step] = id === undefined ? [] : await listSteps(db, { ids: [id], limit: 1 })
  if (step !== undefined) {
    const part = await whyStep(db, step, openWaitingRoom(db, host))
    return explain(subject, 'is not there', { parts: [part] })
  }
  if (processor === 'composite') return whyNoComposite(db, name, next)
  const source = name.replace('_L3B_', '_L2A_')
  const l2a = await findProductState(db, source)
  return l2a?.removedAt === null
    ? explain(subject, 'is not there', {
        reasons: [`${source} is there, but no step for its NDVI was ever made`],
        next,
      })
    : explain(subject, 'is not there', { parts: [await whyProduct(db, source, host)] })
}

/** A composite that no step was ever made for: what there is of its window. */
async function whyNoComposite(db: Queryable, name: string, next: readonly string[]): Promise<Explanation> {
  const { satellite, tile, day, halfDays } = parseComposite(name)
  const { from, to } = synthesisWindow({ day, halfDays })
  const found = await listCompositeCandidates(db, { tiles: [tile], from, to })
  const count = found.filter((one) => one.satellite === satellite).length
  if (count > 0)
    return explain(`product ${name}`, 'is not there', {
      reasons: [`no step for it was ever made, although ${count} L2A products lie in its window`],
      next,
    })
  const days = { from: from.toISOString().slice(0, 10), to: to.toISOString().slice(0, 10) }
  const known = new Map<string, number>()
  for (const row of await listStandings(db, { satellite, tile, ...days, limit: 100_000 }))
    known.set(commonReason(row), (known.get(commonReason(row)) ?? 0) + 1)
  return explain(`product ${name}`, 'is not there', {
    reasons: [
      `no L2A product of tile ${tile} lies in its window, ${days.from} to ${days.to}`,
      ...(known.size === 0 ? ['no acquisition of these days is known'] : []),
      ...[...known].map(([reason, n]) => `acquisitions of these days that ${reason}: ${n}`),
    ],
    next: [`tilth acquisitions --tile ${tile}`],
  })
}

/** A product that was made once: in force, partial, stale, or removed. Pure. */
function describeProduct(product: ProductState): Explanation {
  const subject = `product ${product.name}`
  const again =
    product.acquisitionId !== null
      ? [`tilth process --acquisition ${product.acquisitionId} --force`]
      : isConsumer(product.processor)
        ? [`tilth process --processor ${product.processor} --product ${product.name} --force`]
        : []
  if (product.removedAt !== null)
    return explain(subject, `was removed ${when(product.removedAt)}`, {
      reasons: [product.removedReason ?? ''],
      next: again,
    })
  const place = `it lies in ${product.location}${product.stepId === null ? '' : `, made by step ${product.stepId}`}`
  const gaps = product.gaps.map(
    ({ acquisition_id, tile, day, why }) =>
      `made without acquisition ${acquisition_id} (${tile}, ${day}), which then ${why}`,
  )
  if (product.staleReason !== null)
    return explain(subject, 'is there, but stale', {
      reasons: [product.staleReason, ...gaps, place],
      next: [
        `tilth process${isConsumer(product.processor) ? ` --processor ${product.processor}` : ''} --stale`,
      ],
    })
  if (gaps.length > 0)
    return explain(subject, `is there since ${when(product.createdAt)}, but partial`, {
      reasons: [...gaps, place],
      next: product.gaps.map(({ acquisition_id }) => `tilth why acquisition:${acquisition_id}`),
    })
  return explain(subject, `is there since ${when(product.createdAt)}`, { reasons: [place] })
}

/** A product by its name, there or not: then by the acquisition that it would be made from. */
async function whyProduct(db: Queryable, name: string, host: AskingHost): Promise<Explanation> {
  const product = await findProductState(db, name)
  if (product !== undefined) return describeProduct(product)
  const consumer = await whyConsumer(db, name, host)
  if (consumer !== undefined) return consumer
  const [, tile, time] = PRODUCT.exec(name) ?? []
  if (tile === undefined || time === undefined)
    throw new ProcessingError(
      'BAD_ARGUMENT',
      `'${name}' is no product: expected a name as S2A_L2A_31TCJ_20250410T105031_R051. See \`tilth products\`.`,
    )
  const all = await listStandings(db, { tile, limit: 100_000 })
  const second = (date: Date) => date.toISOString().slice(0, 19).replace(/[-:]/g, '')
  const source = all.find(({ sensedAt }) => sensedAt !== null && second(sensedAt) === time)
  // Names keep the start of the datatake where the format has one, a few seconds before the tile itself is sensed.
  const near =
    source ??
    all.find(({ sensedAt }) => sensedAt !== null && second(sensedAt).slice(0, 8) === time.slice(0, 8))
  if (near === undefined)
    return explain(`product ${name}`, 'is not there', {
      reasons: [
        `no acquisition of tile ${tile} on ${time.slice(0, 4)}-${time.slice(4, 6)}-${time.slice(6, 8)} is known`,
      ],
      next: ['tilth ingest FOLDER, where it lies'],
    })
  const part = await explainAcquisitions(db, { ids: [near.acquisitionId] }, host)
  return explain(`product ${name}`, 'is not there', { parts: part === undefined ? [] : [part] })
}
