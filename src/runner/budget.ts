/**
 * How many threads a step may use, changed while it runs. Decoding and kernels alike take a slot for as long as they run. A smaller
 * capacity takes no slot away: it is reached as running work ends. Waiters are served in order, those of higher priority first, so that
 * blocks already decoded leave memory before further ones come in. Never ask for a slot while holding one.
 */
export class Budget {
  private used = 0
  private readonly waiting: { readonly priority: number; readonly start: () => void }[] = []
  private readonly listeners = new Set<() => void>()

  /** @param slots threads, at least 1. */
  constructor(private slots: number) {
    this.slots = Math.max(1, Math.floor(slots))
  }

  get capacity(): number {
    return this.slots
  }

  get inUse(): number {
    return this.used
  }

  /** Threads from now on, at least 1. */
  setCapacity(slots: number): void {
    this.slots = Math.max(1, Math.floor(slots))
    this.admit()
    for (const listener of this.listeners) listener()
  }

  /** Calls back after each change of capacity; returns what ends that. */
  onChange(listener: () => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  /** Runs `work` in a slot. Rejects only as `work` does. */
  async run<T>(work: () => Promise<T>, priority = 0): Promise<T> {
    await new Promise<void>((start) => {
      const behind = this.waiting.findIndex((other) => other.priority < priority)
      this.waiting.splice(behind < 0 ? this.waiting.length : behind, 0, { priority, start })
      this.admit()
    })
    try {
      return await work()
    } finally {
      this.used--
      this.admit()
    }
  }

  private admit(): void {
    while (this.used < this.slots) {
      const next = this.waiting.shift()
      if (next === undefined) return
      this.used++
      next.start()
    }
  }
}
