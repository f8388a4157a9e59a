import { readFileSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { definitionOf, describeDefault, SETTING_KEYS } from '../src/config/settings.js'
import { ERROR_CODES } from '../src/domain/errors.js'
import { ACQUISITION_STATES, STEP_STATES, STEP_TRANSITIONS, isTerminal } from '../src/domain/states.js'

const root = resolve(import.meta.dirname, '..')

/** These pages are made from the code: `./tilth test test/docs.test.ts -u` writes them anew. */
test('docs/errors.md lists every code with its class, exit status and remedy', async () => {
  const rows = Object.entries(ERROR_CODES).map(
    ([code, e]) => `| \`${code}\` | ${e.failure} | ${e.exit} | ${e.summary} | ${e.remedy} |`,
  )
  const page = [
    '# Error codes',
    '',
    'Made from `src/domain/errors.ts`. A code never changes meaning. `permanent`: never again with these inputs; `transient`: later may do;',
    '`resource`: needs more memory, disk or time. The exit status is that of a command that ends with the code (sysexits numbers).',
    '',
    '| code | class | exit | what happened | what to do |',
    '|---|---|---|---|---|',
    ...rows,
    '',
  ].join('\n')
  await expect(page).toMatchFileSnapshot(join(root, 'docs/errors.md'))
})

test('docs/settings.md lists every setting with type, unit, range, default, scopes, effect and meaning', async () => {
  const groups = [...new Set(SETTING_KEYS.map((key) => key.split('.')[0]!))]
  const page = [
    '# Settings',
    '',
    'Made from `src/config/settings/`. Precedence: command line > job > site > parent site > global > default; see [operating](operating.md#settings).',
    'Effect `live`: acts at once, on running work too. Effect `job`: frozen into a job, with its origin, when the job is made.',
    'Scope `processor`: the key belongs to the processor in its name.',
    '',
    ...groups.flatMap((group) => [
      `## ${group}`,
      '',
      '| key | type | unit | range | default | scopes | effect | meaning |',
      '|---|---|---|---|---|---|---|---|',
      ...SETTING_KEYS.filter((key) => key.startsWith(`${group}.`)).map((key) => {
        const s = definitionOf(key)
        return `| \`${key}\` | ${s.type} | ${s.unit} | ${s.range} | ${describeDefault(s)} | ${s.scopes.join(', ')} | ${s.effect} | ${s.doc} |`
      }),
      '',
    ]),
  ].join('\n')
  await expect(page).toMatchFileSnapshot(join(root, 'docs/settings.md'))
})

test('docs/states.md draws the states of a step from the table in the code', async () => {
  const page = [
    '# States',
    '',
    'Made from `src/domain/states.ts`.',
    '',
    '## Step',
    '',
    '```mermaid',
    'stateDiagram-v2',
    '  [*] --> blocked',
    '  [*] --> ready',
    ...STEP_TRANSITIONS.map(
      (t) => `  ${t.from} --> ${t.to}: ${t.by.replaceAll('`', '').replaceAll(';', ',')}`,
    ),
    ...STEP_STATES.filter(isTerminal).map((state) => `  ${state} --> [*]`),
    '```',
    '',
    '| from | to | who |',
    '|---|---|---|',
    ...STEP_TRANSITIONS.map((t) => `| ${t.from} | ${t.to} | ${t.by} |`),
    '',
    'Every claim raises `attempt`; each later write names it and changes nothing when another attempt has taken over.',
    '`failures` counts failed attempts only: a lost scheduler or host, or a shutdown, raises `attempt`, not `failures`. A process that dies by itself',
    'or gives no sign of life counts. What is known of each end stands in `step_event`, which is append-only (`tilth show`).',
    '',
    '## Acquisition',
    '',
    `${ACQUISITION_STATES.map((s) => `\`${s}\``).join(', ')}. Ingest sets \`present\`, \`broken\` (with code and reason), or \`ignored\` (Landsat products without ground control); a later ingest of the repaired product heals it.`,
    'A source sets `found` (wanted), `ignored` (every offer is left out by a filter) or `broken` (every offer was given up), as its offers say; a fetch makes `found` `fetching`, and that `present`, or `found` again when it fails or dies. See [sources](sources.md).',
    '',
  ].join('\n')
  await expect(page).toMatchFileSnapshot(join(root, 'docs/states.md'))
})

test('every state a step can be in can be left or is an end, and every state can be reached', () => {
  for (const state of STEP_STATES) {
    if (!isTerminal(state)) expect(STEP_TRANSITIONS.some((t) => t.from === state)).toBe(true)
    if (state !== 'blocked') expect(STEP_TRANSITIONS.some((t) => t.to === state)).toBe(true)
  }
})

test('every relative link in the documentation leads somewhere', () => {
  const pages = [
    'README.md',
    ...readdirSync(join(root, 'docs'), { recursive: true }).map((f) => join('docs', String(f))),
  ].filter((f) => f.endsWith('.md'))
  const broken = pages.flatMap((page) => {
    const text = readFileSync(join(root, page), 'utf8')
    return [...text.matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].flatMap((m) => {
      const target = resolve(root, page, '..', m[1]!)
      try {
        readdirSync(target)
        return []
      } catch (error) {
        return (error as NodeJS.ErrnoException).code === 'ENOTDIR' ? [] : [`${page} -> ${m[1]!}`]
      }
    })
  })
  expect(broken).toEqual([])
})
