import { checkComposites } from './check-composites.js'
import type { RoundFacts } from './collect.js'
import { FAULTS, type Scenario } from './scenario.js'
import type { InputProduct } from './simulate-inputs.js'

/** What is wrong with a round, one sentence each, and what it counted. */
export interface Verdict {
  readonly faults: readonly string[]
  readonly counts: {
    readonly acquisitions: number
    readonly l2a: number
    readonly ndvi: number
    readonly composites: number
    /** Acquisitions without L2A and months without a composite, all of them explained. */
    readonly explained: number
    /** Products made once more because their inputs had changed, by processor. */
    readonly remade: Readonly<Record<string, number>>
    /** Attempts that ended without success and were made good by a later one. */
    readonly lostAttempts: number
  }
}

/** Ends of an L2A step that say that nothing can come of the date: the chain goes on without it. */
const NOTHING_TO_MAKE = ['TOO_CLOUDY', 'NO_VALID_PIXEL']

/**
 * Whether everything that can be made was made, nothing twice, and every gap explained. `mayLose`: attempts may have been lost, because something was
 * killed. Pure.
 */
export function checkRound(
  scenario: Scenario,
  inputs: readonly InputProduct[],
  facts: RoundFacts,
  mayLose: boolean,
): Verdict {
  const twice = checkTwice(facts)
  const composites = checkComposites(scenario, facts)
  const lost = facts.steps.reduce((sum, { attempt }) => sum + Math.max(0, attempt - 1), 0)
  const of = (level: string) => facts.products.filter((product) => product.level === level).length
  return {
    faults: [
      ...inputs.flatMap((input) => checkAcquisition(input, inputs, scenario.cloudMax, facts)),
      ...checkStrangers(inputs, facts),
      ...composites,
      ...facts.products.flatMap(({ name, staleReason }) =>
        staleReason === null ? [] : [`${name} is stale: ${staleReason}`],
      ),
      ...checkSteps(facts),
      ...twice.faults,
      ...(mayLose || lost === 0 ? [] : [`${lost} attempts were lost although nothing was killed`]),
    ],
    counts: {
      acquisitions: facts.acquisitions.length,
      l2a: of('L2A'),
      ndvi: of('L3B'),
      composites: of('L3A'),
      explained: facts.answers.size + facts.missing.size,
      remade: twice.remade,
      lostAttempts: lost,
    },
  }
}

/** Names as delivered end in `.SAFE`; what cannot be read has its place for a name. */
const isNamed = (name: string, product: string): boolean =>
  name.replace(/\.SAFE$/, '') === product || name.includes(`/${product}.`)

function checkAcquisition(
  { name, pass, cloudPercent }: InputProduct,
  inputs: readonly InputProduct[],
  cloudMax: number,
  { acquisitions, products, answers }: RoundFacts,
): string[] {
  const rows = acquisitions.filter((row) => isNamed(row.name, name))
  const [row] = rows
  if (row === undefined || rows.length > 1) return [`${name} is ${rows.length} acquisitions, expected 1`]
  const isReplaced = inputs.some(
    ({ pass: other }) =>
      other.satellite === pass.satellite &&
      other.tile === pass.tile &&
      other.date === pass.date &&
      other.baseline > pass.baseline,
  )
  const [state, codes]: readonly [string, readonly string[]] =
    pass.fault !== null
      ? ['broken', FAULTS[pass.fault].codes]
      : isReplaced
        ? ['superseded', ['newer']]
        : pass.via === 'stac' && cloudPercent > cloudMax
          ? ['ignored', ['FILTER_CLOUD']]
          : ['corrected', []]
  const answer = answers.get(row.acquisitionId) ?? ''
  const said = answer === '' ? '' : `; \`tilth why\` says: ${answer.trim().replaceAll(/\s*\n\s*/g, ' | ')}`
  if (row.standing === 'failed' && NOTHING_TO_MAKE.some((code) => answer.includes(code))) return []
  if (row.standing !== state) return [`${name} is ${row.standing}, expected ${state}${said}`]
  if (state !== 'corrected')
    return codes.some((code) => answer.includes(code))
      ? []
      : [`${name} is ${state} and \`tilth why\` does not say ${codes.join(' or ')}${said}`]
  const ndvi = row.product?.replace('_L2A_', '_L3B_')
  return products.some((product) => product.name === ndvi)
    ? []
    : [`${name} has L2A, and no NDVI ${ndvi ?? ''}`]
}

function checkStrangers(inputs: readonly InputProduct[], { acquisitions }: RoundFacts): string[] {
  return acquisitions.flatMap(({ name, acquisitionId }) =>
    inputs.some((input) => isNamed(name, input.name))
      ? []
      : [`acquisition ${acquisitionId} (${name}) was never published`],
  )
}

function checkSteps({ steps }: RoundFacts): string[] {
  return steps.flatMap(({ id, processor, state, errorCode, errorMessage, events }) => {
    const succeeded = events.filter(({ kind }) => kind === 'succeeded').length
    if (state === 'failed' && errorCode !== null && NOTHING_TO_MAKE.includes(errorCode)) return []
    // Of an older baseline: whether the newer one is made, the acquisitions say.
    if (state === 'cancelled' && errorCode === 'SUPERSEDED') return []
    if (state !== 'succeeded')
      return [`step ${id} (${processor}) is ${state}: ${errorCode ?? ''} ${errorMessage ?? ''}`.trim()]
    return succeeded === 1 ? [] : [`step ${id} (${processor}) has succeeded ${succeeded} times`]
  })
}

/** Nothing is made twice of the same: two steps for one product differ in the revisions, or in the state of the chain, that they read. */
function checkTwice({ steps, starts }: RoundFacts): { faults: string[]; remade: Record<string, number> } {
  const seen = new Map<string, number>()
  const made = new Set<string>()
  const faults: string[] = []
  const remade: Record<string, number> = {}
  for (const { id, processor, products, acquisitionId, parameters, inputs } of steps)
    for (const name of products) {
      const read = [...inputs, ...(acquisitionId === null ? [] : [`acquisition ${acquisitionId}`])]
      const start = starts.get(id) ?? ''
      const key = JSON.stringify([name, parameters, read, start])
      const before = seen.get(key)
      if (before !== undefined)
        faults.push(
          `steps ${before} and ${id} made ${name} of the same: ${[...read, start].filter(Boolean).join(', ')}`,
        )
      else if (made.has(name)) remade[processor] = (remade[processor] ?? 0) + 1
      seen.set(key, id)
      made.add(name)
    }
  return { faults, remade }
}
