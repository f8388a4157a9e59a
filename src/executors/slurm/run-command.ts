import { execa } from 'execa'
import { ProcessingError } from '../../domain/errors.js'

export type SlurmCommand = 'sbatch' | 'squeue' | 'scontrol' | 'scancel' | 'sinfo' | 'srun' | 'sacctmgr'

/** What our commands, and so the jobs, see of the environment: enough to work, nothing of the user's shell. */
const KEPT = [
  'PATH',
  'HOME',
  'USER',
  'LOGNAME',
  'LANG',
  'TZ',
  'SLURM_CONF',
  'LD_LIBRARY_PATH',
  'NODE_EXTRA_CA_CERTS',
]
const KEPT_GROUPS = /^(TILTH|GDAL|PROJ|PG[A-Z]+)_?/

/** What slurmctld and the commands say when nobody answers, rather than when a request is refused. */
const AWAY =
  /contact slurm controller|configuration source|connection refused|timed out|connection failure|not responding|socket|temporarily|slurmctld.*(down|starting)/i

/**
 * Runs one command of Slurm and returns what it printed. Arguments are an array, never a shell's line. Throws SLURM_UNAVAILABLE where the
 * command is not installed or the controller does not answer, SLURM_REFUSED where Slurm says no.
 */
export async function runSlurm(
  command: SlurmCommand,
  args: readonly string[],
  { env = {}, timeoutMs = 60_000 }: { env?: Readonly<Record<string, string>>; timeoutMs?: number } = {},
): Promise<string> {
  const result = await execa(command, args, {
    env: { ...keptEnvironment(), SLURM_BITSTR_LEN: '0', ...env },
    extendEnv: false,
    reject: false,
    timeout: timeoutMs,
    stdin: 'ignore',
    maxBuffer: 512 * 2 ** 20,
  })
  if (result.exitCode === 0) return result.stdout
  const said = (result.stderr === '' ? (result.originalMessage ?? '') : result.stderr).trim().slice(-1000)
  const how = result.timedOut
    ? `took longer than ${timeoutMs / 1000} s`
    : result.exitCode === undefined
      ? 'could not be run'
      : `ended with status ${result.exitCode}`
  const isAway = result.exitCode === undefined || AWAY.test(said)
  throw new ProcessingError(
    isAway ? 'SLURM_UNAVAILABLE' : 'SLURM_REFUSED',
    `\`${command} ${args.join(' ')}\` ${how}: ${said || 'nothing was said'}`,
  )
}

export function keptEnvironment(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) =>
      value !== undefined && (KEPT.includes(name) || KEPT_GROUPS.test(name)) ? [[name, value]] : [],
    ),
  )
}
