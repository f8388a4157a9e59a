import { offersOf, type OfferRow } from '../../db/sources/offers-of.js'
import type { Queryable } from '../../db/steps/queryable.js'
import type { StandingRow } from '../../db/why/list-standings.js'
import { readSettings } from '../settings-in-force.js'
import { explain, remedyOf, when, type Explanation } from './explanation.js'

type Asked = Pick<StandingRow, 'acquisitionId' | 'state' | 'reasonCode' | 'reason'>

/** An acquisition that was found: what its fetch waits for, source by source in the order in which they are tried. */
export async function whyOnItsWay(db: Queryable, row: Asked, subject: string): Promise<Explanation> {
  const offers = await offersOf(db, row.acquisitionId)
  if (offers.length === 0)
    return explain(subject, `is not complete yet (${row.state})`, {
      reasons: [[row.reasonCode, row.reason].filter(Boolean).join(': ')].filter((text) => text !== ''),
    })
  const { value: interval } = (await readSettings(db)).resolve('sources.interval_s')
  const reasons = offers.map(describeOffer)
  const isReady = offers.some((offer) => standsOpen(offer) && offer.isDue)
  if (row.state === 'found' && isReady)
    reasons.unshift(
      interval === 0
        ? 'it may be fetched now, but schedulers fetch nothing by themselves: sources.interval_s is 0'
        : 'it may be fetched now: it waits for its turn among the downloads (sources.parallel), and for a scheduler that leads',
    )
  const sources = [...new Set(offers.map(({ source }) => source))]
  return explain(
    subject,
    row.state === 'fetching' ? 'is being fetched' : 'was found and is not fetched yet',
    {
      reasons: [...reasons, ...remedies(offers)],
      next:
        row.state === 'fetching'
          ? []
          : ['tilth sources run', ...sources.map((name) => `tilth sources test ${name}`)],
    },
  )
}

/** An acquisition that is left out: by which filter of which source. */
export async function whyIgnored(db: Queryable, row: Asked, subject: string): Promise<Explanation> {
  const offers = await offersOf(db, row.acquisitionId)
  if (offers.length === 0) return explain(subject, 'is left out', { reasons: [row.reason ?? 'by a filter'] })
  return explain(subject, 'is left out', {
    reasons: offers.map(describeOffer),
    next: [...new Set(offers.map(({ source }) => `tilth sources edit ${source}`))],
  })
}

const standsOpen = ({ enabled, refusedCode, givenUp }: OfferRow): boolean =>
  enabled && refusedCode === null && !givenUp

/** One source in one line. Pure. */
export function describeOffer(offer: OfferRow): string {
  const {
    source,
    refusedCode,
    refused,
    errorCode,
    error,
    failures,
    nextTryAt,
    sourceError,
    sourceErrorCode,
  } = offer
  const last = errorCode === null ? '' : `; ${failures} failed, the last with ${errorCode}: ${error ?? ''}`
  if (refusedCode !== null) return `source ${source} leaves it out: ${refusedCode}: ${refused ?? ''}`
  if (offer.givenUp) return `source ${source} was given up: ${errorCode ?? '?'}: ${error ?? ''}`
  if (offer.isBeingFetched) return `source ${source} delivers it since ${when(offer.fetchStartedAt)}`
  if (!offer.enabled) return `source ${source} has it, but is disabled`
  const held =
    sourceErrorCode === null ? '' : `; the source itself failed with ${sourceErrorCode}: ${sourceError ?? ''}`
  return offer.isDue
    ? `source ${source} has it${last}`
    : `source ${source} has it and is asked again at ${when(nextTryAt)}${last}${held}`
}

const remedies = (offers: readonly OfferRow[]): string[] => [
  ...new Set(offers.flatMap((offer) => (standsOpen(offer) ? (remedyOf(offer.errorCode) ?? []) : []))),
]
