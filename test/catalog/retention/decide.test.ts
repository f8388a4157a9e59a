import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RetentionPolicy, type RetentionFacts } from '../../../src/catalog/retention/decide.js'
import type { RetentionContext, RetentionRule } from '../../../src/db/retention/rules.js'

const NOW = new Date('2026-11-01T00:00:00Z')
let nextId = 1
const rule = (r: Partial<RetentionRule>): RetentionRule => ({
  id: nextId++,
  siteId: null,
  site: null,
  level: null,
  processor: null,
  action: 'delete',
  keepDays: null,
  keepSeasons: null,
  keepRevisions: null,
  createdBy: 'test',
  ...r,
})
/** Site 1 with child 2; site 3 apart. */
const sites: RetentionContext['sites'] = [
  { id: 1, parentId: null, seasonEnds: ['2025-10-31', '2026-10-31'] },
  { id: 2, parentId: 1, seasonEnds: [] },
  { id: 3, parentId: null, seasonEnds: ['2026-12-31'] },
]
const policy = (...rules: RetentionRule[]) => new RetentionPolicy(rules, { now: NOW, sites })
const l2a = (sensed: string, ...siteIds: number[]): RetentionFacts => ({
  level: 'L2A',
  processor: 'l2a',
  sensedAt: new Date(sensed),
  siteIds,
})
const action = (p: RetentionPolicy, facts: RetentionFacts) => p.verdict(facts)?.action ?? 'keep'

test('without a rule everything is kept; a global rule is due exactly its days after sensing', () => {
  expect(action(policy(), l2a('2000-01-01T00:00:00Z', 1))).toBe('keep')
  const days30 = policy(rule({ keepDays: 30 }))
  expect(action(days30, l2a('2026-10-02T00:00:00Z', 1))).toBe('delete')
  expect(action(days30, l2a('2026-10-02T00:00:01Z', 1))).toBe('keep')
  expect(action(days30, l2a('2026-10-02T00:00:00Z'))).toBe('delete')
})

test('the rule of the site holds over that of its parent, this over the global one', () => {
  const p = policy(
    rule({ keepDays: 10 }),
    rule({ siteId: 1, keepDays: 100 }),
    rule({ siteId: 2, keepDays: 1000 }),
  )
  const sensed = '2026-06-01T00:00:00Z' // 153 days before
  expect([1, 2, 3].map((site) => action(p, l2a(sensed, site)))).toEqual(['delete', 'keep', 'delete'])
  const inherited = policy(rule({ keepDays: 10 }), rule({ siteId: 1, keepDays: 200 }))
  expect([1, 2, 3].map((site) => action(inherited, l2a(sensed, site)))).toEqual(['keep', 'keep', 'delete'])
})

test('of the rules of one scope the one that names most holds', () => {
  const p = policy(
    rule({ keepDays: 10 }),
    rule({ level: 'L2A', keepDays: 1000 }),
    rule({ level: 'L2A', processor: 'l2a', keepDays: 20 }),
  )
  expect(action(p, l2a('2026-06-01T00:00:00Z', 3))).toBe('delete')
  expect(action(p, { ...l2a('2026-06-01T00:00:00Z', 3), processor: 'other' })).toBe('keep')
  expect(action(p, { ...l2a('2026-06-01T00:00:00Z', 3), level: 'L3A', processor: 'l3a' })).toBe('delete')
})

test('a tile shared by sites: the longest rule wins, a site without a rule keeps, and archiving keeps more than deleting', () => {
  const sensed = '2026-06-01T00:00:00Z'
  const p = policy(rule({ siteId: 1, keepDays: 10 }), rule({ siteId: 3, keepDays: 1000 }))
  expect(action(p, l2a(sensed, 1))).toBe('delete')
  expect(action(p, l2a(sensed, 1, 3))).toBe('keep')
  expect(action(policy(rule({ siteId: 1, keepDays: 10 })), l2a(sensed, 1, 3))).toBe('keep')
  const archived = policy(
    rule({ siteId: 1, keepDays: 10 }),
    rule({ siteId: 3, action: 'archive', keepDays: 20 }),
  )
  expect(action(archived, l2a(sensed, 1, 3))).toBe('archive')
})

test('archive first, delete later: two rules of one site', () => {
  const p = policy(rule({ action: 'archive', keepDays: 100 }), rule({ keepDays: 1000 }))
  expect(action(p, l2a('2026-10-01T00:00:00Z', 1))).toBe('keep')
  expect(action(p, l2a('2026-06-01T00:00:00Z', 1))).toBe('archive')
  expect(action(p, l2a('2020-06-01T00:00:00Z', 1))).toBe('delete')
})

test('seasons: kept until so many seasons of the site, or of its nearest ancestor with any, have ended after sensing', () => {
  const one = policy(rule({ keepSeasons: 1 }))
  // The season of 2026 has ended yesterday; site 3's ends in December.
  expect([1, 2, 3].map((site) => action(one, l2a('2026-06-01T00:00:00Z', site)))).toEqual([
    'delete',
    'delete',
    'keep',
  ])
  const two = policy(rule({ keepSeasons: 2 }))
  expect(action(two, l2a('2025-06-01T00:00:00Z', 1))).toBe('delete')
  expect(action(two, l2a('2025-12-01T00:00:00Z', 1))).toBe('keep')
  // No season, no end of it.
  expect(action(one, l2a('2000-01-01T00:00:00Z'))).toBe('keep')
})

test('acquisitions are removed only by a rule that names their level', () => {
  const l1c: RetentionFacts = { level: 'L1C', processor: null, sensedAt: new Date(0), siteIds: [1] }
  expect(action(policy(rule({ keepDays: 0 })), l1c)).toBe('keep')
  expect(action(policy(rule({ level: 'L2A', keepDays: 0 })), l1c)).toBe('keep')
  const p = policy(rule({ level: 'L1C', keepDays: 0 }))
  expect(action(p, l1c)).toBe('delete')
  expect([p.concerns('L1C'), p.concerns('L1TP')]).toEqual([true, false])
})

test('revisions: one without a rule, else the largest number that a site asks for', () => {
  const p = policy(rule({ siteId: 1, keepRevisions: 3 }), rule({ siteId: 3, keepRevisions: 2 }))
  expect(p.revisionsKept(l2a('2026-01-01T00:00:00Z'))).toBe(1)
  expect(p.revisionsKept(l2a('2026-01-01T00:00:00Z', 3))).toBe(2)
  expect(p.revisionsKept(l2a('2026-01-01T00:00:00Z', 2, 3))).toBe(3)
  // A number of revisions is no age: nothing in force is removed by it.
  expect(action(p, l2a('2000-01-01T00:00:00Z', 1))).toBe('keep')
})

const anyRule = fc
  .record({
    siteId: fc.constantFrom(null, 1, 2, 3),
    level: fc.constantFrom(null, 'L2A'),
    action: fc.constantFrom('delete' as const, 'archive' as const),
    keepDays: fc.integer({ min: 0, max: 400 }),
  })
  .map((r) => rule(r))
const RANK = { keep: 0, archive: 1, delete: 2 }

test('one more site never shortens the life of a product, and what is not sensed before the bound is never due', () => {
  fc.assert(
    fc.property(
      fc.array(anyRule, { maxLength: 6 }),
      fc.integer({ min: 0, max: 500 }),
      fc.uniqueArray(fc.constantFrom(1, 2, 3), { minLength: 1, maxLength: 3 }),
      (rules, age, siteIds) => {
        const p = policy(...rules)
        const facts = l2a(new Date(NOW.getTime() - age * 86_400_000).toISOString(), ...siteIds)
        const all = action(p, facts)
        for (const site of siteIds)
          expect(RANK[all]).toBeLessThanOrEqual(RANK[action(p, { ...facts, siteIds: [site] })])
        if (facts.sensedAt > p.sensedBefore()) expect(all).toBe('keep')
      },
    ),
  )
})
