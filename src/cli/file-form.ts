import { InvalidArgumentError, Option, type Command } from 'commander'
import { CODECS, type Codec } from '../domain/codec.js'
import { wholeNumberIn } from './numbers.js'

/** Options of every command that makes one product from folders, without a database. */
export interface FileFormOptions {
  readonly out: string
  readonly threads?: number
  readonly blockSize: number
  readonly codec: Codec
  readonly force?: boolean
  readonly json?: boolean
  readonly quiet?: boolean
}

/** What the work gets of them, and where it tells how far it is. */
export interface FileFormWork {
  readonly out: string
  readonly threads: number | null
  readonly blockSize: number
  readonly codec: Codec
  readonly force: boolean
  readonly signal: AbortSignal
  readonly onProgress: (fraction: number, note: string) => void
  readonly onNote: (note: string) => void
}

/** Adds the options; `step` is what the block size must be a multiple of, pixels. */
export function withFileFormOptions(command: Command, step: 512 | 1024): Command {
  return command
    .requiredOption(
      '-o, --out <dir>',
      'folder that gets <dir>/<product name>/ with COGs, item.json, quicklook.png, report.json',
    )
    .option('--threads <n>', 'decodes and kernels that run at once (default: CPUs)', wholeNumberIn(1, 256))
    .option(
      '--block-size <px>',
      `edge of a block; a multiple of ${step}; changes memory, not pixels`,
      (text) => {
        const value = wholeNumberIn(step, 8192)(text)
        if (value % step !== 0)
          throw new InvalidArgumentError(`expected a multiple of ${step} px, found '${text}'`)
        return value
      },
      1024,
    )
    .addOption(
      new Option(
        '--codec <name>',
        'deflate: any reader; zstd: faster, larger; lerc: without loss, needs a GDAL with LERC',
      )
        .choices(CODECS)
        .default('deflate'),
    )
    .option('--force', 'replace a product of the same name in --out')
    .option('--quiet', 'no progress on stderr')
    .option('--json', 'print the result as JSON')
}

/** Runs the work with progress on stderr until it ends or is interrupted, then prints the result as text, the folder unless told, or as JSON. Returns it. */
export async function runFileForm<T extends { readonly folder: string }>(
  options: FileFormOptions,
  work: (common: FileFormWork) => Promise<T>,
  asText: (result: T) => string = ({ folder }) => `${folder}\n`,
): Promise<T> {
  const { ProgressLine } = await import('./progress-line.js')
  const { interruptible } = await import('./interruptible.js')
  const progress = new ProgressLine(options.quiet !== true)
  const result = await interruptible((signal) =>
    work({
      out: options.out,
      threads: options.threads ?? null,
      blockSize: options.blockSize,
      codec: options.codec,
      force: options.force === true,
      signal,
      onProgress: (fraction, note) => {
        progress.show(fraction, note)
      },
      onNote: (note) => {
        progress.note(note)
      },
    }),
  ).finally(() => {
    progress.end()
  })
  process.stdout.write(options.json === true ? `${JSON.stringify(result, null, 2)}\n` : asText(result))
  return result
}
