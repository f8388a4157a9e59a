import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { execa } from 'execa'
import { ProcessingError } from '../../../domain/errors.js'

/** Runs commands of this program as a user would, in a folder and a database of their own. */
export class Commands {
  constructor(
    private readonly main: string,
    readonly env: Readonly<Record<string, string | undefined>>,
    private readonly say: (text: string) => void,
  ) {}

  /** What it prints. Throws INTERNAL, its stderr included, where it ends with another status than 0. */
  async run(...args: string[]): Promise<string> {
    this.say(`$ tilth ${args.map((a) => (/[^\w./:=-]/.test(a) ? `'${a}'` : a)).join(' ')}`)
    const result = await execa(process.execPath, [this.main, ...args], { env: this.env, reject: false })
    if (result.exitCode === 0) return result.stdout
    throw new ProcessingError(
      'INTERNAL',
      `The demo's command 'tilth ${args.join(' ')}' ended with ${String(result.exitCode ?? result.signal)}: ${result.stderr}`,
    )
  }

  /** Starts one that stays, its output in a file. */
  start(logPath: string, ...args: string[]): ChildProcess {
    const log = openSync(logPath, 'a')
    const child = spawn(process.execPath, [this.main, ...args], {
      env: this.env,
      stdio: ['ignore', log, log],
    })
    closeSync(log)
    return child
  }
}

/** Resolves when a child has ended, to its status or signal. */
export const endOf = (child: ChildProcess): Promise<number | string | null> =>
  child.exitCode !== null || child.signalCode !== null
    ? Promise.resolve(child.exitCode ?? child.signalCode)
    : new Promise((resolve) => {
        child.once('close', (code, signal) => {
          resolve(code ?? signal)
        })
      })

export const lastLines = (path: string): string =>
  readFileSync(path, 'utf8').trimEnd().split('\n').slice(-12).join('\n')
