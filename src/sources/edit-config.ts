import { readFile } from 'node:fs/promises'
import { ProcessingError } from '../domain/errors.js'

type Json = Readonly<Record<string, unknown>>

/** Sets a key such as `filters.cloud_max`, or removes it where the value is undefined. Throws BAD_ARGUMENT where a part is no object. Pure. */
export function changeKey(config: Json, key: string, value: unknown): Json {
  const [first = '', ...rest] = key.split('.')
  if (rest.length === 0) {
    const others = Object.fromEntries(Object.entries(config).filter(([name]) => name !== first))
    return value === undefined ? others : { ...others, [first]: value }
  }
  const inner = Object.hasOwn(config, first) ? config[first] : {}
  if (!isObject(inner))
    throw new ProcessingError('BAD_ARGUMENT', `'${first}' of '${key}' is no object, so it has no keys.`)
  return { ...config, [first]: changeKey(inner, rest.join('.'), value) }
}

/** A JSON object from a file; `-` is standard input. Throws BAD_ARGUMENT. */
export async function readJsonObject(path: string): Promise<Json> {
  let json: unknown
  try {
    json = JSON.parse(await readFile(path === '-' ? '/dev/stdin' : path, 'utf8'))
  } catch (cause) {
    throw new ProcessingError('BAD_ARGUMENT', `'${path}' cannot be read as JSON: ${String(cause)}.`, {
      cause,
    })
  }
  if (isObject(json)) return json
  throw new ProcessingError('BAD_ARGUMENT', `'${path}' holds no JSON object.`)
}

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
