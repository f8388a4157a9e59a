// Speed of the inner work on one thread, over blocks of 1024 x 1024 pixels, each kernel beside a plain stream
// of the same bytes, in turn with it. Prints one line a kernel, fields apart by tabs: name, bytes read and
// written a pixel, pixels, seconds and seconds of the stream (CPU time, best of five). TILTH_SIMD forces a
// target. With arguments `limit READ WRITTEN PIXELS`: the stream alone, for kernels that are not here.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <string_view>
#include <vector>

#include "cell_sums.hpp"
#include "composite.hpp"
#include "correct.hpp"
#include "encode.hpp"
#include "flags.hpp"
#include "halve.hpp"
#include "normalized_difference.hpp"
#include "pack.hpp"
#include "phase_shift.hpp"
#include "resample.hpp"
#include "simd.hpp"
#include "stream_limit.hpp"
#include "summary.hpp"
#include "surroundings.hpp"
#include "terrain.hpp"

namespace {
using tilth_bench::StreamLimit;
using tilth_bench::Traffic;

constexpr int kSide = 1024;
constexpr double kPixels = static_cast<double>(kSide) * kSide;
constexpr int kRepeats = 5;
/// A stream is over so soon that the clock wants some of them.
constexpr int kStreams = 10;

template <typename Work>
double seconds_of(int rounds, Work work) {
  const std::clock_t start = std::clock();
  for (int i = 0; i < rounds; ++i) work();
  return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC / rounds;
}

template <typename Work>
void measure(const char* name, int rounds, const Traffic& traffic, Work work, double pixels = kPixels) {
  StreamLimit stream(traffic, pixels);
  work();
  stream.run();
  double best = 1e9, limit = 1e9;
  for (int repeat = 0; repeat < kRepeats; ++repeat) {
    best = std::min(best, seconds_of(rounds, work));
    limit = std::min(limit, seconds_of(kStreams, [&] { stream.run(); }));
  }
  std::printf("%s\t%.2f\t%.2f\t%.0f\t%.9f\t%.9f\n", name, traffic.read + traffic.updated,
              traffic.written + traffic.updated, pixels, best, limit);
  std::fflush(stdout);
}

/// Heights of hills of some hundred metres on pixels of 20 m, or what is smooth alike.
std::vector<float> hills(int side, float middle, float height) {
  std::vector<float> out(static_cast<std::size_t>(side) * side);
  for (int y = 0; y < side; ++y)
    for (int x = 0; x < side; ++x)
      out[static_cast<std::size_t>(y) * side + x] =
          middle + height * std::sin(static_cast<float>(x) * 0.13f) * std::cos(static_cast<float>(y) * 0.11f);
  return out;
}
}  // namespace

int main(int given, char** arguments) {
  if (given == 5 && std::string_view(arguments[1]) == "limit") {
    const double pixels = std::atof(arguments[4]);
    StreamLimit stream({std::atof(arguments[2]), std::atof(arguments[3])}, pixels);
    stream.run();
    double limit = 1e9;
    for (int repeat = 0; repeat < kRepeats; ++repeat)
      limit = std::min(limit, seconds_of(kStreams, [&] { stream.run(); }));
    std::printf("%.9f\n", limit);
    return 0;
  }
  const std::size_t n = static_cast<std::size_t>(kSide) * kSide;
  std::vector<std::uint16_t> dn(n), mask(n);
  std::vector<std::uint8_t> detector(n, 5), flags(n), packed;
  std::vector<std::int16_t> out(n), half(n / 4);
  std::uint32_t seed = 7;
  int level = 2000;
  for (auto& d : dn) {
    seed = seed * 1664525u + 1013904223u;
    level += static_cast<int>(seed >> 26) - 32 + (2000 - level) / 64;
    d = static_cast<std::uint16_t>(std::clamp(level, 1, 12000));
  }
  // Relief of 1500 m has nine nodes of pressure, 22 hPa apart; cells of 5 km, pressure and light from beside
  // on cells of 240 m, slopes on pixels of 20 m, the image's pixels are of 10 m.
  constexpr int kPressures = 9;
  std::vector<float> c(kPressures * 23 * 23 * 3, 0.1f);
  for (std::size_t i = 0; i < c.size(); i += 3) c[i] = 1.2f;
  std::array<std::uint8_t, 256> slot{};
  slot.fill(0);
  std::array<float, kPressures> node_hpa{};
  for (int i = 0; i < kPressures; ++i) node_hpa[i] = static_cast<float>(837 + 22 * i);
  const std::array<float, 1> one = {1013};
  const tilth::NodeAxes axes{0.001, 0.002, 0.001, 0.002}, cells{-0.48, 1.0 / 24, -0.48, 1.0 / 24};
  const std::vector<float> hpa = hills(60, 925, 80), beside = hills(60, 0.2f, 0.1f);
  const tilth::PixelWindow window{0, 0, kSide, kSide};
  const tilth::CorrectionTable flat{c, slot, 1, 23, 23, one, axes};
  tilth::CorrectionTable relief{c, slot, 1, 23, 23, node_hpa, axes};
  std::printf("SIMD target: %s\n", std::string(tilth::simd_target().name).c_str());
  const Traffic corrected{3, 3};
  measure("correct, flat ground", 20, corrected, [&] {
    tilth::l2a_correct(dn, detector, window, flat, {}, {-1000, 10000}, out, flags);
  });
  const tilth::PressureGrid grid{hpa, 60, 60, cells};
  measure("correct, relief", 20, corrected, [&] {
    tilth::l2a_correct(dn, detector, window, relief, grid, {-1000, 10000}, out, flags);
  });
  const std::vector<float> legs(kPressures * 23 * 23 * 2, 1.1f), directions(23 * 23 * 4, 0.3f);
  relief.legs = legs;
  relief.directions = directions;
  tilth::CorrectionTable lowland = flat;
  lowland.legs = legs;
  lowland.directions = directions;
  const tilth::Surroundings around{beside, 60, 60, cells};
  measure("correct, relief, light from beside", 20, corrected, [&] {
    tilth::l2a_correct(dn, detector, window, relief, grid, {-1000, 10000}, out, flags, around);
  });
  std::vector<std::int16_t> slope(n / 4), level_ground(n);
  const std::vector<std::uint8_t> hidden(n / 4, 0);
  for (std::size_t i = 0; i < slope.size(); ++i) slope[i] = static_cast<std::int16_t>(dn[i] - 2000);
  tilth::Terrain terrain{slope, slope, hidden, kSide / 2, kSide / 2, {-0.25, 0.5, -0.25, 0.5}};
  const Traffic both_outputs{3 + 5.0 / 4, 5};
  const auto sloping = [&](const tilth::CorrectionTable& table, const tilth::PressureGrid& pressure) {
    tilth::l2a_correct(dn, detector, window, table, pressure, {-1000, 10000}, out, flags, around, terrain,
                       level_ground);
  };
  measure("the same and slopes, sre and fre", 10, both_outputs, [&] { sloping(relief, grid); });
  measure("the same, one pressure", 10, both_outputs, [&] { sloping(lowland, {}); });
  terrain.is_canopy = true;
  measure("slopes, sre and fre, canopy", 10, both_outputs, [&] { sloping(relief, grid); });
  std::vector<double> column(17 * 17), row(17 * 17);
  // Grids of neighbouring zones are turned against each other by some degrees.
  for (int i = 0; i < 17 * 17; ++i) {
    column[i] = 64 * (0.999 * (i % 17) + 0.04 * (i / 17)) + 1.3;
    row[i] = 64 * (0.999 * (i / 17) - 0.04 * (i % 17)) + 44.7;
  }
  const tilth::ImagePiece image{dn, 0, 0, kSide, kSide};
  std::vector<std::uint16_t> moved(n);
  measure("resample cubic, shift", 10, {2, 2},
          [&] { tilth::shift_cubic(image, 0.3, -0.4, 0, 0, kSide, kSide, moved); });
  measure("resample cubic, across zones", 5, {2, 2}, [&] {
    tilth::resample_cubic(image, {column, row, 17, 17}, kSide, kSide, moved);
  });
  constexpr int kWindow = 256, kWithMargin = kWindow + 2 * tilth::kShiftMargin;
  const std::vector<std::uint16_t> seen(dn.begin(), dn.begin() + kWithMargin * kWithMargin);
  const std::vector<std::int16_t> reference(dn.begin(), dn.begin() + kWindow * kWindow);
  const std::vector<std::uint8_t> usable(kWindow * kWindow, 1);
  double found = 0;
  measure(
      "phase shift, window of 256", 2, {5, 0},
      [&] {
        found += tilth::phase_shift({seen, reference, usable, kWindow}, 0.3, 0.4).peak;
      },
      static_cast<double>(kWindow) * kWindow);
  std::vector<float> heights(n), means(n);
  std::vector<std::int16_t> index(n);
  std::vector<std::uint8_t> classes_of_shadow(n);
  for (std::size_t i = 0; i < n; ++i) heights[i] = static_cast<float>(dn[i]) * 0.2f;
  const tilth::SunOverGrid sun{{1.2f, 1.2f, 1.2f, 1.2f}, {-0.8f, -0.8f, -0.8f, -0.8f}};
  measure("shadows of terrain", 2, {4, 1}, [&] {
    tilth::cast_shadows({heights, kSide, kSide, 60}, sun, 5, 0, kSide, classes_of_shadow);
  });
  measure("slopes of neighbours", 5, {4, 4}, [&] {
    tilth::slopes({heights, kSide, kSide, 20}, {6, 0.0f}, 0, kSide - 12, out, index);
  });
  measure("slopes, planes of 13 x 13", 2, {4, 4}, [&] {
    tilth::slopes({heights, kSide, kSide, 20}, {6, 2.0f}, 0, kSide - 12, out, index);
  });
  const std::vector<float> weights(21 * 21, 1.0f);
  measure("light from beside, 21 x 21 cells", 1, {4, 4},
          [&] { tilth::means_around(heights, kSide, kSide, weights, 10, 0, kSide, means); });
  measure("halve, mean of four", 50, {2, 0.5}, [&] {
    tilth::halve_mean_i16({out, kSide, kSide, kSide}, -32768, {half, kSide / 2, kSide / 2, kSide / 2});
  });
  std::vector<std::int16_t> red(out.rbegin(), out.rend());
  measure("normalized difference", 20, {4, 2},
          [&] { tilth::normalized_difference(out, red, -32768, 100, index); });
  std::vector<std::uint8_t> rank(n), classes(n, 4);
  std::vector<std::uint16_t> count(n);
  std::vector<double> weight(n), day(n), sums(n);
  const tilth::CompositeState state{rank, count, weight, day, sums};
  measure("composite, one date of one band", 10, {3, 0, 27}, [&] {
    tilth::composite_add({out, classes, -32768, 1 << 19, -1000}, state);
  });
  std::array<std::uint16_t, 256> bits{};
  measure("flags of 20 m onto masks of 10 m", 20, {0.25, 0, 2}, [&] {
    tilth::or_flags(mask, window, flags, kSide / 2, kSide / 2, {0.25, 0.5, 0.25, 0.5}, bits);
  });
  measure("flags onto masks", 20, {1, 0, 2}, [&] {
    tilth::or_flags(mask, window, flags, kSide, kSide, {0.5, 1, 0.5, 1}, bits);
  });
  std::vector<std::uint32_t> cell_sums(43 * 43), detectors(43 * 43);
  std::vector<std::int32_t> cell_counts(43 * 43), saturated(43 * 43);
  measure("sums of cells, 24 x 24 pixels", 20, {3, 0}, [&] {
    tilth::sensor_cells({dn, kSide, kSide, kSide}, detector, 24, 0, 0, 43,
                        {cell_sums, cell_counts, saturated, detectors});
  });
  std::int64_t total = 0;
  measure("summary", 50, {2, 0}, [&] { total += tilth::summarize(out, -32768).sum; });
  if (total == 0 || found == 0) std::printf("nothing found\n");
  tilth::BlockPacker packer;
  packed.resize(tilth::BlockPacker::bound(n));
  const std::size_t packed_size = packer.pack(dn, detector, kSide, kSide, packed);
  const double packed_bytes = static_cast<double>(packed_size) / kPixels;
  measure("pack a block", 4, {3, packed_bytes}, [&] { packer.pack(dn, detector, kSide, kSide, packed); });
  std::vector<std::uint16_t> unpacked(n);
  std::vector<std::uint8_t> unpacked_detector(n);
  measure("unpack a block", 5, {packed_bytes, 3}, [&] {
    packer.unpack({packed.data(), packed_size}, kSide, kSide, unpacked, unpacked_detector);
  });
  tilth::TileEncoder encoder(512);
  packed.resize(encoder.bound());
  for (const auto codec : {tilth::Codec::kDeflate, tilth::Codec::kZstd}) {
    std::size_t size = 0;
    const auto encode = [&] {
      size = 0;
      for (int y = 0; y < kSide; y += 512)
        for (int x = 0; x < kSide; x += 512)
          size += encoder.encode(out.data() + y * kSide + x, 2, true, kSide, 512, 512, 2, codec, packed);
    };
    encode();
    measure(codec == tilth::Codec::kDeflate ? "encode deflate 1, predictor 2" : "encode zstd 1, predictor 2",
            2, {2, static_cast<double>(size) / kPixels}, encode);
  }
}
