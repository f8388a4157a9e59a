import { z } from 'zod'
import { ProcessingError, type ErrorCode } from '../domain/errors.js'

/** What a processor reads. `unit` is '1' for ratios; `doc` says grid, order and what must be removed beforehand. */
export interface InputSpec {
  readonly kind: 'band' | 'angles' | 'mask' | 'elevation'
  readonly unit: string
  readonly doc: string
  /** True where the processor also runs without it. */
  readonly optional?: boolean
}

/** What a processor writes: physical value = stored * `scale` + `offset`; `nodata` is a stored value, null where every value counts. */
export interface OutputSpec {
  readonly dtype: 'uint8' | 'uint16' | 'int16' | 'float32'
  readonly unit: string
  readonly scale?: number
  readonly offset?: number
  readonly nodata: number | null
  readonly doc: string
}

/** How large the input of one step is. */
export interface InputSize {
  /** Of all bands together. */
  readonly pixels: number
  readonly bands: number
  /** That the step would like. */
  readonly threads: number
}

/** What one step needs of its host. */
export interface DeclaredResources {
  /** Slots that it would like, >= 1. */
  readonly cpu: number
  /** Peak of resident memory, MiB. */
  readonly memoryMb: number
  /** Files below staging and scratch at their most, MiB. */
  readonly scratchMb: number
  /** 1 for each thread that only reads and writes. */
  readonly ioWeight: number
}

export interface ProcessorDefinition<P extends z.ZodObject = z.ZodObject> {
  /** Stable, lower case; also the folder below `src/processors/`. */
  readonly name: string
  /** Raised when the same inputs and parameters give different numbers. */
  readonly version: number
  readonly summary: string
  /** Publication or code the method follows. */
  readonly source: string
  /** Only what changes pixels; every key has a description with its unit in square brackets, and a default. */
  readonly params: P
  readonly inputs: Readonly<Record<string, InputSpec>>
  readonly outputs: Readonly<Record<string, OutputSpec>>
  /** Pure; corrected later by what such steps have used. On the safe side: too little ends in OUT_OF_MEMORY. @param params as far as they are given: defaults may be missing. */
  readonly resources: (size: InputSize, params?: Readonly<Record<string, unknown>>) => DeclaredResources
  /** Codes a run may end with besides INTERNAL, DISK_FULL and the like, which any step may meet. */
  readonly fails: readonly ErrorCode[]
}

/** Parameters of a processor after parsing: every default filled in. */
export type ParamsOf<D extends ProcessorDefinition> = z.output<D['params']>

/** Gives a definition its precise type. Data only: a definition is cheap to import and loads no kernel. */
export function defineProcessor<const D extends ProcessorDefinition>(definition: D): D {
  return definition
}

/** Inputs of about the same size, within a factor of 1.5: steps of one class learn from each other. */
export const sizeClassOf = ({ pixels, bands }: InputSize): string =>
  `${bands} bands, 2^${Math.round(Math.log2(Math.max(1, pixels)))} pixels`

/**
 * Parameters of a run from untrusted input (command line, setting, job row); absent keys take their defaults.
 * @throws ProcessingError BAD_ARGUMENT naming processor, parameter, what was expected and what was found.
 */
export function parseParams<D extends ProcessorDefinition>(definition: D, input: unknown): ParamsOf<D> {
  const parsed = definition.params.safeParse(input)
  if (parsed.success) return parsed.data as ParamsOf<D>
  const issues = parsed.error.issues.map((issue) => {
    const at = issue.path.join('.')
    const found: unknown = issue.path.reduce<unknown>(
      (value, key) =>
        typeof value === 'object' && value !== null
          ? (value as Record<PropertyKey, unknown>)[key]
          : undefined,
      input,
    )
    return at === '' ? issue.message : `'${at}': ${issue.message}, found ${JSON.stringify(found)}`
  })
  throw new ProcessingError(
    'BAD_ARGUMENT',
    `Parameters of processor '${definition.name}': ${issues.join('; ')}. It knows ${Object.keys(definition.params.shape).join(', ')}.`,
  )
}

/** The parameters of a processor as somebody gives a few of them: none is required, and none that is missing gets its default. */
export function givenParams(definition: ProcessorDefinition): z.ZodObject {
  const shape = Object.entries<z.core.$ZodType>(definition.params.shape).map(
    ([name, param]) => [name, z.optional(param instanceof z.ZodDefault ? param.unwrap() : param)] as const,
  )
  return z.strictObject(Object.fromEntries(shape))
}

/** One parameter as a command's help or a documentation page shows it. */
export interface ParamDoc {
  readonly name: string
  readonly type: 'number' | 'string' | 'boolean' | 'choice'
  readonly choices: readonly string[]
  readonly minimum: number | null
  readonly maximum: number | null
  readonly default: string | number | boolean | null
  readonly doc: string
}

interface JsonSchemaNode {
  readonly type?: string
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly anyOf?: readonly JsonSchemaNode[]
  readonly minimum?: number
  readonly maximum?: number
  readonly default?: unknown
  readonly description?: string
}

/** The parameters of a processor in the order of its definition, read from its schema: help, settings and pages say the same. */
export function describeParams(definition: ProcessorDefinition): ParamDoc[] {
  const schema = z.toJSONSchema(definition.params, { io: 'input' }) as {
    properties?: Record<string, JsonSchemaNode>
  }
  return Object.entries(schema.properties ?? {}).map(([name, node]) => {
    // Of a number that may also be a word (auto), the number tells type and range.
    const core = node.anyOf?.find((option) => option.type !== 'null' && option.const === undefined) ?? node
    const choices = (core.enum ?? []).map(String)
    const type =
      choices.length > 0
        ? 'choice'
        : core.type === 'integer' || core.type === 'number'
          ? 'number'
          : core.type === 'boolean'
            ? 'boolean'
            : 'string'
    const fallback = node.default
    return {
      name,
      type,
      choices,
      minimum: core.minimum ?? null,
      maximum: core.maximum ?? null,
      default:
        typeof fallback === 'number' || typeof fallback === 'string' || typeof fallback === 'boolean'
          ? fallback
          : null,
      doc: node.description ?? '',
    }
  })
}
