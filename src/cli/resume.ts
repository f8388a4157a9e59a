import type { Command } from 'commander'
import { registerPause } from './pause.js'

export function register(program: Command): void {
  registerPause(program, 'resume', 'let what `tilth pause` has stopped, or a draining node, take work again')
}
