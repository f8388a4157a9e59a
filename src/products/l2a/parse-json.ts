import { z } from 'zod'
import { ProcessingError } from '../../domain/errors.js'

/** Text of a JSON file of a product, checked. @param what it should be, for the message. Throws METADATA_INVALID where it is torn or something else. */
export function parseProductJson<T>(path: string, text: string, schema: z.ZodType<T>, what: string): T {
  const refuse = (why: string, cause?: unknown) =>
    new ProcessingError('METADATA_INVALID', `'${path}': ${why}. Make the product again.`, { cause })
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    throw refuse('expected JSON', cause)
  }
  const parsed = schema.safeParse(json)
  if (!parsed.success) throw refuse(`${what}: ${z.prettifyError(parsed.error)}`)
  return parsed.data
}
