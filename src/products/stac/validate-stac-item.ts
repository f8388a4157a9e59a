import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { AnySchema, ValidateFunction } from 'ajv'
import { ProcessingError } from '../../domain/errors.js'

/** Extensions an item may name, and the file of `config/stac-schemas` that checks each. */
export const STAC_EXTENSIONS = {
  projection: 'https://stac-extensions.github.io/projection/v2.0.0/schema.json',
  eo: 'https://stac-extensions.github.io/eo/v2.0.0/schema.json',
  raster: 'https://stac-extensions.github.io/raster/v2.0.0/schema.json',
  processing: 'https://stac-extensions.github.io/processing/v1.2.0/schema.json',
  file: 'https://stac-extensions.github.io/file/v2.1.0/schema.json',
  view: 'https://stac-extensions.github.io/view/v1.0.0/schema.json',
  mgrs: 'https://stac-extensions.github.io/mgrs/v1.0.0/schema.json',
  landsat: 'https://stac-extensions.github.io/landsat/v2.0.0/schema.json',
} as const
type SchemaName = keyof typeof STAC_EXTENSIONS | 'item'

let loading: Promise<Map<SchemaName, ValidateFunction>> | undefined

/** Compiled on first use: ajv and the schemas take 0.2 s that commands without products should not pay. */
async function loadValidators(): Promise<Map<SchemaName, ValidateFunction>> {
  const [{ Ajv }, formats] = await Promise.all([import('ajv'), import('ajv-formats')])
  const ajv = new Ajv({
    allErrors: true,
    strict: true,
    strictTypes: false,
    strictTuples: false,
    strictRequired: false,
  })
  formats.default.default(ajv)
  const folder = join(dirname(createRequire(import.meta.url).resolve('#package.json')), 'config/stac-schemas')
  const read = async (name: string): Promise<AnySchema> =>
    JSON.parse(await readFile(join(folder, `${name}.json`), 'utf8')) as AnySchema
  ajv.addSchema(await read('geojson'))
  const validators = new Map<SchemaName, ValidateFunction>()
  const names: SchemaName[] = ['item', ...(Object.keys(STAC_EXTENSIONS) as (keyof typeof STAC_EXTENSIONS)[])]
  for (const name of names) validators.set(name, ajv.compile(await read(name)))
  return validators
}

/** What is wrong with an item, one line a fault, each beginning with the schema's name; empty when it is valid. No network. */
export async function stacItemFaults(item: unknown): Promise<string[]> {
  loading ??= loadValidators()
  const validators = await loading
  const named = new Set<unknown>(
    typeof item === 'object' &&
      item !== null &&
      'stac_extensions' in item &&
      Array.isArray(item.stac_extensions)
      ? item.stac_extensions
      : [],
  )
  const faults: string[] = []
  for (const [name, validate] of validators) {
    if (name !== 'item' && !named.delete(STAC_EXTENSIONS[name])) continue
    if (!validate(item))
      for (const e of validate.errors ?? [])
        faults.push(`${name}: ${e.instancePath || '/'} ${e.message ?? e.keyword}`)
  }
  for (const unknown of named)
    faults.push(`item: /stac_extensions names ${String(unknown)}, for which no schema is kept`)
  return faults
}

/** Rejects with INTERNAL, naming up to ten faults, when an item does not fit STAC 1.1.0 or an extension that it names. */
export async function validateStacItem(item: unknown): Promise<void> {
  const faults = await stacItemFaults(item)
  if (faults.length > 0)
    throw new ProcessingError(
      'INTERNAL',
      `The STAC item is not valid (${faults.length} faults): ${faults.slice(0, 10).join('; ')}.`,
    )
}
