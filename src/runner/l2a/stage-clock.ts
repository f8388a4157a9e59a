interface Stage {
  readonly name: string
  readonly wall_s: number
  readonly cpu_s: number
}

/** Wall and CPU seconds of the stages of a run, one after the other. CPU is that of the whole process with all its threads. */
export class StageClock {
  private readonly started = performance.now()
  private readonly cpuAtStart = process.cpuUsage()
  private readonly ended: Stage[] = []

  async stage<T>(name: string, work: () => Promise<T>): Promise<T> {
    const started = performance.now()
    const cpu = process.cpuUsage()
    const result = await work()
    this.ended.push({ name, wall_s: secondsSince(started), cpu_s: cpuSecondsSince(cpu) })
    return result
  }

  stages(): Stage[] {
    return [...this.ended]
  }

  total(): { wall_s: number; cpu_s: number } {
    return { wall_s: secondsSince(this.started), cpu_s: cpuSecondsSince(this.cpuAtStart) }
  }
}

const milli = (seconds: number): number => Math.round(seconds * 1000) / 1000
const secondsSince = (started: number): number => milli((performance.now() - started) / 1000)
function cpuSecondsSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before)
  return milli((user + system) / 1e6)
}
