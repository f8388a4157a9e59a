import { InvalidArgumentError } from 'commander'
import type { App } from '../app.js'
import type { NamedSteps } from '../scheduler/named-steps.js'
import { positiveInteger } from './numbers.js'

/** How steps are named together, for `--help`. */
export const SELECTION =
  'NUMBER: a step; job:NUMBER; tile:JOB/TILE, those of a job for one tile; site:SLUG, with its sub-sites; season:SITE/NAME, those of jobs asked for it'

/** The words of `SELECTION`. */
export function selection(text: string): NamedSteps {
  const kind = /^(step|job|tile|site|season):/.exec(text)?.[1] ?? 'step'
  const what = text.startsWith(`${kind}:`) ? text.slice(kind.length + 1) : text
  return selectionOf(kind, what) ?? refuse(text)
}

/** A selection whose kind is said apart; undefined for another kind. */
export function selectionOf(kind: string, what: string): NamedSteps | undefined {
  const [head = '', ...rest] = what.split('/')
  const tail = rest.join('/')
  switch (kind) {
    case 'step':
    case 'job':
      return /^\d+$/.test(what)
        ? { kind, id: positiveInteger(what) }
        : refuse(kind === 'step' ? what : `${kind}:${what}`)
    case 'tile':
      return /^\d+$/.test(head) && tail !== ''
        ? { kind, job: positiveInteger(head), tile: tail }
        : refuse(`tile:${what}`)
    case 'site':
      return { kind, slug: what }
    case 'season':
      return tail === '' ? refuse(`season:${what}`) : { kind, site: head, name: tail }
    default:
      return undefined
  }
}

function refuse(found: string): never {
  throw new InvalidArgumentError(`expected ${SELECTION}; found '${found}'`)
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
