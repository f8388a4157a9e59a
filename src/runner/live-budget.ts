import type { ThreadBudget } from './step-context.js'

/** The threads of a running step, which its scheduler may change at any time. */
export class LiveBudget implements ThreadBudget {
  private readonly callbacks = new Set<(threads: number) => void>()
  constructor(private threads: number) {}
  get value(): number {
    return this.threads
  }
  set(threads: number): void {
    if (threads === this.threads || threads < 1) return
    this.threads = threads
    for (const callback of this.callbacks) callback(threads)
  }
  onChange(callback: (threads: number) => void): () => void {
    this.callbacks.add(callback)
    return () => this.callbacks.delete(callback)
  }
}
