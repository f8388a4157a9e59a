import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  describeOrigin,
  layersOf,
  resolveSetting,
  resolveSettings,
  type SettingLayers,
  type SettingValues,
} from '../../src/config/resolve-settings.js'
import {
  checkSetting,
  definitionOf,
  parseSetting,
  settingKey,
  SETTING_KEYS,
} from '../../src/config/settings.js'
import { describeParams } from '../../src/processors/define-processor.js'
import { composite } from '../../src/processors/composite/definition.js'
import { ndvi } from '../../src/processors/ndvi/definition.js'
import { l2a } from '../../src/processors/l2a/definition.js'

describe('the table of settings', () => {
  test.each(SETTING_KEYS)('%s has a default in its own range, a unit and a sentence', (key) => {
    const { default: byDefault, doc, range, unit, scopes } = definitionOf(key)
    expect(checkSetting(key, byDefault())).toBe(byDefault())
    expect(doc).toMatch(/^[A-Z].*\.$/)
    expect(range).not.toBe('')
    expect(unit).not.toBe('')
    expect(scopes.includes('processor')).toBe(key.startsWith('processor.'))
    expect(scopes).toContain('global')
  })

  test.each([ndvi, composite])(
    'every parameter of $name is a setting with its range and default',
    (definition) => {
      for (const doc of describeParams(definition)) {
        const setting = definitionOf(settingKey(`processor.${definition.name}.${doc.name}`))
        expect({ default: setting.default(), range: setting.range, effect: setting.effect }).toEqual({
          default: doc.default,
          range: `${doc.minimum ?? ''} to ${doc.maximum ?? ''}`,
          effect: 'job',
        })
      }
    },
  )

  /** Two places say it, because the config layer cannot import a processor: this is what keeps them the same. */
  test.each(['aot', 'wv', 'ozone'] as const)(
    'processor.l2a.%s has range and default of the processor',
    (name) => {
      const key = settingKey(`processor.l2a.${name}`)
      const {
        minimum,
        maximum,
        default: byDefault,
      } = describeParams(l2a).find((param) => param.name === name)!
      if (minimum === null || maximum === null) throw new Error('expected a range')
      const setting = definitionOf(key)
      expect({ default: setting.default(), range: setting.range, effect: setting.effect }).toEqual({
        default: byDefault,
        range: `${minimum} to ${maximum}, or auto`,
        effect: 'job',
      })
      expect(setting.unit).toContain(/\[(.*)\]/.exec(l2a.params.shape[name].description ?? '')?.[1])
      expect(parseSetting(key, ' auto ')).toBe('auto')
      for (const edge of [minimum, maximum]) expect(checkSetting(key, edge)).toBe(edge)
    },
  )

  test('every parameter of l2a is a setting, a choice with its values and default', () => {
    for (const { name, type, choices, default: byDefault } of describeParams(l2a)) {
      const setting = definitionOf(settingKey(`processor.l2a.${name}`))
      expect(setting.effect).toBe('job')
      expect(setting.default()).toBe(byDefault ?? '')
      const types = { string: 'text', boolean: 'flag', number: 'number', choice: 'choice' } as const
      expect([types[type], type === 'number' ? 'integer' : types[type]]).toContain(setting.type)
      if (type === 'choice') expect(setting.range).toBe(choices.join(', '))
    }
  })
})

test('docs/operating.md names settings that there are, and sets them to values in their ranges', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/operating.md'), 'utf8')
  const named = [
    ...page.matchAll(/\b(?:executor|processor|retry|storage|ingest)\.[a-z0-9_.]*[a-z0-9_]/g),
  ].map(([key]) => key)
  expect(named.length).toBeGreaterThan(10)
  for (const key of named) expect(SETTING_KEYS).toContain(key)
  const set = [...page.matchAll(/^tilth config set (\S+) (\S+)/gm)]
  expect(set.length).toBeGreaterThan(3)
  for (const [, key, value] of set) expect(String(parseSetting(settingKey(key!), value!))).toBe(value)
})

describe('a value from text', () => {
  test.each([
    ['executor.cpu_slots', '8', 8],
    ['processor.l2a.aot', ' 0.25 ', 0.25],
    ['processor.l2a.aot', '.5', 0.5],
    ['retry.backoff_s', '1e2', 100],
    ['resources.learn', 'Off', false],
    ['resources.learn', 'true', true],
    ['processor.l2a.aerosol', 'maritime', 'maritime'],
    ['processor.l2a.aerosol', 'continental:0.7,desert:0.3', 'continental:0.7,desert:0.3'],
    ['processor.l2a.aerosol', 'continental-average', 'continental-average'],
    ['processor.l2a.dem', ' /data/my dem.tif ', '/data/my dem.tif'],
    ['processor.l2a.dem', '', ''],
  ] as const)('%s = %j is %j', (key, text, value) => {
    expect(parseSetting(key, text)).toBe(value)
  })

  test.each([
    ['executor.cpu_slots', 'many'],
    ['executor.cpu_slots', ''],
    ['executor.cpu_slots', '2.5'],
    ['executor.cpu_slots', '0x10'],
    ['executor.cpu_slots', '0'],
    ['executor.cpu_slots', 'Infinity'],
    ['processor.l2a.aot', '-0.1'],
    ['processor.l2a.aot', '2.01'],
    ['processor.l2a.ozone', '99'],
    ['resources.learn', '1'],
    ['resources.learn', ''],
    ['processor.l2a.aerosol', 'volcanic'],
    ['processor.l2a.aerosol', 'continental:0.7,maritime:0.2'],
    ['processor.l2a.dem', 'relative/dem.tif'],
  ] as const)('%s = %j is refused with type, unit and range', (key, text) => {
    const { type, unit, range } = definitionOf(key)
    const isNumber = type === 'integer' || type === 'number'
    for (const part of [key, ...(isNumber ? [type, unit] : []), range])
      expect(() => parseSetting(key, text)).toThrow(
        expect.objectContaining({
          code: 'SETTING_INVALID',
          message: expect.stringContaining(part) as string,
        }) as Error,
      )
  })

  test.each([true, null, '3', Number.NaN, [4]])('a stored %j is no number', (value) => {
    expect(() => checkSetting('executor.cpu_slots', value)).toThrow(/expected an integer/)
  })

  test('an unknown key names near ones', () => {
    expect(() => settingKey('l2a.max_parallelism')).toThrow(/Did you mean processor\.l2a\.max_parallelism/)
    expect(() => settingKey('processor.l2a.aott')).toThrow(/Did you mean processor\.l2a\.aot\?/)
    expect(() => settingKey('max_paralelism')).toThrow(/Did you mean processor\.l2a\.max_parallelism[,?]/)
    expect(() => settingKey('completely.different')).toThrow(/no setting 'completely\.different'\. See/)
    expect(() => settingKey('toString')).toThrow(
      expect.objectContaining({ code: 'SETTING_UNKNOWN' }) as Error,
    )
  })
})

describe('precedence', () => {
  const key = 'processor.l2a.aot' as const
  const give = (value: number): SettingValues => ({ [key]: value })
  const full: SettingLayers = {
    cli: give(0.6),
    job: give(0.5),
    sites: [
      { slug: 'farm', values: give(0.4) },
      { slug: 'region', values: give(0.3) },
      { slug: 'country', values: give(0.25) },
    ],
    global: give(0.2),
  }
  // Each row lacks what the row above had: the next layer must come out.
  test.each([
    ['cli', full, 0.6],
    ['job', { ...full, cli: {} }, 0.5],
    ['site farm', { sites: full.sites!, global: full.global! }, 0.4],
    [
      'parent site region',
      { sites: [{ slug: 'farm', values: {} }, ...full.sites!.slice(1)], global: full.global! },
      0.3,
    ],
    [
      'parent site country',
      {
        sites: [{ slug: 'farm', values: {} }, { slug: 'region', values: {} }, full.sites![2]!],
        global: full.global!,
      },
      0.25,
    ],
    ['global', { sites: [{ slug: 'farm', values: {} }], global: full.global! }, 0.2],
    ['default', {}, 'auto'],
  ] as [string, SettingLayers, number | string][])(
    '%s wins over all that is wider',
    (origin, layers, value) => {
      const resolved = resolveSetting(key, layers)
      expect({ origin: describeOrigin(resolved.origin), value: resolved.value }).toEqual({ origin, value })
    },
  )

  test('a value of zero counts as given', () => {
    expect(resolveSetting(key, { sites: [{ slug: 'farm', values: give(0) }], global: give(0.2) }).value).toBe(
      0,
    )
  })

  test('all settings come out in the order of the table', () => {
    expect(resolveSettings({}).map((s) => s.key)).toEqual(SETTING_KEYS)
  })
})

test('an origin is said in words, also where a job had it from', () => {
  expect(describeOrigin({ kind: 'job', from: { kind: 'parent', site: 'region' } })).toBe(
    'job (parent site region)',
  )
})

describe('stored rows', () => {
  const sites = [
    { id: 1, slug: 'region', parentId: null },
    { id: 2, slug: 'farm', parentId: 1 },
    { id: 3, slug: 'other', parentId: null },
  ]
  const row = (key: string, siteId: number | null, value: unknown) => ({ key, siteId, value })

  test('a site has its own rows, then its ancestors, never those of others', () => {
    const layers = layersOf({
      sites,
      settings: [row('retry.max_failures', 3, 9), row('retry.max_failures', 1, 5)],
    })(2)
    expect(layers.sites?.map(({ slug }) => slug)).toEqual(['farm', 'region'])
    expect(resolveSetting('retry.max_failures', layers)).toMatchObject({
      value: 5,
      origin: { kind: 'parent', site: 'region' },
    })
  })

  test('rows of another version, with an unknown key or out of range, are passed over', () => {
    const layers = layersOf({
      sites,
      settings: [
        row('retry.max_failures', 2, 100_000),
        row('retry.max_failures', null, 4),
        row('future.key', null, 1),
      ],
    })(2)
    expect(resolveSetting('retry.max_failures', layers)).toMatchObject({
      value: 4,
      origin: { kind: 'global' },
    })
  })

  test('parents in a loop end', () => {
    const loop = [
      { id: 1, slug: 'a', parentId: 2 },
      { id: 2, slug: 'b', parentId: 1 },
    ]
    expect(layersOf({ sites: loop, settings: [] })(1).sites?.map(({ slug }) => slug)).toEqual(['a', 'b'])
  })
})
