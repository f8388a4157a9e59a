/** A ready step as the order sees it. */
export interface FairStep {
  readonly id: number
  /** Lower first. */
  readonly priority: number
  /** Since it became ready. */
  readonly waitedS: number
  /** Satellite, site, sub-site, tile. */
  readonly path: readonly string[]
  /** Slot time that it is expected to take, > 0. */
  readonly costS: number
}

export interface FairRules {
  /** Of a node of the tree, by its path from the left; > 0. */
  weight(path: readonly string[]): number
  /** Settings fair.priority_s and fair.ageing. */
  readonly priorityS: number
  readonly ageing: number
}

/** What a node of the tree was given. */
export interface Share {
  /** Slot time divided by weight, s. */
  readonly virtualS: number
  /** When it last had work, ms of any clock that all callers share. */
  readonly activeAt: number
}

/** A node without work for so long that its claim to what it did not use is forgotten, ms. */
const IDLE_MS = 30_000

export const pathKey = (path: readonly string[]): string => path.join('/')

/** All nodes above and including a leaf, from the root: `s2`, `s2/7`, ... */
export const nodesOf = (path: readonly string[]): string[] =>
  path.map((_, i) => pathKey(path.slice(0, i + 1)))

/**
 * Virtual times with which the nodes that have work now enter the order: start-time fair queueing (P. Goyal, H. Vin and H. Cheng, IEEE/ACM Transactions
 * on Networking 5 (1997) 690-704). One that was idle begins where the least served of its busy siblings stands: it is next, but gets nothing back for
 * the time in which it had no work. Pure; returns the entries of those nodes only.
 */
export function enter(
  steps: readonly Pick<FairStep, 'path'>[],
  shares: ReadonlyMap<string, Share>,
  now: number,
): Map<string, Share> {
  const siblings = new Map<string, Set<string>>()
  for (const { path } of steps)
    path.forEach((_, i) => {
      const parent = pathKey(path.slice(0, i))
      siblings.set(parent, (siblings.get(parent) ?? new Set()).add(pathKey(path.slice(0, i + 1))))
    })
  const entered = new Map<string, Share>()
  for (const keys of siblings.values()) {
    const isBusy = (key: string) => now - (shares.get(key)?.activeAt ?? -Infinity) < IDLE_MS
    const known = (key: string) => shares.get(key)?.virtualS ?? 0
    const busy = [...keys].filter(isBusy).map(known)
    // All idle: they begin side by side, or those that were behind when they stopped would take everything for a while.
    const floor = busy.length > 0 ? Math.min(...busy) : Math.max(...[...keys].map(known))
    for (const key of keys)
      entered.set(key, { virtualS: isBusy(key) ? known(key) : Math.max(known(key), floor), activeAt: now })
  }
  return entered
}

interface Node {
  readonly key: string
  virtualS: number
  readonly weight: number
  readonly children: Map<string, Node>
  /** Of a leaf: its steps, best first. */
  readonly steps: { readonly step: FairStep; readonly penalty: number; readonly place: number }[]
  /** Best of what is left below: least penalty, then first place. */
  penalty: number
  place: number
}

/**
 * The order in which steps start: at each level of the tree the node that was given least for its weight comes next. A step of worse priority enters
 * with a penalty in slot time that shrinks while it waits; so priority counts within a node and between nodes, and nothing starves. Equal nodes: as the
 * queue has them. `entered` as `enter` returns it. Pure and deterministic.
 */
export function fairOrder(
  steps: readonly FairStep[],
  entered: ReadonlyMap<string, Share>,
  rules: FairRules,
): FairStep[] {
  const best = steps.reduce((least, { priority }) => Math.min(least, priority), Infinity)
  const root = nodeOf('', 0, 1)
  steps.forEach((step, place) => {
    const penalty = Math.max(0, (step.priority - best) * rules.priorityS - step.waitedS * rules.ageing)
    let node = root
    step.path.forEach((name, i) => {
      const path = step.path.slice(0, i + 1)
      const key = pathKey(path)
      const child =
        node.children.get(name) ?? nodeOf(key, entered.get(key)?.virtualS ?? 0, rules.weight(path))
      node.children.set(name, child)
      node = child
    })
    node.steps.push({ step, penalty, place })
  })
  settle(root)
  const ordered: FairStep[] = []
  while (root.place < Infinity) ordered.push(take(root))
  return ordered
}

const nodeOf = (key: string, virtualS: number, weight: number): Node => ({
  key,
  virtualS,
  weight,
  children: new Map(),
  steps: [],
  penalty: Infinity,
  place: Infinity,
})

/** Sorts the leaves, and fills in what is best below each node. */
function settle(node: Node): void {
  node.steps.sort((a, b) => a.penalty - b.penalty || a.place - b.place)
  for (const child of node.children.values()) settle(child)
  renew(node)
}

/** Called for each step that is taken, over up to thousands of sites: it makes nothing but numbers. */
function renew(node: Node): void {
  let { penalty = Infinity, place = Infinity } = node.steps[0] ?? {}
  for (const child of node.children.values()) {
    if (child.penalty < penalty) penalty = child.penalty
    if (child.place < place) place = child.place
  }
  node.penalty = penalty
  node.place = place
}

/** Takes the next step below a node and charges it to all nodes on its way. */
function take(node: Node): FairStep {
  let next: Node | undefined
  for (const child of node.children.values()) {
    if (child.place === Infinity) continue
    if (next === undefined || isBefore(child, next)) next = child
  }
  const step = next === undefined ? node.steps.shift()?.step : take(next)
  if (step === undefined) throw new RangeError('A node without steps was asked for one.')
  node.virtualS += step.costS / node.weight
  renew(node)
  return step
}

const isBefore = (a: Node, b: Node): boolean => {
  const difference = a.virtualS + a.penalty - (b.virtualS + b.penalty)
  return difference < 0 || (difference === 0 && a.place < b.place)
}
