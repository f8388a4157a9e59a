import { ALL_UNKNOWNS } from './simulated-chain.js'
import { markdownTable } from './markdown-table.js'
import { scoreChain } from './simulated-masks.js'

/** Few clouds, or hardly a shadow stands alone; dates as far apart as those of the chains. */
const [COVER, CIRRUS, DATES] = [
  ...[0.12, 0.05],
  ['2025-04-01', '2025-04-11', '2025-04-21', '2025-05-01', '2025-05-11', '2025-05-21'],
] as const
/** What the chains do not know either; light from beside is left out, displacement is as large in metres on pixels of 60 m. */
const UNKNOWNS = { ...ALL_UNKNOWNS, adjacency: false, jitterPx: 0.15 }
/** Classes of the largest thickness that the sunlight met, from each on. */
const THICKNESS = [0.3, 1, 2] as const

/** A table of how many isolated shadows are found in 48 km, by how thick their clouds are: in 18 km of the chains stand too few for a share. About a minute and a half of CPU. */
export function isolatedShadowTable(): string {
  const { scores } = scoreChain(
    DATES.map((date) => ({ date, cloudCover: COVER, cirrusCover: CIRRUS, unknowns: UNKNOWNS })),
  )
  const all = scores.flatMap(({ isolated }) => isolated)
  const row = (name: string, of: typeof all) => {
    const near = of.filter(({ isNear }) => isNear).length
    return [
      name,
      `${of.length}`,
      `${of.filter(({ isFound }) => isFound).length}`,
      `${near}`,
      of.length === 0 ? '-' : `${((100 * near) / of.length).toFixed(0)} %`,
    ]
  }
  const classes = THICKNESS.map((from, k) => {
    const below = THICKNESS[k + 1] ?? Infinity
    const name = below === Infinity ? `above ${from}` : `${from} to ${below}`
    return row(
      name,
      all.filter(({ tau }) => tau >= from && tau < below),
    )
  })
  return markdownTable(
    ['largest thickness', 'isolated shadows', 'anything found', 'found within 120 m', 'share'],
    [...classes, row('all', all)],
  )
}
