import { formatSeconds } from './queue-options.js'

/** Progress on stderr with the time left: one line that is rewritten on a terminal, a line every ten percent elsewhere. */
export class ProgressLine {
  private readonly started = performance.now()
  private lastTenth = -1
  private drawn = false

  constructor(private readonly enabled: boolean) {}

  show(fraction: number, note: string): void {
    if (!this.enabled) return
    const seconds = (performance.now() - this.started) / 1000
    const left = fraction > 0.02 ? `, about ${formatSeconds((seconds / fraction) * (1 - fraction))} left` : ''
    const text = `${(fraction * 100).toFixed(0).padStart(3)} %  ${note}  (${formatSeconds(seconds)}${left})`
    if (process.stderr.isTTY) {
      process.stderr.write(`\r\x1b[K${text}`)
      this.drawn = true
      return
    }
    const tenth = Math.floor(fraction * 10)
    if (tenth === this.lastTenth) return
    this.lastTenth = tenth
    process.stderr.write(`${text}\n`)
  }

  /** A line of its own, above the progress. */
  note(text: string): void {
    if (this.drawn) process.stderr.write('\r\x1b[K')
    this.drawn = false
    process.stderr.write(`note: ${text}\n`)
  }

  end(): void {
    if (this.drawn) process.stderr.write('\n')
    this.drawn = false
  }
}
