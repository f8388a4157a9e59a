import type { StepLog } from './step-context.js'

/** Writes lines with time and level to stderr and keeps the last ones, which are recorded with a failure. */
export class AttemptLog implements StepLog {
  private readonly kept: string[] = []

  constructor(
    private readonly write: (line: string) => void = (line) => process.stderr.write(line),
    private readonly keep = 20,
  ) {}

  get lastLines(): readonly string[] {
    return this.kept
  }
  info(message: string): void {
    this.line('info', message)
  }
  warn(message: string): void {
    this.line('warn', message)
  }
  error(message: string): void {
    this.line('error', message)
  }

  private line(level: string, message: string): void {
    const line = `${new Date().toISOString()} ${level} ${message}`
    this.kept.push(line)
    if (this.kept.length > this.keep) this.kept.shift()
    this.write(`${line}\n`)
  }
}
