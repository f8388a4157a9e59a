import { InvalidArgumentError } from 'commander'
import type { App } from '../app.js'
import { positiveInteger } from './numbers.js'

/** `job:12` or `12`: a job, or a step. */
export function selection(text: string): { job: number } | { step: number } {
  const match = /^(?:(job|step):)?(\d+)$/.exec(text)
  if (match === null)
    throw new InvalidArgumentError(`expected a step's number or job:NUMBER, found '${text}'`)
  const id = positiveInteger(match[2] ?? '')
  return match[1] === 'job' ? { job: id } : { step: id }
}

/** Opens the app for one command and closes it however the command ends. */
export async function withApp<T>(work: (app: App) => Promise<T>): Promise<T> {
  const { openApp } = await import('../app.js')
  const app = await openApp({ poolSize: 2 })
  try {
    return await work(app)
  } finally {
    await app.close()
  }
}

export const printJson = (value: unknown): void => {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`)
}

/** Columns padded to their widest cell; the last one runs free. An empty table prints `none`. */
export function formatTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return 'none\n'
  const widths = header.map((title, i) => Math.max(title.length, ...rows.map((row) => (row[i] ?? '').length)))
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd()
  return `${[header, ...rows].map(line).join('\n')}\n`
}

/** `2 h 05 min`, `3 min 07 s`, `4 s`. */
export function formatSeconds(seconds: number): string {
  const s = Math.max(0, Math.round(seconds))
  const two = (n: number) => String(n).padStart(2, '0')
  if (s >= 3600) return `${Math.floor(s / 3600)} h ${two(Math.floor((s % 3600) / 60))} min`
  return s >= 60 ? `${Math.floor(s / 60)} min ${two(s % 60)} s` : `${s} s`
}

/** Says on stderr which of the tiles asked for have nothing to be made from. */
export function tellTilesWithoutInput(
  { tilesWithoutInput }: { readonly tilesWithoutInput: readonly string[] },
  input: 'acquisition' | 'L2A product' = 'acquisition',
): void {
  for (const tile of tilesWithoutInput)
    process.stderr.write(
      input === 'acquisition'
        ? `tile ${tile}: no present acquisition fits; \`tilth acquisitions --tile ${tile}\` lists what there is\n`
        : `tile ${tile}: no L2A product fits; \`tilth products --tile ${tile} --level L2A\` lists what there is\n`,
    )
}
