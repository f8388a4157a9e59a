#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace tilth {

/// In the order of src/domain/codec.ts.
enum class Codec { kDeflate, kZstd, kLerc };

/// Compresses the tiles of a TIFF file, level 1: above it more CPU buys little
/// (docs/decisions/0001-own-cog-container.md). One per thread. Memory is taken when it is made; `encode`
/// never throws and, but for LERC, whose library does, allocates nothing.
class TileEncoder {
 public:
  /// @param tile  side of a tile in pixels.
  explicit TileEncoder(int tile);
  ~TileEncoder();
  TileEncoder(const TileEncoder&) = delete;
  TileEncoder& operator=(const TileEncoder&) = delete;

  /// Bytes that a buffer must have to take any tile.
  std::size_t bound() const noexcept;

  /// One tile as zlib (TIFF compression 8) or Zstandard (50000) stream, or as LERC blob of version 2.4
  /// (34887) with a maximum error of 0.
  /// @param pixels           first pixel of the tile inside a larger image, little-endian.
  /// @param bytes_per_pixel  1 or 2.
  /// @param is_signed        whether pixels of 2 bytes are int16: LERC alone asks.
  /// @param stride           pixels from one row of that image to the next.
  /// @param width, height    pixels of the tile that the image has, 1..tile; the rest repeats the last column
  /// and row.
  /// @param predictor        1 none, 2 horizontal differences (TIFF 6.0, section 14), modulo 2^bits. LERC: 1.
  /// @return bytes written to `out`; 0 if it is too small.
  std::size_t encode(const void* pixels, int bytes_per_pixel, bool is_signed, std::ptrdiff_t stride,
                     int width, int height, int predictor, Codec codec, std::span<std::uint8_t> out) noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tilth
