/** How the tiles of our GeoTIFFs are compressed, always without loss: DEFLATE and Zstandard at level 1, LERC with no error allowed. */
export const CODECS = ['deflate', 'zstd', 'lerc'] as const
export type Codec = (typeof CODECS)[number]
