import fc from 'fast-check'

// One seed for all property tests, so that a run says the same of the same program; another one with TILTH_TEST_SEED, an integer, to look farther.
fc.configureGlobal({ seed: Number(process.env['TILTH_TEST_SEED'] ?? 20_261_122) })
