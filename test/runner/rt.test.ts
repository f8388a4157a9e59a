import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { ProcessingError } from '../../src/domain/errors.js'
import { parseAtmosphereTable } from '../../src/processors/l2a/rt-table.js'
import {
  readAtmosphereTable,
  shippedAtmosphereTable,
  shippedTablePath,
} from '../../src/runner/rt/atmosphere-table.js'
import { buildTable } from '../../src/runner/rt/build-table.js'
import { AXES, planTable, readAerosolOptics } from '../../src/runner/rt/plan.js'
import { findSolver, programRoot, readPart, solvePart, writePart } from '../../src/runner/rt/solve-part.js'
import { temporaryFolder, tilth } from '../support/cli.js'

const optics = await readAerosolOptics(join(programRoot(), 'config/rt/aerosol-optics.json'))
const never = new AbortController().signal
const numbers = (bytes: Uint8Array) => new Float32Array(Uint8Array.from(bytes).buffer)
/** Two wavelengths of each aerosol and a few states: some seconds. */
const few = { ...AXES, aot: [0, 0.2], pressure_ratio: [0.6, 1.09], streams: 8 }
const two = {
  ...optics,
  wavelengths_um: optics.wavelengths_um.slice(0, 2),
  models: Object.fromEntries(
    Object.entries(optics.models).map(([model, rows]) => [model, rows.slice(0, 2)]),
  ) as typeof optics.models,
}

describe('the shipped table', () => {
  test('is what its axes and optics make: some of its states, solved again, are the same numbers', async () => {
    const table = shippedAtmosphereTable()
    const plan = planTable(optics)
    expect(table.header).toEqual(plan.header)
    const solver = await findSolver()
    // Corners and a middle, in the blue, near infrared and shortwave infrared; one state each.
    for (const [model, wavelength, p, a] of [
      ['continental', 2, 5, 5],
      ['maritime', 12, 0, 3],
      ['desert', 17, 6, 4],
      ['continental-average', 12, 5, 3],
    ] as const) {
      const axes = { ...AXES, aot: [0, AXES.aot[a]], pressure_ratio: [AXES.pressure_ratio[p], 2] }
      const part = planTable(optics, axes).parts.find(
        (one) => one.model === model && one.wavelength === wavelength,
      )!
      const found = numbers(await solvePart(solver, part, never)).subarray(
        table.layout.length,
        2 * table.layout.length,
      )
      const state = p * AXES.aot.length + a
      const expected = table
        .states(model, wavelength)
        .subarray(state * table.layout.length, (state + 1) * table.layout.length)
      // Another machine's exp and cos may end differently in the last digit of a double, never in the sixth.
      found.forEach((value, i) => {
        expect(Math.abs(value - expected[i]!), `${model} ${i}`).toBeLessThanOrEqual(
          2e-6 * Math.abs(expected[i]!) + 1e-9,
        )
      })
    }
  })

  test('lies in memory that threads can share', () => {
    expect(shippedAtmosphereTable().states('urban', 3).buffer).toBeInstanceOf(SharedArrayBuffer)
    expect(shippedAtmosphereTable()).toBe(shippedAtmosphereTable())
  })

  test('is described by `tilth rt show`', async () => {
    const { stdout, exitCode } = await tilth(['rt', 'show', '--json'])
    expect(exitCode).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({
      name: shippedAtmosphereTable().header.name,
      digest: shippedAtmosphereTable().digest,
    })
  })
})

describe('a table that is not whole', () => {
  const bytes = readFileSync(shippedTablePath())
  const codeOf = (changed: Uint8Array) => {
    try {
      parseAtmosphereTable(changed, 'a.rt')
    } catch (error) {
      return error instanceof ProcessingError ? [error.code, error.message] : [error]
    }
    return ['accepted']
  }
  test('is refused wherever it was cut', () => {
    for (const length of [0, 7, 11, 40, 2000, bytes.length - 1]) {
      const [code, message] = codeOf(bytes.subarray(0, length))
      expect(code, String(length)).toBe('ATMOSPHERE_TABLE_INVALID')
      expect(message).toContain('a.rt')
    }
    expect(codeOf(Buffer.concat([bytes, Buffer.from([0])]))[0]).toBe('ATMOSPHERE_TABLE_INVALID')
  })
  test('is refused where a single bit was changed: header, numbers, checksum', () => {
    for (const at of [3, 9, 100, 5000, 2_000_000, bytes.length - 5]) {
      const changed = Buffer.from(bytes)
      changed[at] = changed[at]! ^ 4
      expect(codeOf(changed)[0], String(at)).toBe('ATMOSPHERE_TABLE_INVALID')
    }
  })
  test('is refused when it is of another version, with what was expected', () => {
    const other = Buffer.from(bytes)
    other.write('TILTHRT2')
    expect(codeOf(other)[1]).toMatch(/TILTHRT1.*TILTHRT2/)
  })
  test('ends the command with the code, and a missing one with NOT_FOUND', async () => {
    const folder = temporaryFolder('rt-torn')
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'torn.rt'), bytes.subarray(0, 100_000))
    const { exitCode, stderr } = await tilth(['rt', 'show', join(folder, 'torn.rt')])
    expect(exitCode).toBe(65)
    expect(stderr).toMatch(/ATMOSPHERE_TABLE_INVALID.*torn\.rt.*tilth rt build/)
    expect(() => readAtmosphereTable(join(folder, 'none.rt'))).toThrow(
      expect.objectContaining({ code: 'NOT_FOUND' }),
    )
  })
})

describe('building', () => {
  const build = async (folder: string, threads: number, signal = never) =>
    buildTable(planTable(two, few), {
      ...{ out: join(folder, 'a.rt'), parts: join(folder, 'parts'), threads, signal },
      onProgress: () => undefined,
    })

  test('gives the same bytes with one process and with three, and leaves nothing else', async () => {
    const [one, three] = [temporaryFolder('rt-one'), temporaryFolder('rt-three')]
    for (const folder of [one, three]) mkdirSync(folder, { recursive: true })
    expect(await build(one, 1)).toMatchObject({ parts: 10, resumed: 0 })
    await build(three, 3)
    expect(readFileSync(join(one, 'a.rt')).equals(readFileSync(join(three, 'a.rt')))).toBe(true)
    expect(readdirSync(one)).toEqual(['a.rt'])
    expect(readAtmosphereTable(join(one, 'a.rt')).header.aot).toEqual([0, 0.2])
  })

  test('goes on with the parts that are whole and of the same description, and with no others', async () => {
    const folder = temporaryFolder('rt-resume')
    const parts = join(folder, 'parts')
    mkdirSync(parts, { recursive: true })
    const plan = planTable(two, few)
    const solver = await findSolver()
    const path = (i: number) => join(parts, `000${i}.part`)
    for (const i of [0, 1, 2])
      await writePart(path(i), plan.parts[i]!, await solvePart(solver, plan.parts[i]!, never))
    const torn = readFileSync(path(1))
    torn[200] = torn[200]! ^ 1
    writeFileSync(path(1), torn)
    // Made for other steps.
    await writePart(
      path(2),
      { ...plan.parts[2]!, description: 'other' },
      (await readPart(path(2), plan.parts[2]!))!,
    )
    expect(await readPart(path(1), plan.parts[1]!)).toBeNull()
    expect(await build(folder, 2)).toMatchObject({ parts: 10, resumed: 1 })
    const clean = temporaryFolder('rt-clean')
    mkdirSync(clean, { recursive: true })
    await build(clean, 2)
    expect(readFileSync(join(folder, 'a.rt')).equals(readFileSync(join(clean, 'a.rt')))).toBe(true)
  })

  test('killed without warning it keeps what is done, and leaves no table', async () => {
    const folder = temporaryFolder('rt-killed')
    mkdirSync(folder, { recursive: true })
    const out = join(folder, 'a.rt')
    const child = spawn(process.execPath, [
      join(programRoot(), 'dist/src/cli/main.js'),
      'rt',
      'build',
      '--out',
      out,
      '--quiet',
    ])
    const ended = new Promise((resolve) => child.once('exit', resolve))
    const partsOf = () =>
      existsSync(`${out}.parts`) ? readdirSync(`${out}.parts`).filter((name) => name.endsWith('.part')) : []
    while (partsOf().length === 0 && child.exitCode === null) await sleep(100)
    child.kill('SIGKILL')
    await ended
    expect(partsOf().length).toBeGreaterThan(0)
    expect(existsSync(out)).toBe(false)
    const kept = await readPart(join(`${out}.parts`, '0000.part'), planTable(optics).parts[0]!)
    const table = shippedAtmosphereTable().states('continental', 0)
    expect(numbers(kept!)).toEqual(Float32Array.from(table))
  })

  test('a description that makes no sense ends with what the solver said', async () => {
    const part = { ...planTable(two, few).parts[0]!, description: 'streams 99' }
    await expect(solvePart(await findSolver(), part, never)).rejects.toThrow(
      /streams is no number from 4 to 64/,
    )
  })
})
