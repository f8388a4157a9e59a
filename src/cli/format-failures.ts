import type { FailedAttempt } from '../scheduler/failed-attempts.js'

/** How many of the kept lines are shown in text; `--json` has them all. */
const SHOWN_LINES = 5

/** What is kept of each failed attempt, in indented lines. */
export function formatFailures(failures: readonly FailedAttempt[]): string[] {
  return failures.flatMap((failure) => [
    `  attempt ${failure.attempt}: ${failure.code}, then ${failure.next}`,
    `    ${failure.message}`,
    `    ${describeEnd(failure)}${failure.durationS === null ? '' : ` after ${failure.durationS} s`}, on ${failure.node ?? '?'}, pid ${failure.pid ?? '?'}${describeUse(failure)}`,
    ...(failure.argv === null ? [] : [`    ${failure.argv.join(' ')}`]),
    ...failure.lastLines.slice(-SHOWN_LINES).map((line) => `    | ${line}`),
  ])
}

function describeEnd({ exitCode, signal }: FailedAttempt): string {
  if (signal !== null) return `ended by ${signal}`
  return exitCode === null ? 'reported by the step itself' : `ended with status ${exitCode}`
}

function describeUse({ resources }: FailedAttempt): string {
  const { cpu_s: cpu, max_rss_kb: rss } = resources
  return [
    typeof cpu === 'number' ? `, ${cpu} s CPU` : '',
    typeof rss === 'number' ? `, ${Math.round(rss / 1024)} MiB at peak` : '',
  ].join('')
}
