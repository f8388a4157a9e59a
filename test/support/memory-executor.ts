import { setTimeout as wait } from 'node:timers/promises'
import type { App } from '../../src/app.js'
import { completeStep } from '../../src/db/steps/complete-step.js'
import type { AttemptEnd, ClaimedStep, Executor } from '../../src/scheduler/executor.js'

/** Steps that only take a moment, `workMs` each, and succeed: schedulers without processes. */
export class MemoryExecutor implements Executor {
  readonly name = 'local'
  private readonly current = new Map<number, ClaimedStep>()
  private callback: (step: ClaimedStep, end: AttemptEnd) => void = () => undefined

  constructor(
    private readonly db: App['db'],
    private readonly workMs: () => number,
  ) {}

  onEnd(callback: (step: ClaimedStep, end: AttemptEnd) => void): void {
    this.callback = callback
  }
  start(step: ClaimedStep): void {
    this.current.set(step.id, step)
    void wait(this.workMs())
      .then(() => completeStep(this.db, step, [], {}))
      .then(({ kind }) => {
        this.current.delete(step.id)
        this.callback(step, { kind: 'reported', outcome: kind === 'published' ? 'succeeded' : 'lost' })
      })
  }
  running(): readonly ClaimedStep[] {
    return [...this.current.values()]
  }
  setLimits(): void {}
  setThreads(): void {}
  cancel(): void {}
  killSilent(): void {}
  endOrphans(): Promise<readonly string[]> {
    return Promise.resolve([])
  }
  async close(): Promise<void> {
    while (this.current.size > 0) await wait(5)
  }
}
