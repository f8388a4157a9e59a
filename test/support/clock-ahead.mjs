/** Loaded by `--import`: the clock of this process is an hour ahead, for everything in it that asks for the time of day. */
const HOUR = 3_600_000
const RealDate = Date
globalThis.Date = class extends RealDate {
  constructor(...args) {
    if (args.length === 0) super(RealDate.now() + HOUR)
    else super(...args)
  }
  static now() {
    return RealDate.now() + HOUR
  }
}
