import js from '@eslint/js'
import tseslint from 'typescript-eslint'

export default tseslint.config(
  { ignores: ['dist/**', 'build/**', 'node_modules/**', 'src/db/types.ts', 'eslint.config.js', 'vitest.config.ts', 'test/support/*.mjs'] },
  js.configs.recommended,
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname } },
    rules: {
      // Counts, sizes and ids belong in messages as they are.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
    },
  },
  {
    files: ['test/**', 'src/kernels/**', 'src/processors/l2a/**', 'src/raster/cog-*.ts', 'bench/**'],
    // A pixel loop over typed arrays knows its index is inside; tests state it too.
    rules: { '@typescript-eslint/no-non-null-assertion': 'off' },
  },
)
