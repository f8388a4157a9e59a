import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { ERROR_CODES, ProcessingError } from '../../src/domain/errors.js'
import {
  defineProcessor,
  describeParams,
  givenParams,
  parseParams,
  type ProcessorDefinition,
} from '../../src/processors/define-processor.js'
import { PROCESSORS } from '../../src/processors/definitions.js'
import { describeProcessor } from '../../src/processors/describe-processors.js'

const folder = resolve(import.meta.dirname, '../../src/processors')

describe.each(Object.entries(PROCESSORS) as [string, ProcessorDefinition][])(
  'processor %s',
  (name, definition) => {
    test('is named after its folder and has a positive whole version', () => {
      expect(definition.name).toBe(name)
      expect(existsSync(join(folder, name, 'definition.ts'))).toBe(true)
      expect(Number.isInteger(definition.version) && definition.version > 0).toBe(true)
    })

    test('has valid defaults for all parameters: no input at all is a run', () => {
      const params = parseParams(definition, {})
      expect(Object.keys(params)).toEqual(Object.keys(definition.params.shape))
      expect(parseParams(definition, params)).toEqual(params)
    })

    test('describes every parameter with its unit in square brackets', () => {
      const docs = describeParams(definition)
      expect(docs.map((doc) => doc.name)).toEqual(Object.keys(definition.params.shape))
      for (const doc of docs) expect(doc.doc, doc.name).toMatch(/ \[[^\]]+\]\.$/)
    })

    test('fails with documented codes only, and says unit and no-data of every output', () => {
      for (const code of definition.fails) expect(Object.keys(ERROR_CODES)).toContain(code)
      for (const [output, spec] of Object.entries(definition.outputs)) {
        expect(spec.unit, output).not.toBe('')
        expect(spec.doc, output).toMatch(/\.$/)
      }
    })
  },
)

const sample = defineProcessor({
  name: 'sample',
  version: 1,
  summary: 'For this test.',
  source: 'None.',
  params: z.strictObject({
    depth: z.number().min(0).max(2).default(0.5).describe('A depth [m].'),
    kind: z.enum(['a', 'b']).default('a').describe('A kind [-].'),
    path: z.string().nullable().default(null).describe('A file [-].'),
  }),
  inputs: {},
  outputs: {},
  resources: () => ({ cpu: 1, memoryMb: 1, scratchMb: 0, ioWeight: 0 }),
  fails: [],
})

test('a value out of range is refused with processor, parameter, limit and what was found', () => {
  const attempt = () => parseParams(sample, { depth: 3 })
  expect(attempt).toThrow(ProcessingError)
  expect(attempt).toThrow(/'sample'.*'depth'.*<=2.*found 3/)
  expect(() => parseParams(sample, { depth: NaN })).toThrow(/depth/)
  expect(() => parseParams(sample, { depth: '1' })).toThrow(/depth/)
})

test('an unknown parameter is refused and the known ones are named', () => {
  expect(() => parseParams(sample, { dept: 1 })).toThrow(/dept.*depth, kind, path/)
  expect(() => parseParams(sample, null)).toThrow(ProcessingError)
})

test('a few parameters are taken as they are, checked one by one, without the defaults of the others', () => {
  const given = givenParams(sample)
  expect(given.parse({})).toEqual({})
  expect(given.parse({ kind: 'b', path: null })).toEqual({ kind: 'b', path: null })
  expect(given.safeParse({ depth: 3 }).success).toBe(false)
  expect(given.safeParse({ dept: 1 }).error?.issues[0]?.message).toContain('dept')
})

test('parameters are described from their schema: type, range, choices, default', () => {
  expect(describeParams(sample)).toEqual([
    { name: 'depth', type: 'number', choices: [], minimum: 0, maximum: 2, default: 0.5, doc: 'A depth [m].' },
    {
      name: 'kind',
      type: 'choice',
      choices: ['a', 'b'],
      minimum: null,
      maximum: null,
      default: 'a',
      doc: 'A kind [-].',
    },
    {
      name: 'path',
      type: 'string',
      choices: [],
      minimum: null,
      maximum: null,
      default: null,
      doc: 'A file [-].',
    },
  ])
})

test('docs/processors.md is made from the definitions (`./tilth test test/processors/define-processor.test.ts -u` writes it anew)', async () => {
  const page = [
    '# Processors',
    '',
    'Made from `src/processors/*/definition.ts`.',
    '',
    ...Object.values(PROCESSORS).map(describeProcessor),
  ].join('\n')
  await expect(page).toMatchFileSnapshot(resolve(import.meta.dirname, '../../docs/processors.md'))
})
