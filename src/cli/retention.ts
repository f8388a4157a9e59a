import { Option, type Command } from 'commander'
import { userInfo } from 'node:os'
import type { RetentionAction } from '../catalog/retention/run-retention.js'
import { interruptible } from './interruptible.js'
import { positiveInteger } from './numbers.js'
import { formatTable, printJson, withApp } from './queue-options.js'

interface SetOptions {
  readonly site?: string
  readonly level?: string
  readonly processor?: string
  readonly keepDays?: number
  readonly keepSeasons?: number
  readonly keepRevisions?: number
  readonly then: 'delete' | 'archive'
  readonly json?: boolean
}

export function register(program: Command): void {
  const retention = program
    .command('retention')
    .description('how long products are kept, and what becomes of them then')
  retention
    .command('list')
    .description('all rules')
    .option('--json', 'print JSON')
    .action(async ({ json }: { json?: boolean }) =>
      withApp(async ({ db }) => {
        const { listRules } = await import('../catalog/retention/rules.js')
        const rules = await listRules(db)
        if (json) printJson(rules)
        else
          process.stdout.write(
            formatTable(
              ['RULE', 'SITE', 'LEVEL', 'PROCESSOR', 'KEEP', 'REVISIONS', 'THEN'],
              rules.map((rule) => [
                String(rule.id),
                rule.site ?? '(all)',
                rule.level ?? '(any)',
                rule.processor ?? '(any)',
                rule.keepDays !== null
                  ? `${rule.keepDays} days`
                  : rule.keepSeasons !== null
                    ? `${rule.keepSeasons} seasons`
                    : '-',
                rule.keepRevisions === null ? '-' : String(rule.keepRevisions),
                rule.action,
              ]),
            ),
          )
      }),
    )
  retention
    .command('set')
    .description('write a rule; one of the same site, level, processor and action is replaced')
    .option('--site <slug>', 'for this site and its sub-sites (default: all sites)')
    .option(
      '--level <level>',
      'only this level, e.g. L2A; L1C or L1TP speaks of acquisitions (default: every level of products)',
    )
    .option('--processor <name>', 'only products of this processor')
    .option('--keep-days <n>', 'days after sensing', count)
    .option(
      '--keep-seasons <n>',
      'until so many seasons of the site have ended after sensing',
      positiveInteger,
    )
    .option(
      '--keep-revisions <n>',
      'newest revisions of a product, the one in force included (default: 1)',
      positiveInteger,
    )
    .addOption(
      new Option('--then <action>', 'what then: delete, or archive to the root `cold`')
        .choices(['delete', 'archive'])
        .default('delete'),
    )
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
The rule of a site, of its nearest ancestor, or of all sites holds, and of these the one that names most. A tile of several sites keeps its
products as long as the most patient of them says; a site without any rule keeps for ever. Nothing is removed that a waiting or running
step reads. Rules act with \`tilth retention run\`, and by themselves where retention.interval_s is set.`,
    )
    .action(async (o: SetOptions) =>
      withApp(async ({ db }) => {
        const { setRule } = await import('../catalog/retention/rules.js')
        const { describeRule } = await import('../catalog/retention/decide.js')
        const rule = await setRule(db, {
          site: o.site ?? null,
          level: o.level ?? null,
          processor: o.processor ?? null,
          action: o.then,
          keepDays: o.keepDays ?? null,
          keepSeasons: o.keepSeasons ?? null,
          keepRevisions: o.keepRevisions ?? null,
          by: userInfo().username,
        })
        if (o.json) printJson(rule)
        else process.stdout.write(`${describeRule(rule)}\n`)
      }),
    )
  retention
    .command('remove <rule>')
    .description('delete a rule, by its number')
    .action(async (rule: string) =>
      withApp(async ({ db }) => {
        const { removeRule } = await import('../catalog/retention/rules.js')
        await removeRule(db, positiveInteger(rule))
      }),
    )
  retention
    .command('run')
    .description('remove or archive what is due, on the host that has the roots; look first with --dry-run')
    .option('--dry-run', 'print product, bytes and rule, and change nothing', false)
    .option('--json', 'print JSON lines, the last one the report')
    .addHelpText(
      'after',
      `
May be interrupted or killed at any time: the next run finishes. Exit status 0; 74 where something could not be done, 75 while another
run is at work.`,
    )
    .action(async (options: { dryRun: boolean; json?: boolean }) => {
      const { runRetention } = await import('../catalog/retention/run-retention.js')
      const { EXIT } = await import('../domain/errors.js')
      const report = await interruptible((signal) =>
        withApp((app) =>
          runRetention(app, {
            dryRun: options.dryRun,
            signal,
            onAction: (action) => {
              process.stdout.write(options.json ? `${JSON.stringify(action)}\n` : describeAction(action))
            },
          }),
        ),
      )
      if (report === undefined) {
        process.stderr.write('another `tilth retention run` is at work\n')
        process.exitCode = EXIT.temporary
        return
      }
      if (options.json) process.stdout.write(`${JSON.stringify({ dryRun: options.dryRun, ...report })}\n`)
      else {
        for (const { name, neededBy } of report.needed) process.stderr.write(`kept ${name}: ${neededBy}\n`)
        process.stdout.write(
          `${report.done} ${options.dryRun ? 'would be removed or archived' : 'removed or archived'}, ${mebibytes(report.bytes)} MiB\n`,
        )
      }
      for (const { name, code, message } of report.failed)
        process.stderr.write(`error ${code}: ${name}: ${message}\n`)
      if (report.failed.length > 0) process.exitCode = EXIT.io
    })
}

const count = (text: string): number => (text === '0' ? 0 : positiveInteger(text))
const mebibytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(1)
const describeAction = ({ what, action, name, location, to, bytes, because }: RetentionAction): string =>
  `${action} ${what} ${name}  ${bytes === null ? '? MiB' : `${mebibytes(bytes)} MiB`}  ${location}${to === null ? '' : ` -> ${to}`}  (${because})\n`
