// Unit tests of the kernels that bring images onto each other: resampling against polynomials and by hand,
// shifts against patterns of waves whose shift is known. Exit status as kernels_test.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <numbers>
#include <string>
#include <utility>
#include <vector>

#include "phase_shift.hpp"
#include "resample.hpp"
#include "simd.hpp"

namespace {

int failures = 0;

void expect_near(const char* what, double found, double expected, double tolerance) {
  if (std::abs(found - expected) <= tolerance) return;
  ++failures;
  std::fprintf(stderr, "FAILED %s: expected %g within %g, found %g\n", what, expected, tolerance, found);
}

void expect_equal(const char* what, long found, long expected) {
  expect_near(what, static_cast<double>(found), static_cast<double>(expected), 0);
}

/// The same numbers on every machine.
struct Random {
  std::uint64_t state;
  double next() {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<double>(state >> 11) / 9007199254740992.0;
  }
};

constexpr int kWidth = 200, kHeight = 150;
std::vector<std::uint16_t> image_of(double (*value)(double, double)) {
  std::vector<std::uint16_t> pixels(kWidth * kHeight);
  for (int y = 0; y < kHeight; ++y)
    for (int x = 0; x < kWidth; ++x)
      pixels[y * kWidth + x] = static_cast<std::uint16_t>(std::lround(value(x, y)));
  return pixels;
}

/// Cubic convolution with a = -1/2 keeps polynomials up to the second degree along each axis.
double parabola(double x, double y) { return 5000 + 40 * x - 25 * y + 0.5 * x * x + 0.25 * y * y; }

void shift_keeps_parabolas() {
  const auto pixels = image_of(parabola);
  const tilth::ImagePiece image{pixels, 0, 0, kWidth, kHeight};
  std::vector<std::uint16_t> out(100 * 80);
  tilth::shift_cubic(image, 0.3, -1.6, 20, 30, 100, 80, out);
  for (int y = 0; y < 80; ++y)
    for (int x = 0; x < 100; ++x)
      // Pixels are rounded before and after.
      expect_near("shifted parabola", out[y * 100 + x], parabola(20 + x + 0.3, 30 + y - 1.6), 1.3);
}

/// The kernel by hand: at half a pixel its weights are -1/16, 9/16, 9/16, -1/16.
void shift_by_hand() {
  const std::vector<std::uint16_t> row = {1000, 1000, 2000, 4000, 1000, 1000};
  const tilth::ImagePiece image{row, 0, 0, 6, 1};
  std::vector<std::uint16_t> out(6);
  tilth::shift_cubic(image, 0.5, 0, 0, 0, 6, 1, out);
  // (-1000 + 9 * 2000 + 9 * 4000 - 1000) / 16, and rows beyond the image count as the nearest pixel.
  expect_equal("between 2000 and 4000", out[2], 3250);
  const std::vector<std::uint16_t> gap = {1000, 1000, 2000, 0, 65535, 1000};
  const tilth::ImagePiece with_gap{gap, 0, 0, 6, 1};
  tilth::shift_cubic(with_gap, 0.25, 0, 0, 0, 6, 1, out);
  // Weights at a quarter: -9/128, 111/128, 29/128, -3/128; 0 and 65535 count as the nearest pixel, 2000.
  expect_equal("beside a gap", out[2], std::lround((-9.0 * 1000 + (111 + 29 - 3) * 2000.0) / 128));
  expect_equal("nearest is no-data", out[3], 0);
  expect_equal("nearest is saturated", out[4], 65535);
  tilth::shift_cubic(image, 3, 0, 0, 0, 6, 1, out);
  expect_equal("whole pixels are copied", out[0], 4000);
  expect_equal("beyond the image is no-data", out[3], 0);
}

/// A shift stated on nodes gives what a shift stated once does, at gaps too, and blocks do not matter.
void ways_agree() {
  auto pixels = image_of([](double x, double y) { return 3000 + 900 * std::sin(x / 3) * std::cos(y / 5); });
  Random random{7};
  for (int i = 0; i < 60; ++i) pixels[static_cast<int>(random.next() * kWidth * kHeight)] = i % 2 ? 0 : 65535;
  const tilth::ImagePiece image{pixels, 0, 0, kWidth, kHeight};
  const double east = 0.375, down = 0.8125;
  std::vector<std::uint16_t> whole(kWidth * kHeight), by_nodes(whole.size());
  tilth::shift_cubic(image, east, down, 0, 0, kWidth, kHeight, whole);
  const auto nodes = [&](int x, int y, int columns, int rows, bool is_row) {
    std::vector<double> places;
    for (int j = 0; j < rows; ++j)
      for (int i = 0; i < columns; ++i)
        places.push_back(is_row ? y + j * tilth::kNodeStep + down : x + i * tilth::kNodeStep + east);
    return places;
  };
  const auto columns = nodes(0, 0, 5, 4, false), rows = nodes(0, 0, 5, 4, true);
  tilth::resample_cubic(image, {columns, rows, 4, 5}, kWidth, kHeight, by_nodes);
  expect_equal(
      "by nodes",
      std::count_if(whole.begin(), whole.end(), [&](auto& v) { return by_nodes[&v - whole.data()] != v; }),
      0);
  // A block at (64, 64), from a piece that holds no more than it needs.
  std::vector<std::uint16_t> piece(70 * 70), block(64 * 64);
  for (int y = 0; y < 70; ++y)
    for (int x = 0; x < 70; ++x) piece[y * 70 + x] = pixels[(62 + y) * kWidth + 62 + x];
  tilth::shift_cubic({piece, 62, 62, 70, 70}, east, down, 64, 64, 64, 64, block);
  for (int y = 0; y < 64; ++y)
    for (int x = 0; x < 64; ++x) expect_equal("block", block[y * 64 + x], whole[(64 + y) * kWidth + 64 + x]);
  const auto c = nodes(64, 64, 2, 2, false), r = nodes(64, 64, 2, 2, true);
  tilth::resample_cubic({piece, 62, 62, 70, 70}, {c, r, 2, 2}, 64, 64, block);
  for (int y = 0; y < 64; ++y)
    for (int x = 0; x < 64; ++x)
      expect_equal("block by nodes", block[y * 64 + x], whole[(64 + y) * kWidth + 64 + x]);
}

/// Ground of blobs of four sizes on lattices, the larger the stronger: a pattern with all wavelengths, as
/// landscapes have, that can be looked at anywhere.
struct Ground {
  std::uint64_t seed;
  double random(int x, int y, int size) const {
    // The finaliser of SplitMix64 (Steele et al. 2014) over place and size.
    std::uint64_t z = seed * 1000003 + static_cast<std::uint64_t>(x + 5000) * 100003 + size;
    z = z * 1000033 + static_cast<std::uint64_t>(y + 5000);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return static_cast<double>((z ^ (z >> 31)) >> 11) / 9007199254740992.0 - 0.5;
  }
  double at(double x, double y) const {
    double sum = 0;
    for (int size = 1; size <= 8; size *= 2) {
      const double u = x / size, v = y / size;
      const int i0 = static_cast<int>(std::floor(u)), j0 = static_cast<int>(std::floor(v));
      for (int j = j0 - 3; j <= j0 + 4; ++j)
        for (int i = i0 - 3; i <= i0 + 4; ++i)
          // 0.75 of the lattice's step wide: what a lattice of pixels can show.
          sum += size * random(i, j, size) *
                 std::exp(-((u - i) * (u - i) + (v - j) * (v - j)) / (2 * 0.75 * 0.75));
    }
    return sum;
  }
};

constexpr int kSide = 128, kWithMargin = kSide + 2 * tilth::kShiftMargin;
struct Looks {
  std::vector<std::uint16_t> image = std::vector<std::uint16_t>(kWithMargin * kWithMargin);
  std::vector<std::int16_t> reference = std::vector<std::int16_t>(kSide * kSide);
  std::vector<std::uint8_t> usable = std::vector<std::uint8_t>(kSide * kSide, 1);

  /// The image moved to the right and down, with another gain and offset, and noise of its own.
  Looks(const Ground& ground, double columns, double rows, double noise) {
    Random random{11};
    for (int y = 0; y < kSide; ++y)
      for (int x = 0; x < kSide; ++x)
        reference[y * kSide + x] = static_cast<std::int16_t>(std::lround(2500 + 150 * ground.at(x, y)));
    for (int y = 0; y < kWithMargin; ++y)
      for (int x = 0; x < kWithMargin; ++x) {
        const double seen = ground.at(x - tilth::kShiftMargin - columns, y - tilth::kShiftMargin - rows);
        image[y * kWithMargin + x] = static_cast<std::uint16_t>(
            std::lround(9000 + 350 * seen + noise * (random.next() + random.next() - 1)));
      }
  }

  /// As callers do: each time from what was found before.
  tilth::FoundShift find(int rounds) const {
    tilth::FoundShift found{0, 0, 0, 0};
    for (int i = 0; i < rounds; ++i)
      found = tilth::phase_shift({image, reference, usable, kSide}, found.columns, found.rows);
    return found;
  }
};

void finds_shifts() {
  const Ground ground{3};
  const auto none = Looks(ground, 0, 0, 0).find(1);
  expect_near("no shift, columns", none.columns, 0, 0.001);
  expect_near("no shift, rows", none.rows, 0, 0.001);
  expect_near("no shift, peak", none.peak, 1, 0.01);
  for (const auto& [columns, rows] : {std::pair{0.3, -0.7}, {-1.25, 0.1}, {4.4, -6.6}}) {
    const auto found = Looks(ground, columns, rows, 0).find(2);
    expect_near("columns", found.columns, columns, 0.01);
    expect_near("rows", found.rows, rows, 0.01);
    // Noise as strong as the smallest blobs.
    const auto noisy = Looks(ground, columns, rows, 350).find(2);
    expect_near("columns in noise", noisy.columns, columns, 0.05);
    expect_near("rows in noise", noisy.rows, rows, 0.05);
  }
}

void leaves_out_what_is_not_usable() {
  const Ground ground{3};
  Looks looks(ground, 0.3, -0.7, 100);
  int left = kSide * kSide;
  for (int y = 0; y < kSide; ++y)
    for (int x = 0; x < kSide; ++x)
      if (std::hypot(x - 40, y - 50) < 42) {
        // A bright cloud that the reference does not have, in a mask with a margin of 6 pixels.
        if (std::hypot(x - 40, y - 50) < 36)
          looks.image[(y + tilth::kShiftMargin) * kWithMargin + x + tilth::kShiftMargin] =
              40000 + 900 * (y % 7);
        looks.usable[y * kSide + x] = 0;
        --left;
      }
  const auto found = looks.find(4);
  expect_near("beside a cloud, columns", found.columns, 0.3, 0.02);
  expect_near("beside a cloud, rows", found.rows, -0.7, 0.02);
  expect_near("share compared", found.share, left / double(kSide * kSide), 1e-9);
  // Numbers that nobody measured are left out without being told.
  Looks cut(ground, 0.3, -0.7, 100);
  for (int i = 0; i < kWithMargin * kWithMargin; ++i)
    if (i % kWithMargin < 60) cut.image[i] = i % 2 ? 0 : 65535;
  const auto right = cut.find(4);
  expect_near("beside no data, columns", right.columns, 0.3, 0.02);
  expect_near("beside no data, rows", right.rows, -0.7, 0.02);
}

void finds_nothing() {
  const Ground ground{3};
  Looks looks(ground, 0, 0, 0);
  const Looks other(Ground{5}, 0, 0, 0);
  looks.image = other.image;
  expect_near("other ground", looks.find(1).peak, 0.05, 0.05);
  looks.image.assign(looks.image.size(), 900);
  expect_near("no pattern", looks.find(1).peak, 0, 0);
  looks.image.assign(looks.image.size(), 0);
  const auto none = looks.find(1);
  expect_near("nothing measured", none.peak + none.share, 0, 0);
  expect_equal("no place", std::isnan(none.columns) && std::isnan(none.rows), 1);
}

}  // namespace

int main() {
  const auto& target = tilth::simd_target();
  if (target.name == "unsupported") return 77;
  shift_keeps_parabolas();
  shift_by_hand();
  ways_agree();
  finds_shifts();
  leaves_out_what_is_not_usable();
  finds_nothing();
  std::printf("%s: %s\n", std::string(target.name).c_str(), failures ? "FAILED" : "passed");
  return failures ? 1 : 0;
}
