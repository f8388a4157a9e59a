/** Even numbers in [0, 1), the same each time (Park and Miller 1988, CACM 31, 1192). */
export class Chance {
  private state: number
  constructor(seed: number) {
    this.state = 1 + ((seed * 7919) % 2_147_483_646)
    for (let i = 0; i < 20; i++) this.next()
  }
  next(): number {
    this.state = (this.state * 48_271) % 2_147_483_647
    return this.state / 2_147_483_647
  }
  between(low: number, high: number): number {
    return low + (high - low) * this.next()
  }
  /** About 0, standard deviation 1. */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.next())) * Math.cos(2 * Math.PI * this.next())
  }
}
