// Removes compiled files whose source is gone, so that a deleted module cannot be imported by mistake.
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

const walk = (dir) =>
  readdirSync(dir, { withFileTypes: true }).flatMap((e) => (e.isDirectory() ? walk(join(dir, e.name)) : [join(dir, e.name)]))

for (const file of walk('dist')) {
  const source = file.replace(/^dist\//, '').replace(/\.js(\.map)?$/, '.ts')
  if (/\.js(\.map)?$/.test(file) && !existsSync(source)) rmSync(file)
}
