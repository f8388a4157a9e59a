#include "rows_of_target.hpp"

namespace tilth::TILTH_TARGET {
namespace {

template <typename T>
void blend(const T* __restrict upper, const T* __restrict lower, int n, float fy, float scale,
           float* __restrict out) noexcept {
  for (int k = 0; k < n; ++k) {
    const float u = upper[k], l = lower[k];
    out[k] = (u + fy * (l - u)) * scale;
  }
}

void between_nodes(const NodePlaces& at, const float* __restrict nodes, float* __restrict out) noexcept {
  const int* __restrict node = at.node;
  const float* __restrict share = at.share;
  const int from = at.regular_from, to = at.regular_to;
  if (at.ends > 0) {
    for (int e = 0, i = 0; e < at.ends; ++e) {
      const float left = nodes[node[i]], rise = nodes[node[i] + 1] - left;
      for (const int end = at.end[e]; i < end; ++i) out[i] = left + share[i] * rise;
    }
    return;
  }
  const auto looked_up = [&](int first, int end) {
    for (int i = first; i < end; ++i) {
      const float left = nodes[node[i]], right = nodes[node[i] + 1];
      out[i] = left + share[i] * (right - left);
    }
  };
  looked_up(0, from);
  const float* __restrict next = nodes + node[from];
  const float* __restrict w = share + from;
  float* __restrict to_out = out + from;
  if (at.step == 1) {
    for (int i = 0; i < to - from; ++i) to_out[i] = next[i] + w[i] * (next[i + 1] - next[i]);
  } else {
    for (int i = 0; i < (to - from) / 2; ++i) {
      const float left = next[i], rise = next[i + 1] - left;
      to_out[2 * i] = left + w[2 * i] * rise;
      to_out[2 * i + 1] = left + w[2 * i + 1] * rise;
    }
  }
  looked_up(to, at.n);
}

typedef float Four __attribute__((vector_size(16)));
typedef int FourWhole __attribute__((vector_size(16)));
typedef std::uint16_t FourPixels __attribute__((vector_size(8)));

inline Four four_pixels(const std::uint16_t* at) {
  FourPixels pixels;
  __builtin_memcpy(&pixels, at, sizeof pixels);
  // By way of whole numbers: of the direct way the compiler makes four steps.
  return __builtin_convertvector(__builtin_convertvector(pixels, FourWhole), Four);
}

/// The pixel before each place, and the phase between it and the next.
void places_of_line(double from, double by, int n, int* __restrict before, int* __restrict phase) noexcept {
  for (int k = 0; k < n; ++k) {
    const double at = from + k * by;
    const int whole = static_cast<int>(at);
    before[k] = whole;
    phase[k] = static_cast<int>((at - whole) * kPhases + 0.5);
  }
}

void cubic_run(const CubicRun& run) noexcept {
  int column[kCubicRun], row[kCubicRun], column_phase[kCubicRun], row_phase[kCubicRun];
  float sums[kCubicRun];
  const int n = run.n;
  places_of_line(run.column, run.by_column, n, column, column_phase);
  places_of_line(run.row, run.by_row, n, row, row_phase);
  const std::ptrdiff_t stride = run.stride;
  for (int k = 0; k < n; ++k) {
    const std::uint16_t* from = run.pixels + (row[k] - 1) * stride + (column[k] - 1);
    const float* r = run.weights + 4 * row_phase[k];
    Four c;
    __builtin_memcpy(&c, run.weights + 4 * column_phase[k], sizeof c);
    // Four columns at once.
    const Four upper = r[0] * four_pixels(from) + r[1] * four_pixels(from + stride);
    const Four lower = r[2] * four_pixels(from + 2 * stride) + r[3] * four_pixels(from + 3 * stride);
    const Four parts = c * (upper + lower);
    const Four pairs = parts + __builtin_shuffle(parts, FourWhole{1, 0, 3, 2});
    sums[k] = pairs[0] + pairs[2];
  }
  std::uint16_t* __restrict out = run.out;
  for (int k = 0; k < n; ++k) {
    const float high = sums[k] < 65534.0f ? sums[k] : 65534.0f;
    const float value = high > 1.0f ? high : 1.0f;
    out[k] = static_cast<std::uint16_t>(static_cast<int>(value + 0.5f));
  }
}

bool all_measured(const std::uint16_t* pixels, std::ptrdiff_t stride, int width, int height) noexcept {
  std::uint16_t bad = 0;
  for (int y = 0; y < height; ++y) {
    const std::uint16_t* line = pixels + y * stride;
    // 65535 turns into 0 and 0 into 1.
    for (int i = 0; i < width; ++i)
      bad = static_cast<std::uint16_t>(bad | (static_cast<std::uint16_t>(line[i] + 1) < 2));
  }
  return bad == 0;
}

void halve_i16(const std::int16_t* a, const std::int16_t* b, int width, std::int16_t no_data, bool single_row,
               std::int16_t* __restrict out) noexcept {
  const int pairs = width / 2;
  const int second = single_row ? 0 : 1;
  for (int i = 0; i < pairs; ++i) {
    const int p = a[2 * i], q = a[2 * i + 1], r = b[2 * i], t = b[2 * i + 1];
    const int hp = p != no_data, hq = q != no_data, hr = (r != no_data) & second,
              ht = (t != no_data) & second;
    const int count = hp + hq + hr + ht;
    const int sum = (hp ? p : 0) + (hq ? q : 0) + (hr ? r : 0) + (ht ? t : 0);
    // Exact: |sum| < 2^24, and sum / count is at least 1/6 away from any tie that it does not hit.
    const float mean = static_cast<float>(sum) / static_cast<float>(count ? count : 1);
    const int rounded = static_cast<int>(mean + (mean < 0.0f ? -0.5f : 0.5f));
    out[i] = static_cast<std::int16_t>(count ? rounded : no_data);
  }
  if (width & 1) {
    const int p = a[width - 1], r = b[width - 1];
    const int hp = p != no_data, hr = (r != no_data) & second;
    const int count = hp + hr;
    const float mean =
        static_cast<float>((hp ? p : 0) + (hr ? r : 0)) / static_cast<float>(count ? count : 1);
    const int rounded = static_cast<int>(mean + (mean < 0.0f ? -0.5f : 0.5f));
    out[pairs] = static_cast<std::int16_t>(count ? rounded : no_data);
  }
}

template <typename T>
void pick(const T* in, int out_width, T* __restrict out) noexcept {
  for (int i = 0; i < out_width; ++i) out[i] = in[2 * i];
}

template <typename T>
void difference(const T* in, int n, T* __restrict out) noexcept {
  if (n > 0) out[0] = in[0];
  for (int i = 1; i < n; ++i) out[i] = static_cast<T>(in[i] - in[i - 1]);
}

void or_u16(const std::uint16_t* in, int n, std::uint16_t* __restrict out) noexcept {
  for (int i = 0; i < n; ++i) out[i] = static_cast<std::uint16_t>(out[i] | in[i]);
}

void normalized_difference(const std::int16_t* __restrict a, const std::int16_t* __restrict b, int n,
                           std::int16_t no_data, int min_sum, std::int16_t* __restrict out) noexcept {
  for (int i = 0; i < n; ++i) {
    const int p = a[i], q = b[i];
    const int x = p > 0 ? p : 0, y = q > 0 ? q : 0;
    const int sum = x + y;
    const int good = (p != no_data) & (q != no_data) & (sum >= min_sum);
    // Exact: both integers are doubles, and the quotient is at least 1 / (2 sum) away from any tie that it
    // does not hit.
    const double index = 10000.0 * static_cast<double>(x - y) / static_cast<double>(sum > 0 ? sum : 1);
    const int rounded = static_cast<int>(index + (index < 0.0 ? -0.5 : 0.5));
    out[i] = static_cast<std::int16_t>(good ? rounded : no_data);
  }
}

void composite_step(const std::uint8_t* __restrict classes, int n, double weight,
                    std::uint8_t* __restrict rank, std::uint16_t* __restrict count, double* __restrict keep,
                    double* __restrict add) noexcept {
  for (int i = 0; i < n; ++i) {
    const int c = classes[i], r = rank[i];
    const int better = c > r, enters = (c >= r) & (c > 0);
    keep[i] = better ? 0.0 : 1.0;
    add[i] = enters ? weight : 0.0;
    count[i] = static_cast<std::uint16_t>((better ? 0 : count[i]) + enters);
    rank[i] = static_cast<std::uint8_t>(better ? c : r);
  }
}

// Every term is a whole number below 2^53: sums are exact, whatever their order.
void composite_sum(const std::int16_t* __restrict values, const double* __restrict keep,
                   const double* __restrict add, int n, double* __restrict sum) noexcept {
  for (int i = 0; i < n; ++i) sum[i] = sum[i] * keep[i] + static_cast<double>(values[i]) * add[i];
}

void composite_sum_one(double value, const double* __restrict keep, const double* __restrict add, int n,
                       double* __restrict sum) noexcept {
  for (int i = 0; i < n; ++i) sum[i] = sum[i] * keep[i] + value * add[i];
}

void composite_exclude(const std::int16_t* __restrict values, std::int16_t no_data, int n,
                       std::uint8_t* __restrict classes) noexcept {
  for (int i = 0; i < n; ++i) classes[i] = static_cast<std::uint8_t>(values[i] == no_data ? 0 : classes[i]);
}

void composite_divide(const double* __restrict sum, const double* __restrict weight, int n, double divisor,
                      std::int16_t no_data, std::int16_t* __restrict out) noexcept {
  for (int i = 0; i < n; ++i) {
    const int any = weight[i] > 0.0;
    const double mean = sum[i] / (any ? weight[i] * divisor : 1.0);
    const int rounded = static_cast<int>(mean + (mean < 0.0 ? -0.5 : 0.5));
    out[i] = static_cast<std::int16_t>(any ? rounded : no_data);
  }
}

}  // namespace

const RowFunctions rows = {correct_run,
                           blend<float>,
                           blend<std::int16_t>,
                           between_nodes,
                           cubic_run,
                           all_measured,
                           halve_i16,
                           pick<std::uint8_t>,
                           pick<std::uint16_t>,
                           difference<std::uint8_t>,
                           difference<std::uint16_t>,
                           or_u16,
                           normalized_difference,
                           composite_step,
                           composite_sum,
                           composite_sum_one,
                           composite_exclude,
                           composite_divide};

}  // namespace tilth::TILTH_TARGET
