import { z } from 'zod'

/** `live`: acts at once, on running work too. `job`: frozen into a job when it is made. */
export type SettingEffect = 'live' | 'job'

/** Where a row may stand: for the whole system, for a site. `processor`: the key belongs to one processor, whose name is in it. */
export type SettingScope = 'global' | 'site' | 'processor'

export type SettingValue = number | boolean | string
export type SettingType = 'integer' | 'number' | 'flag' | 'text' | 'choice'

export interface SettingDefinition<T extends SettingValue = SettingValue> {
  readonly type: SettingType
  /** '1' for pure numbers, '-' where a unit makes no sense. */
  readonly unit: string
  /** In words, as help and errors show it. */
  readonly range: string
  readonly schema: z.ZodType<T>
  readonly default: () => T
  /** Shown instead of the value where the default depends on the machine. */
  readonly defaultText?: string
  readonly doc: string
  readonly scopes: readonly SettingScope[]
  readonly effect: SettingEffect
}

interface Common<T extends SettingValue> {
  readonly default: T | (() => T)
  readonly defaultText?: string
  /** One or more sentences, the first of which stands alone. */
  readonly doc: string
  /** Default: global and site. */
  readonly scopes?: readonly SettingScope[]
  /** Default: live. */
  readonly effect?: SettingEffect
}

export const GLOBAL: readonly SettingScope[] = ['global']
export const ANY_SITE: readonly SettingScope[] = ['global', 'site']
/** Of keys `processor.<name>.*`. */
export const OF_PROCESSOR: readonly SettingScope[] = ['global', 'site', 'processor']

function define<T extends SettingValue>(
  o: Common<T>,
  kind: Pick<SettingDefinition<T>, 'type' | 'unit' | 'range' | 'schema'>,
): SettingDefinition<T> {
  const byDefault = o.default
  return {
    ...kind,
    default: typeof byDefault === 'function' ? byDefault : () => byDefault,
    ...(o.defaultText === undefined ? {} : { defaultText: o.defaultText }),
    doc: o.doc,
    scopes: o.scopes ?? ANY_SITE,
    effect: o.effect ?? 'live',
  }
}

interface Numeric extends Common<number> {
  readonly unit: string
  readonly min: number
  readonly max: number
}

export const integer = ({ unit, min, max, ...o }: Numeric): SettingDefinition<number> =>
  define(o, { type: 'integer', unit, range: `${min} to ${max}`, schema: z.number().int().min(min).max(max) })

export const number = ({ unit, min, max, ...o }: Numeric): SettingDefinition<number> =>
  define(o, { type: 'number', unit, range: `${min} to ${max}`, schema: z.number().min(min).max(max) })

/** A number, or the word `auto` where the program finds it by itself. */
export const numberOrAuto = ({
  unit,
  min,
  max,
  ...o
}: Common<number | 'auto'> & Omit<Numeric, keyof Common<number>>): SettingDefinition<number | 'auto'> =>
  define(o, {
    ...{ type: 'number', unit, range: `${min} to ${max}, or auto` },
    schema: z.union([z.literal('auto'), z.number().min(min).max(max)]),
  })

/** On the command line `true` or `false`, also `on`, `off`, `yes`, `no`. */
export const flag = (o: Common<boolean>): SettingDefinition<boolean> =>
  define(o, { type: 'flag', unit: '-', range: 'true or false', schema: z.boolean() })

/** `pattern` must match as a whole, and `check` hold if there is one; `range` says it in words. */
export const text = ({
  pattern,
  check = () => true,
  range,
  unit,
  ...o
}: Common<string> & {
  readonly pattern: RegExp
  readonly check?: (value: string) => boolean
  readonly range: string
  readonly unit?: string
}): SettingDefinition<string> =>
  define(o, { type: 'text', unit: unit ?? '-', range, schema: z.string().regex(pattern).refine(check) })

export const choice = <const C extends readonly [string, ...string[]]>({
  values,
  ...o
}: Common<C[number]> & { readonly values: C }): SettingDefinition<C[number]> =>
  define<C[number]>(o, { type: 'choice', unit: '-', range: values.join(', '), schema: z.enum(values) })
