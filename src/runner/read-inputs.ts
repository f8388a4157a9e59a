import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ProcessingError } from '../domain/errors.js'
import type { ProductInput } from '../domain/step-params.js'
import { PRODUCT_FILES } from '../products/layout.js'

/** A product that a step reads, with the absolute path of its folder. */
export interface LocatedInput extends ProductInput {
  readonly folder: string
}

/**
 * Runs work on products as they were when the step was made. A revision that has left the archive before or while it is read is
 * INPUT_GONE, whatever error the work met because of that; every other error is the work's own.
 */
export async function readInputs<T>(inputs: readonly LocatedInput[], work: () => Promise<T>): Promise<T> {
  await mustBeThere(inputs)
  try {
    return await work()
  } catch (error) {
    await mustBeThere(inputs, error)
    throw error
  }
}

async function mustBeThere(inputs: readonly LocatedInput[], cause?: unknown): Promise<void> {
  for (const { name, location, folder } of inputs) {
    const gone = await stat(join(folder, PRODUCT_FILES.item)).then(
      () => false,
      (error: unknown) => error instanceof Error && 'code' in error && error.code === 'ENOENT',
    )
    if (gone)
      throw new ProcessingError(
        'INPUT_GONE',
        `${name}: expected its revision ${location}, which is there no more: it was made again or removed since the step was made. ` +
          'Ask for the product again with `tilth process`.',
        { cause },
      )
  }
}
