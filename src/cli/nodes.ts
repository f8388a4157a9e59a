import type { Command } from 'commander'
import type { App } from '../app.js'
import type { NodeView } from '../scheduler/nodes.js'
import { formatTable, printJson, withApp } from './queue-options.js'
import { numberIn } from './numbers.js'
import { showOrWatch } from './watch.js'

interface Options {
  readonly watch?: boolean
  readonly interval?: number
  readonly json?: boolean
}

export function register(program: Command): void {
  const nodes = program
    .command('nodes')
    .description('nodes on which steps run: state, slots, memory, load, pressure, version, last seen')
    .option('--watch', 'again every --interval seconds until Ctrl-C')
    .option(
      '--interval <s>',
      'seconds between two looks with --watch, 0.1 to 3600',
      numberIn(0.1, 3600, 's'),
      1,
    )
    .option('--json', 'print JSON, one line a look with --watch')
    .addHelpText(
      'after',
      `
SLOTS and MEMORY (MiB) are those granted to running steps of those there are. LOAD: runnable tasks, mean of 1 min. CPU: % of all CPUs
since the last heartbeat. FREE: memory that could be had without swapping, MiB. STALL: % of the last 10 s in which some task waited for
cpu/io/memory (/proc/pressure); - where the kernel does not say. A node is gone after three heartbeats (node.heartbeat_s) of silence.`,
    )
    .action(async (options: Options) =>
      withApp(async ({ db }) => {
        const { listNodes } = await import('../scheduler/nodes.js')
        const { watch = false, json = false, interval = 1 } = options
        await showOrWatch(
          async () => {
            const found = await listNodes(db)
            if (json) return `${JSON.stringify(found, null, watch ? undefined : 2)}\n`
            return formatNodes(found)
          },
          { watch, intervalS: interval, redraw: !json },
        )
      }),
    )
  for (const [name, wish, description] of [
    ['pause', 'paused', 'start no more steps on a node for a while; running ones end'],
    ['drain', 'draining', 'start no more steps on a node; when the last one has ended its state is drained'],
    ['resume', 'active', 'let a paused or draining node take work again'],
  ] as const)
    nodes
      .command(`${name} <node>`)
      .description(`${description}; acts within 2 s and outlives restarts`)
      .action(async (node: string, _: unknown, command: Command) => {
        const { setNodeWish } = await import('../scheduler/nodes.js')
        await change(command, ({ db }) => setNodeWish(db, node, wish))
      })
  nodes
    .command('label <node> <labels...>')
    .description('set labels key=value on a node; key= removes one')
    .action(async (node: string, labels: string[], _: unknown, command: Command) => {
      const { labelNode } = await import('../scheduler/nodes.js')
      await change(command, ({ db }) => labelNode(db, node, labels))
    })
  nodes
    .command('forget <node>')
    .description('delete a node that is gone from the list')
    .action(async (node: string) => {
      await withApp(async ({ db }) => {
        const { forgetNode } = await import('../scheduler/nodes.js')
        await forgetNode(db, node)
      })
    })
}

/** Changes a node and shows it. */
async function change(command: Command, work: (app: App) => Promise<NodeView>): Promise<void> {
  const { json } = command.optsWithGlobals<Options>()
  const { noteGone } = await import('../scheduler/nodes.js')
  const node = await withApp(work)
  const note = noteGone(node)
  if (note !== null) process.stderr.write(`${note}\n`)
  if (json) printJson(node)
  else process.stdout.write(formatNodes([node]))
}

function formatNodes(nodes: readonly NodeView[]): string {
  const of = (value: number | null, digits: number): string => value?.toFixed(digits) ?? '-'
  const table = formatTable(
    [
      'NODE',
      'STATE',
      'STEPS',
      'SLOTS',
      'MEMORY',
      'LOAD',
      'CPU',
      'FREE',
      'STALL',
      'PROGRAM',
      'SEEN',
      'LABELS',
    ],
    nodes.map((n) => [
      n.name,
      n.state,
      String(n.runningSteps),
      `${n.slotsTaken}/${n.slots}`,
      `${n.memoryTakenMb}/${n.memoryMb}`,
      of(n.load1min, 2),
      n.cpuUse === null ? '-' : `${(n.cpuUse * 100).toFixed(0)} %`,
      of(n.memoryFreeMb, 0),
      [n.pressureCpu, n.pressureIo, n.pressureMemory].map((p) => of(p, 1)).join('/'),
      n.program,
      `${Math.max(0, Math.round(n.lastSeenS))} s ago`,
      Object.entries(n.labels)
        .map(([key, value]) => `${key}=${value}`)
        .join(' '),
    ]),
  )
  // A node of Slurm is there only while a job of ours runs on it, and one that was unfit gets none.
  const faults = nodes.filter((n) => n.fault !== null && (n.state !== 'gone' || n.executor === 'slurm'))
  const held = nodes.filter((n) => n.slotsHeldTo !== null && n.state !== 'gone')
  return [
    table,
    ...faults.map((n) => `${n.name} takes no work: ${n.fault ?? ''}\n`),
    ...held.map(
      (n) => `${n.name} hands out ${n.slotsHeldTo ?? 0} of ${n.slots} slots: ${n.heldReason ?? ''}\n`,
    ),
  ].join('')
}
