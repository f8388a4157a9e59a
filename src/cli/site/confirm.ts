import { createInterface } from 'node:readline/promises'
import { ProcessingError } from '../../domain/errors.js'

/** Asks on the terminal; anything but yes is a no. Throws BAD_ARGUMENT where the answer is no, or where there is nobody to ask. */
export async function confirm(what: string): Promise<void> {
  if (!process.stdin.isTTY)
    throw new ProcessingError('BAD_ARGUMENT', `${what}: say --yes. Nothing was changed.`)
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  try {
    const answer = await lines.question(`${what}? [y/N] `)
    if (!/^y(es)?$/i.test(answer.trim()))
      throw new ProcessingError('BAD_ARGUMENT', 'The answer was no. Nothing was changed.')
  } finally {
    lines.close()
  }
}
