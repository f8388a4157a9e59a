#include "encode.hpp"

#include <Lerc_c_api.h>
#include <libdeflate.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <vector>

#include "simd.hpp"

namespace tilth {
namespace {

constexpr int kLevel = 1;

// Types of pixels as Lerc_c_api.h numbers them, and the version of its format that libtiff writes.
constexpr unsigned int kLercUchar = 1, kLercShort = 2, kLercUshort = 3;
constexpr int kLercVersion = 4;
// A blob that does not compress holds the pixels behind a header, a mask and ranges of values.
constexpr std::size_t kLercHeader = 4096;

std::size_t encode_lerc(const void* pixels, unsigned int type, int tile,
                        std::span<std::uint8_t> out) noexcept {
  unsigned int written = 0;
  const unsigned int status =
      lerc_encodeForVersion(pixels, kLercVersion, type, 1, tile, tile, 1, 0, nullptr, 0, out.data(),
                            static_cast<unsigned int>(out.size()), &written);
  return status == 0 ? written : 0;
}

void difference_row(const RowFunctions& rows, const std::uint8_t* in, int n, std::uint8_t* out) {
  rows.difference_u8(in, n, out);
}
void difference_row(const RowFunctions& rows, const std::uint16_t* in, int n, std::uint16_t* out) {
  rows.difference_u16(in, n, out);
}

template <typename T>
void fill_tile(const T* pixels, std::ptrdiff_t stride, int width, int height, int predictor, int tile,
               T* out) noexcept {
  const RowFunctions& rows = *simd_target().rows;
  for (int y = 0; y < tile; ++y) {
    T* row = out + static_cast<std::ptrdiff_t>(y) * tile;
    if (y >= height) {
      std::memcpy(row, row - tile, sizeof(T) * tile);
      continue;
    }
    const T* source = pixels + y * stride;
    if (predictor == 2) {
      difference_row(rows, source, width, row);
      std::fill(row + width, row + tile, T{0});
    } else {
      std::memcpy(row, source, sizeof(T) * width);
      std::fill(row + width, row + tile, source[width - 1]);
    }
  }
}

}  // namespace

struct TileEncoder::State {
  int tile;
  std::vector<std::uint16_t> scratch;
  libdeflate_compressor* deflate;
  ZSTD_CCtx* zstd;
};

TileEncoder::TileEncoder(int tile)
    : state_(new State{tile, std::vector<std::uint16_t>(static_cast<std::size_t>(tile) * tile),
                       libdeflate_alloc_compressor(kLevel), ZSTD_createCCtx()}) {
  if (!state_->deflate || !state_->zstd) {
    libdeflate_free_compressor(state_->deflate);
    ZSTD_freeCCtx(state_->zstd);
    throw std::bad_alloc();
  }
}

TileEncoder::~TileEncoder() {
  libdeflate_free_compressor(state_->deflate);
  ZSTD_freeCCtx(state_->zstd);
}

std::size_t TileEncoder::bound() const noexcept {
  const std::size_t bytes = state_->scratch.size() * 2;
  return std::max({libdeflate_zlib_compress_bound(state_->deflate, bytes), ZSTD_compressBound(bytes),
                   bytes + kLercHeader});
}

std::size_t TileEncoder::encode(const void* pixels, int bytes_per_pixel, bool is_signed,
                                std::ptrdiff_t stride, int width, int height, int predictor, Codec codec,
                                std::span<std::uint8_t> out) noexcept {
  const int tile = state_->tile;
  std::uint16_t* wide = state_->scratch.data();
  auto* narrow = reinterpret_cast<std::uint8_t*>(wide);
  if (bytes_per_pixel == 2) {
    fill_tile(static_cast<const std::uint16_t*>(pixels), stride, width, height, predictor, tile, wide);
  } else {
    fill_tile(static_cast<const std::uint8_t*>(pixels), stride, width, height, predictor, tile, narrow);
  }
  const std::size_t bytes = static_cast<std::size_t>(tile) * tile * bytes_per_pixel;
  if (codec == Codec::kDeflate)
    return libdeflate_zlib_compress(state_->deflate, narrow, bytes, out.data(), out.size());
  if (codec == Codec::kLerc)
    return encode_lerc(narrow,
                       bytes_per_pixel == 1 ? kLercUchar
                       : is_signed          ? kLercShort
                                            : kLercUshort,
                       tile, out);
  const std::size_t size = ZSTD_compressCCtx(state_->zstd, out.data(), out.size(), narrow, bytes, kLevel);
  return ZSTD_isError(size) ? 0 : size;
}

}  // namespace tilth
