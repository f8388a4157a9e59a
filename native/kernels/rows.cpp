#include "rows.hpp"

#include "correct_flags.hpp"

namespace tilth::TILTH_TARGET {
namespace {

inline float clamp01(float v) {
  v = v > 0.0f ? v : 0.0f;
  return v < 1.0f ? v : 1.0f;
}

void line(float* __restrict out, int n, int first, float f0, float df, float base, float slope) noexcept {
  for (int i = 0; i < n; ++i) out[i] = base + clamp01(f0 + static_cast<float>(first + i) * df) * slope;
}

/// What a reflectance x 10000 is stored as.
struct Stored {
  std::int16_t value;
  int good, clipped;
};

inline Stored store(float v, int measured) {
  const float high = v < 32767.0f ? v : 32767.0f;
  const float low = high > -32767.0f ? high : -32767.0f;
  const int rounded = static_cast<int>(low + (low < 0.0f ? -0.5f : 0.5f));
  const int good = measured & (v == v);
  return {static_cast<std::int16_t>(good ? rounded : -32768), good, good & (v != low)};
}

// The compiler's own instruction, rounded correctly by IEEE 754: the same on every target. <cmath> would
// bring inline functions of the library.
inline float square_root(float v) { return __builtin_sqrtf(v); }

/// The rest of `correct_run` with surroundings and slopes; f, a, b, s as there.
void correct_ground(const CorrectRun& run, const float* __restrict f, const float* __restrict a,
                    const float* __restrict b, const float* __restrict s) noexcept {
  float u[kRunMax], direct[kRunMax], v[kRunMax], e[kRunMax];
  const int n = run.n;
  {
    const float u0 = run.legs_left[0], d0 = run.legs_left[1];
    const float du = run.legs_right[0] - u0, dd = run.legs_right[1] - d0;
    for (int i = 0; i < n; ++i) {
      u[i] = u0 + f[i] * du;
      direct[i] = d0 + f[i] * dd;
    }
  }
  for (int j = 0; j + 1 < run.pressures; ++j) {
    const float* l = run.legs_left + 2 * j;
    const float* r = run.legs_right + 2 * j;
    const float node = run.node_hpa[j], inverse = 1.0f / (run.node_hpa[j + 1] - node);
    const float uu = l[2] - l[0], ud = l[3] - l[1];
    const float wu = (r[2] - r[0]) - uu, wd = (r[3] - r[1]) - ud;
    const float* hpa = run.hpa;
    for (int i = 0; i < n; ++i) {
      const float t = clamp01((hpa[i] - node) * inverse);
      u[i] += t * (uu + f[i] * wu);
      direct[i] += t * (ud + f[i] * wd);
    }
  }
  {
    const std::uint16_t* __restrict dn = run.dn;
    std::int16_t* __restrict out = run.out;
    std::uint8_t* __restrict flags = run.flags;
    const float offset = run.offset, scale = run.scale;
    if (run.around == nullptr) {
      for (int i = 0; i < n; ++i) {
        const float y = a[i] * ((static_cast<float>(dn[i]) + offset) * scale) - b[i];
        v[i] = e[i] = y / (1.0f + s[i] * y);
      }
    } else {
      const float* __restrict around = run.around;
      for (int i = 0; i < n; ++i) {
        const float y = a[i] * ((static_cast<float>(dn[i]) + offset) * scale) - b[i];
        e[i] = around[i];
        v[i] = y * u[i] * (1.0f - e[i] * s[i]) - e[i] * (u[i] - 1.0f);
      }
    }
    for (int i = 0; i < n; ++i) {
      const int d = dn[i];
      const Stored stored = store(v[i] * 10000.0f, d != 0);
      out[i] = stored.value;
      flags[i] = static_cast<std::uint8_t>((stored.good ? 0 : kNoData) | (d == 65535 ? kSaturated : 0) |
                                           (stored.clipped ? kClipped : 0));
    }
  }
  if (run.flat == nullptr) return;
  const float* l = run.directions_left;
  const float sx0 = l[0], sy0 = l[1], vx0 = l[2], vy0 = l[3];
  const float* r = run.directions_right;
  const float dsx = r[0] - sx0, dsy = r[1] - sy0, dvx = r[2] - vx0, dvy = r[3] - vy0;
  const float* __restrict east = run.east;
  const float* __restrict north = run.north;
  const std::uint8_t* __restrict hidden = run.hidden;
  const std::int16_t* __restrict out = run.out;
  std::uint8_t* __restrict flags = run.flags;
  std::int16_t* __restrict flat = run.flat;
  const bool is_canopy = run.is_canopy;
  for (int i = 0; i < n; ++i) {
    const float sx = sx0 + f[i] * dsx, sy = sy0 + f[i] * dsy;
    const float vx = vx0 + f[i] * dvx, vy = vy0 + f[i] * dvy;
    const float cos_sun = 1.0f / square_root(1.0f + sx * sx + sy * sy);
    const float cos_view = 1.0f / square_root(1.0f + vx * vx + vy * vy);
    const float p = east[i], q = north[i];
    const float cos_slope = 1.0f / square_root(1.0f + p * p + q * q);
    // Over what they are on level ground.
    const float i_ratio = cos_slope * (1.0f - p * sx - q * sy);
    const float e_ratio = cos_slope * (1.0f - p * vx - q * vy);
    const float i_raw = i_ratio * cos_sun, e_raw = e_ratio * cos_view;
    const float cos_i = i_raw > 0.2f ? i_raw : 0.2f;
    const float cos_e = e_raw > 0.1f ? e_raw : 0.1f;
    const float shape = is_canopy ? (cos_i + cos_e) / (cos_sun + cos_view) : 1.0f;
    const float sky = 0.5f + 0.5f * cos_slope, ground = 0.5f - 0.5f * cos_slope;
    const float light = direct[i] * (cos_i / cos_sun) + (1.0f - direct[i]) * sky + e[i] * ground;
    const int is_hidden = hidden[i] != 0;
    const float level = is_hidden ? v[i] : v[i] * shape / light;
    const int measured = out[i] != -32768;
    const Stored stored = store(level * 10000.0f, measured);
    flat[i] = stored.value;
    const int grazes = measured & !is_hidden & ((i_raw < 0.2f) | (i_ratio < 0.2f));
    flags[i] =
        static_cast<std::uint8_t>(flags[i] | (stored.clipped ? kClipped : 0) | (grazes ? kGrazing : 0));
  }
}

/// Node left of pixel i, the last but one at most.
inline int node_of(const SlopeRun& run, int i, double* at) {
  const double u = run.x0 + run.dx * (run.x + i);
  const double low = u > 0.0 ? u : 0.0;
  const int k = static_cast<int>(low);
  *at = low;
  return k < run.columns - 2 ? k : run.columns - 2;
}

void slope_run(const SlopeRun& run) noexcept {
  // Nodes are blended between the two rows once for all pixels that lie between them.
  constexpr int kNodes = 2 * kRunMax;
  float blended[kNodes];
  double at = 0;
  for (int done = 0; done < run.n;) {
    const int first = node_of(run, done, &at);
    int n = run.n - done;
    while (node_of(run, done + n - 1, &at) + 2 - first > kNodes) n = (n + 1) / 2;
    const int nodes = node_of(run, done + n - 1, &at) + 2 - first;
    const std::int16_t* __restrict upper = run.upper + first;
    const std::int16_t* __restrict lower = run.lower + first;
    const float fy = run.fy, scale = run.scale;
    for (int k = 0; k < nodes; ++k) {
      const float l = upper[k], m = lower[k];
      blended[k] = (l + fy * (m - l)) * scale;
    }
    float* __restrict out = run.out + done;
    const double x0 = run.x0, dx = run.dx;
    const int x = run.x + done, last = run.columns - 2;
    for (int i = 0; i < n; ++i) {
      const double u = x0 + dx * (x + i);
      const double low = u > 0.0 ? u : 0.0;
      int k = static_cast<int>(low);
      k = k < last ? k : last;
      const float w = clamp01(static_cast<float>(low - k));
      const float left = blended[k - first], right = blended[k - first + 1];
      out[i] = left + w * (right - left);
    }
    done += n;
  }
}

void correct_run(const CorrectRun& run) noexcept {
  float f[kRunMax], a[kRunMax], b[kRunMax], s[kRunMax];
  const int n = run.n;
  {
    const float f0 = run.f0, df = run.df;
    const float a0 = run.left[0], b0 = run.left[1], s0 = run.left[2];
    const float da = run.right[0] - a0, db = run.right[1] - b0, ds = run.right[2] - s0;
    const int first = run.first;
    for (int i = 0; i < n; ++i) {
      const float w = clamp01(f0 + static_cast<float>(first + i) * df);
      f[i] = w;
      a[i] = a0 + w * da;
      b[i] = b0 + w * db;
      s[i] = s0 + w * ds;
    }
  }
  for (int j = 0; j + 1 < run.pressures; ++j) {
    // Piecewise linear in pressure: each interval adds its own share, 0 below it and its whole step above it.
    const float* l = run.left + 3 * j;
    const float* r = run.right + 3 * j;
    const float node = run.node_hpa[j], inverse = 1.0f / (run.node_hpa[j + 1] - node);
    const float ua = l[3] - l[0], ub = l[4] - l[1], us = l[5] - l[2];
    const float wa = (r[3] - r[0]) - ua, wb = (r[4] - r[1]) - ub, ws = (r[5] - r[2]) - us;
    const float* hpa = run.hpa;
    for (int i = 0; i < n; ++i) {
      const float t = clamp01((hpa[i] - node) * inverse);
      a[i] += t * (ua + f[i] * wa);
      b[i] += t * (ub + f[i] * wb);
      s[i] += t * (us + f[i] * ws);
    }
  }
  if (run.legs_left != nullptr) {
    correct_ground(run, f, a, b, s);
    return;
  }
  const std::uint16_t* __restrict dn = run.dn;
  std::int16_t* __restrict out = run.out;
  std::uint8_t* __restrict flags = run.flags;
  const float offset = run.offset, scale = run.scale;
  for (int i = 0; i < n; ++i) {
    const int d = dn[i];
    const float y = a[i] * ((static_cast<float>(d) + offset) * scale) - b[i];
    const float v = y / (1.0f + s[i] * y) * 10000.0f;
    const Stored stored = store(v, d != 0);
    out[i] = stored.value;
    flags[i] = static_cast<std::uint8_t>((stored.good ? 0 : kNoData) | (d == 65535 ? kSaturated : 0) |
                                         (stored.clipped ? kClipped : 0));
  }
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
                           slope_run,
                           line,
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
