import { writeFileSync } from 'node:fs'

/** A processor that says when it was called: nanoseconds of the machine's monotonic clock, which all processes share. */
async function run(context: { readonly params: unknown }): Promise<{ readonly products: readonly [] }> {
  const now = process.hrtime.bigint()
  const { record } = context.params as { readonly record?: string }
  if (record !== undefined) writeFileSync(record, String(now))
  return Promise.resolve({ products: [] })
}

export const runs = { l2a: run }
