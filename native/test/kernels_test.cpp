// Unit tests of the kernels without Node: values worked by hand, tails, no-data, and agreement of blocks with
// the whole. Exit 0 all good, 1 a test failed, 77 the SIMD target asked for is not there.
#include <Lerc_c_api.h>
#include <libdeflate.h>
#include <zstd.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "cell_sums.hpp"
#include "composite.hpp"
#include "correct.hpp"
#include "encode.hpp"
#include "flags.hpp"
#include "halve.hpp"
#include "normalized_difference.hpp"
#include "pack.hpp"
#include "simd.hpp"
#include "summary.hpp"

namespace {

int failures = 0;

void expect_equal(const char* what, long found, long expected) {
  if (found == expected) return;
  ++failures;
  std::fprintf(stderr, "FAILED %s: expected %ld, found %ld\n", what, expected, found);
}

std::array<std::uint8_t, 256> slots(std::initializer_list<int> detectors) {
  std::array<std::uint8_t, 256> table;
  table.fill(255);
  std::uint8_t slot = 0;
  for (const int d : detectors) table[d] = slot++;
  return table;
}

void correct_by_hand() {
  // One cell of 4 x 4 pixels, nodes on its corners: a 1.0 left, 1.4 right; b 0.1; S 0.2 at 500 hPa; at 1000
  // hPa b is 0.2.
  const std::vector<float> c = {
      1.0f, 0.1f, 0.2f, 1.4f, 0.1f, 0.2f, 1.0f, 0.1f, 0.2f, 1.4f, 0.1f, 0.2f,   // 500 hPa
      1.0f, 0.2f, 0.2f, 1.4f, 0.2f, 0.2f, 1.0f, 0.2f, 0.2f, 1.4f, 0.2f, 0.2f};  // 1000 hPa
  const std::array<float, 2> node_hpa = {500, 1000};
  const auto slot = slots({3});
  const tilth::NodeAxes axes{0.125, 0.25, 0.125, 0.25};  // pixel centres at 1/8, 3/8, 5/8, 7/8 of the cell
  const tilth::CorrectionTable table{c, slot, 1, 2, 2, node_hpa, axes};
  const std::array<float, 4> hpa = {500, 1000, 500, 1000};  // rising from left to right
  const tilth::PressureGrid pressure{hpa, 2, 2, axes};
  const std::array<std::uint16_t, 4> dn = {0, 5000, 65535, 3000};
  const std::array<std::uint8_t, 4> detector = {3, 3, 3, 7};
  std::array<std::int16_t, 4> out{};
  std::array<std::uint8_t, 4> flags{};
  tilth::l2a_correct(dn, detector, {0, 0, 4, 1}, table, pressure, {-1000, 10000}, out, flags);
  expect_equal("DN 0 is no-data", out[0], -32768);
  expect_equal("DN 0 flag", flags[0], tilth::kNoData);
  // Second pixel: fraction 3/8, a = 1.15, pressure 687.5, t = 0.375, b = 0.1375, rho = 0.4,
  // y = 1.15 * 0.4 - 0.1375 = 0.3225, rho_s = 0.3225 / (1 + 0.2 * 0.3225) = 0.3225 / 1.0645 = 0.302959.
  expect_equal("second pixel", out[1], 3030);
  expect_equal("second pixel flag", flags[1], 0);
  // Third: a = 1.25, b = 0.1625, rho = 6.4535, y = 7.904375, rho_s = 7.904375 / 2.580875 = 3.06267.
  expect_equal("saturated pixel is corrected", out[2], 30627);
  expect_equal("saturated flag", flags[2], tilth::kSaturated);
  expect_equal("unknown detector is no-data", out[3], -32768);
  expect_equal("unknown detector flag", flags[3], tilth::kNoData | tilth::kNoDetector);
}

void correct_rounding() {
  // a = 1, b = S = 0: the result is the DN itself, so that a quantification of 20000 makes halves.
  const std::vector<float> c = {1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0};
  const std::array<float, 1> node_hpa = {1013};
  const auto slot = slots({1});
  const tilth::CorrectionTable table{c, slot, 1, 2, 2, node_hpa, {0, 0.01, 0, 0.01}};
  const std::array<std::uint16_t, 3> dn = {3, 1, 65535};
  const std::array<std::uint8_t, 3> detector = {1, 1, 1};
  std::array<std::int16_t, 3> out{};
  std::array<std::uint8_t, 3> flags{};
  tilth::l2a_correct(dn, detector, {0, 0, 3, 1}, table, {}, {-2, 20000}, out, flags);
  expect_equal("0.5 rounds away from zero", out[0], 1);
  expect_equal("-0.5 rounds away from zero", out[1], -1);
  tilth::l2a_correct(dn, detector, {0, 0, 3, 1}, table, {}, {0, 10000}, out, flags);
  expect_equal("6.5535 is clipped", out[2], 32767);
  expect_equal("clipped flag", flags[2], tilth::kSaturated | tilth::kClipped);
}

void correct_blocks() {
  // Any way of cutting an image into blocks gives the same bytes.
  const int width = 1201, height = 37, columns = 7, rows = 5;
  std::uint32_t seed = 1;
  const auto next = [&] { return seed = seed * 1664525u + 1013904223u; };
  const std::array<float, 3> node_hpa = {600, 850, 1013};
  std::vector<float> c(2 * 3 * rows * columns * 3);
  for (std::size_t i = 0; i < c.size(); ++i)
    c[i] = (i % 3 == 0 ? 1.0f : 0.05f) + static_cast<float>(next() >> 8) / 16777216.0f * 0.3f;
  std::vector<float> hpa(9 * 11);
  for (auto& p : hpa) p = 550.0f + static_cast<float>(next() >> 8) / 16777216.0f * 500.0f;
  const auto slot = slots({4, 5});
  const tilth::CorrectionTable table{c, slot, 2, rows, columns, node_hpa, {-0.3, 0.0057, 0.013, 0.11}};
  const tilth::PressureGrid pressure{hpa, 9, 11, {0.0041, 0.0083, 0.1, 0.21}};
  std::vector<std::uint16_t> dn(width * height);
  std::vector<std::uint8_t> detector(width * height);
  for (int i = 0; i < width * height; ++i) {
    dn[i] = static_cast<std::uint16_t>(next() >> 17);
    detector[i] = static_cast<std::uint8_t>((i % width) < 600 + i / width ? 4 : 5);
  }
  std::vector<std::int16_t> whole(dn.size());
  std::vector<std::uint8_t> flags(dn.size());
  tilth::l2a_correct(dn, detector, {0, 0, width, height}, table, pressure, {0, 10000}, whole, flags);
  for (const int size : {1, 7, 64, 513}) {
    for (int y = 0; y < height; y += size)
      for (int x = 0; x < width; x += size) {
        const int w = std::min(size, width - x), h = std::min(size, height - y);
        std::vector<std::uint16_t> d;
        std::vector<std::uint8_t> t;
        for (int r = 0; r < h; ++r)
          for (int i = 0; i < w; ++i)
            d.push_back(dn[(y + r) * width + x + i]), t.push_back(detector[(y + r) * width + x + i]);
        std::vector<std::int16_t> out(d.size());
        std::vector<std::uint8_t> f(d.size());
        tilth::l2a_correct(d, t, {x, y, w, h}, table, pressure, {0, 10000}, out, f);
        for (int r = 0; r < h; ++r)
          for (int i = 0; i < w; ++i)
            if (out[r * w + i] != whole[(y + r) * width + x + i])
              expect_equal("block equals whole", out[r * w + i], whole[(y + r) * width + x + i]);
      }
  }
}

void halve_by_hand() {
  const std::array<std::int16_t, 9> in = {1, 2, -5, 3, 4, -32768, -32768, 7, -32768};
  std::array<std::int16_t, 4> out{};
  tilth::halve_mean_i16({in, 3, 3, 3}, -32768, {out, 2, 2, 2});
  expect_equal("(1 + 2 + 3 + 4) / 4 = 2.5 -> 3", out[0], 3);
  expect_equal("-5 alone", out[1], -5);
  expect_equal("7 alone in the last row", out[2], 7);
  expect_equal("only no-data", out[3], -32768);
  const std::array<std::int16_t, 4> negative = {-1, -2, -3, -4};
  tilth::halve_mean_i16({negative, 2, 2, 2}, -32768, {out, 1, 1, 1});
  expect_equal("-2.5 -> -3", out[0], -3);
  const std::array<std::uint8_t, 9> classes = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  std::array<std::uint8_t, 4> picked{};
  tilth::halve_nearest_u8({classes, 3, 3, 3}, {picked, 2, 2, 2});
  expect_equal("upper left pixels", picked[0] * 1000 + picked[1] * 100 + picked[2] * 10 + picked[3], 1379);
}

void flags_by_hand() {
  // 6 x 1 pixels of 10 m over 3 x 1 pixels of 20 m: the plane's position of the centre of pixel c is (c +
  // 0.5) / 2.
  const std::array<std::uint8_t, 3> plane = {1, 0, 3};
  std::array<std::uint16_t, 256> bits{};
  bits[1] = 0x8000;
  bits[3] = 0x0006;
  std::array<std::uint16_t, 6> mask = {1, 0, 1, 0, 1, 0};
  tilth::or_flags(mask, {0, 0, 6, 1}, plane, 1, 3, {0.25, 0.5, 0.25, 0.5}, bits);
  const std::array<std::uint16_t, 6> expected = {0x8001, 0x8000, 1, 0, 7, 6};
  for (int i = 0; i < 6; ++i) expect_equal("or_flags", mask[i], expected[i]);
}

void normalized_difference_by_hand() {
  const std::array<std::int16_t, 8> nir = {4000, 500, 3000, -32768, 100, -50, 40, 1};
  const std::array<std::int16_t, 8> red = {1000, 1500, -200, 1000, -32768, 800, 50, 3};
  std::array<std::int16_t, 8> out{};
  tilth::normalized_difference(nir, red, -32768, 100, out);
  expect_equal("(4000 - 1000) / 5000 = 0.6", out[0], 6000);
  expect_equal("(500 - 1500) / 2000 = -0.5", out[1], -5000);
  expect_equal("negative red counts as 0: 1", out[2], 10000);
  expect_equal("no near infrared", out[3], -32768);
  expect_equal("no red", out[4], -32768);
  expect_equal("negative near infrared counts as 0: -1", out[5], -10000);
  expect_equal("40 + 50 is less than 100", out[6], -32768);
  tilth::normalized_difference(nir, red, -32768, 1, out);
  expect_equal("(40 - 50) / 90 = -0.11111", out[6], -1111);
  expect_equal("(1 - 3) / 4 = -0.5", out[7], -5000);
  // 10000 * (16001 - 15999) / 32000 = 0.625; * (8001 - 7999) / 16000 = 1.25; (20001 - 19999) / 40000 x 10000
  // = 0.5.
  const std::array<std::int16_t, 3> a = {16001, 8001, 20001}, b = {15999, 7999, 19999};
  tilth::normalized_difference(a, b, -32768, 1, {out.data(), 3});
  expect_equal("0.625 -> 1", out[0], 1);
  expect_equal("1.25 -> 1", out[1], 1);
  expect_equal("0.5 -> 1", out[2], 1);
  tilth::normalized_difference(b, a, -32768, 1, {out.data(), 3});
  expect_equal("-0.5 -> -1", out[2], -1);
}

void composite_by_hand() {
  // Pixels: land twice; cloud then land; land then snow; never anything; no data in one band at the second
  // date.
  const std::size_t n = 5;
  std::array<std::uint8_t, n> rank{};
  std::array<std::uint16_t, n> count{};
  std::array<double, n> weight{}, day{};
  std::array<double, 2 * n> sums{};
  const tilth::CompositeState state{rank, count, weight, day, sums};
  std::array<std::uint8_t, n> first = {4, 1, 4, 0, 4}, second = {4, 4, 2, 0, 4};
  const std::array<std::int16_t, 2 * n> a = {100, 9000, 200, -32768, 50, 1000, 9100, 2000, -32768, 60};
  const std::array<std::int16_t, 2 * n> b = {200, 300, 8000, -32768, -32768, -2001, 3000, 8100, -32768, 70};
  tilth::composite_add({a, first, -32768, 3, -10}, state);
  tilth::composite_add({b, second, -32768, 1, 20}, state);
  std::array<std::int16_t, n> out{};
  tilth::composite_divide({sums.data(), n}, weight, 1, -32768, out);
  expect_equal("(3 * 100 + 200) / 4 = 125", out[0], 125);
  expect_equal("land replaces cloud", out[1], 300);
  expect_equal("snow after land is left out", out[2], 200);
  expect_equal("no date at all", out[3], -32768);
  expect_equal("a date with no data in one band is left out", out[4], 50);
  tilth::composite_divide({sums.data() + n, n}, weight, 1, -32768, out);
  expect_equal("(3 * 1000 - 2001) / 4 = 249.75 -> 250", out[0], 250);
  tilth::composite_divide(day, weight, 1, -32768, out);
  expect_equal("day (3 * -10 + 20) / 4 = -2.5 -> -3", out[0], -3);
  expect_equal("day of the land date", out[1], 20);
  tilth::composite_divide(day, weight, 5, -32768, out);
  expect_equal("-10 / (4 * 5) = -0.5 -> -1", out[0], -1);
  expect_equal("counts", count[0] * 10000 + count[1] * 1000 + count[2] * 100 + count[3] * 10 + count[4],
               21101);
  expect_equal("ranks", rank[0] * 10000 + rank[1] * 1000 + rank[2] * 100 + rank[3] * 10 + rank[4], 44404);
  const std::array<std::uint8_t, 9> fine = {4, 4, 1, 4, 3, 4, 2, 4, 4};
  std::array<std::uint8_t, 4> coarse{};
  tilth::least_of_four(fine, 3, 3, coarse);
  expect_equal("least of 2 x 2", coarse[0] * 1000 + coarse[1] * 100 + coarse[2] * 10 + coarse[3], 3124);
}

void cell_sums_by_hand() {
  // 5 x 3 pixels in rows of 6, cells of 3; the block starts one pixel to the right and two below a cell's
  // corner.
  const std::vector<std::int16_t> pixels = {1, 2, 3, 4, 5, 99, 6, -7, 8, 9, -32768, 99, 10, 11, 12, 13, 14};
  std::array<std::int32_t, 4> sums{}, counts{};
  tilth::cell_sums({pixels, 6, 5, 3}, -32768, 3, 1, 2, 2, sums, counts);
  const std::array<long, 4> expected_sums = {3, 12, 6 - 7 + 10 + 11, 8 + 9 + 12 + 13 + 14};
  const std::array<long, 4> expected_counts = {2, 3, 4, 5};
  for (int i = 0; i < 4; ++i) {
    expect_equal("sum of a cell", sums[i], expected_sums[i]);
    expect_equal("pixels of a cell", counts[i], expected_counts[i]);
  }
}

void summary_by_hand() {
  std::vector<std::int16_t> pixels(100'000, 20'000);
  pixels[7] = -32768;
  pixels[8] = -5;
  pixels[99'999] = 32767;
  const auto found = tilth::summarize(pixels, -32768);
  expect_equal("least", found.least, -5);
  expect_equal("largest", found.largest, 32767);
  expect_equal("sum", static_cast<long>(found.sum), 99'997L * 20'000 - 5 + 32'767);
  expect_equal("valid", static_cast<long>(found.valid), 99'999);
  const std::array<std::int16_t, 2> none = {3, 3};
  expect_equal("none valid", static_cast<long>(tilth::summarize(none, 3).valid), 0);
}

void sensor_cells_by_hand() {
  // 4 x 2 pixels in rows of 5, cells of 2; the block starts one pixel to the right of a cell's corner.
  const std::vector<std::uint16_t> pixels = {10, 0, 30, 65535, 7, 50, 60, 70, 80};
  const std::vector<std::uint8_t> detector = {1, 2, 2, 2, 1, 0, 2, 40};
  std::array<std::uint32_t, 3> sums{}, detectors{};
  std::array<std::int32_t, 3> counts{}, saturated{};
  tilth::sensor_cells({pixels, 5, 4, 2}, detector, 2, 1, 0, 3, {sums, counts, saturated, detectors});
  const std::array<long, 3> expected_sums = {10 + 50, 30 + 70, 80};
  const std::array<long, 3> expected_counts = {2, 2, 1};
  const std::array<long, 3> expected_saturated = {0, 0, 1};
  const std::array<long, 3> expected_detectors = {1L << 1, 1L << 2, (1L << 2) | (1L << 31)};
  for (int i = 0; i < 3; ++i) {
    expect_equal("sum of numbers", sums[i], expected_sums[i]);
    expect_equal("numbers", counts[i], expected_counts[i]);
    expect_equal("saturated", saturated[i], expected_saturated[i]);
    expect_equal("detectors", detectors[i], expected_detectors[i]);
  }
}

void pack_round_trip() {
  tilth::BlockPacker packer;
  for (const int width : {1, 7, 67, 300}) {
    const int height = 9;
    const std::size_t n = static_cast<std::size_t>(width) * height;
    std::vector<std::uint16_t> dn(n), again(n);
    std::vector<std::uint8_t> detector(n), seen(n), out(tilth::BlockPacker::bound(n));
    for (std::size_t i = 0; i < n; ++i) {
      dn[i] = static_cast<std::uint16_t>(i * i * 7 + 65500);
      detector[i] = static_cast<std::uint8_t>(i / 20);
    }
    const std::size_t size = packer.pack(dn, detector, width, height, out);
    expect_equal("unpacked", packer.unpack({out.data(), size}, width, height, again, seen), 1);
    expect_equal("numbers are back", dn == again, 1);
    expect_equal("detectors are back", detector == seen, 1);
    expect_equal("a cut block", packer.unpack({out.data(), size - 1}, width, height, again, seen), 0);
    expect_equal("too small a buffer",
                 static_cast<long>(packer.pack(dn, detector, width, height, {out.data(), 20})), 0);
  }
}

void encode_round_trip() {
  tilth::TileEncoder encoder(512);
  std::vector<std::uint16_t> image(600 * 100);
  for (std::size_t i = 0; i < image.size(); ++i) image[i] = static_cast<std::uint16_t>(i * i + 65000);
  std::vector<std::uint8_t> out(encoder.bound());
  std::vector<std::uint16_t> tile(512 * 512);
  for (const int width : {1, 7, 67, 512})
    for (const int predictor : {1, 2})
      for (const auto codec : {tilth::Codec::kDeflate, tilth::Codec::kZstd, tilth::Codec::kLerc}) {
        if (codec == tilth::Codec::kLerc && predictor == 2) continue;
        // The same bits as int16 or uint16: LERC keeps each of them, whatever they mean.
        const bool is_signed = width == 67;
        const std::size_t size =
            encoder.encode(image.data() + 5, 2, is_signed, 600, width, 100, predictor, codec, out);
        if (codec == tilth::Codec::kDeflate) {
          auto* d = libdeflate_alloc_decompressor();
          expect_equal("inflate",
                       libdeflate_zlib_decompress(d, out.data(), size, tile.data(), tile.size() * 2, nullptr),
                       0);
          libdeflate_free_decompressor(d);
        } else if (codec == tilth::Codec::kLerc) {
          expect_equal("lerc",
                       lerc_decode(out.data(), static_cast<unsigned>(size), 0, nullptr, 1, 512, 512, 1,
                                   is_signed ? 2 : 3, tile.data()),
                       0);
        } else {
          expect_equal("unzstd",
                       static_cast<long>(ZSTD_decompress(tile.data(), tile.size() * 2, out.data(), size)),
                       512 * 512 * 2);
        }
        if (predictor == 2)
          for (int y = 0; y < 512; ++y)
            for (int x = 1; x < 512; ++x)
              tile[y * 512 + x] = static_cast<std::uint16_t>(tile[y * 512 + x] + tile[y * 512 + x - 1]);
        for (int y = 0; y < 512; ++y)
          for (int x = 0; x < 512; ++x) {
            const std::uint16_t expected = image[5 + std::min(y, 99) * 600 + std::min(x, width - 1)];
            if (tile[y * 512 + x] != expected) expect_equal("tile", tile[y * 512 + x], expected);
          }
      }
  expect_equal("too small a buffer",
               static_cast<long>(encoder.encode(image.data(), 2, false, 600, 512, 100, 2,
                                                tilth::Codec::kDeflate, {out.data(), 10})),
               0);
}

}  // namespace

int main() {
  const auto& target = tilth::simd_target();
  if (target.name == "unsupported") return 77;
  correct_by_hand();
  correct_rounding();
  correct_blocks();
  halve_by_hand();
  flags_by_hand();
  normalized_difference_by_hand();
  composite_by_hand();
  cell_sums_by_hand();
  summary_by_hand();
  sensor_cells_by_hand();
  pack_round_trip();
  encode_round_trip();
  std::printf("%s: %s\n", std::string(target.name).c_str(), failures ? "FAILED" : "passed");
  return failures ? 1 : 0;
}
