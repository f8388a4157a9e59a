import { InvalidArgumentError, type Command } from 'commander'
import type { Pausable } from '../scheduler/pause.js'
import { printJson, selectionOf, withApp } from './queue-options.js'

export function register(program: Command): void {
  registerPause(
    program,
    'pause',
    'start no more steps of a site (and its sub-sites), a season, a job, one tile of a job, one step, or on a node; running ones end',
  )
}

/** `tilth pause` and `tilth resume` are one command with two names. */
export function registerPause(program: Command, name: 'pause' | 'resume', description: string): void {
  program
    .command(name)
    .description(`${description}; acts within 2 s`)
    .argument('<kind>', 'site, season, job, tile, step or node')
    .argument(
      '<what>',
      'slug of the site, SITE/SEASON, number of the job, JOB/TILE, number of the step, name of the node',
    )
    .option('--json', 'print JSON')
    .action(async (kind: string, what: string, { json }: { json?: boolean }) => {
      const pausable = parsePausable(kind, what)
      const paused = name === 'pause'
      const note = await withApp(async ({ db }) => {
        const { setPaused } = await import('../scheduler/pause.js')
        return setPaused(db, pausable, paused)
      })
      if (note !== null) process.stderr.write(`${note}\n`)
      if (json) printJson({ ...pausable, paused })
      else process.stdout.write(`${kind} ${what} ${paused ? 'is paused' : 'goes on'}\n`)
    })
}

function parsePausable(kind: string, what: string): Pausable {
  if (kind === 'node') return { kind, name: what }
  const pausable = selectionOf(kind, what)
  if (pausable !== undefined) return pausable
  throw new InvalidArgumentError(`expected site, season, job, tile, step or node, found '${kind}'`)
}
