import type { Command } from 'commander'
import { registerPause } from './pause.js'

export function register(program: Command): void {
  registerPause(program, 'resume', 'let a paused site or job, or a paused or draining node, take work again')
}
