#include "successive_orders.hpp"

#include <algorithm>
#include <cmath>

#include "angular.hpp"
#include "orders.hpp"

namespace tilth::rt {
namespace {

constexpr double kAirScaleKm = 8;
constexpr double kAerosolScaleKm = 2;
/// Orders end when their ratio changes by less than this from one to the next: the rest is a geometric
/// series.
constexpr double kRatioSettled = 1e-5;
/// Or when an order has less than this share of the first.
constexpr double kNothingLeft = 1e-9;
constexpr int kMaxOrders = 400;

/// Downward light is kept with the sign of U turned, so that up and down scatter alike.
/// Both halves are [level][component][stream].
struct Field {
  Field(int levels, int width) : up(levels * width, 0.0), down(levels * width, 0.0) {}
  std::vector<double> up;
  std::vector<double> down;
};

/// Levels of one column, from the top down.
struct Levels {
  int layers;
  double tau;
  /// Share of scattering by air, and of aerosol with its albedo, in what is lost at each level.
  std::vector<double> air;
  std::vector<double> aerosol;
};

/// What a layer passes on, and what its source adds at the near and far end: linear between them.
struct Layer {
  Layer(double tau, double mu) {
    const double t = tau / mu;
    pass = std::exp(-t);
    // (1 - (1 + t) e^-t) / t; the series where digits would cancel.
    far = t < 1e-3 ? t / 2 - t * t / 3 + t * t * t / 8 : (-std::expm1(-t) - t * pass) / t;
    near = -std::expm1(-t) - far;
  }
  double pass;
  double near;
  double far;
};

}  // namespace

struct Solver::Matrices {
  Discretisation how;
  Quadrature rule;
  double depolarisation;
  double peak;
  Expansion air;
  Expansion aerosol;
  std::vector<Order> orders;

  Levels make_levels(const Column& column, double tau_aerosol, double albedo) const;
  Field scatter(const Order& order, const Levels& levels, const Field& in) const;
  Field transfer(const Order& order, const Levels& levels, const Field& source) const;
  Field sum_orders(const Order& order, const Levels& levels, const Field& source) const;
  double emerging(const Order& order, const Levels& levels, const Field& field, int sun) const;
};

/// Levels at equal steps of optical depth: Newton's method for the height, from the level above.
Levels Solver::Matrices::make_levels(const Column& column, double tau_aerosol, double albedo) const {
  Levels levels;
  const double tr = column.tau_rayleigh;
  levels.tau = tr + tau_aerosol;
  levels.layers = std::max(how.least_layers, static_cast<int>(std::ceil(levels.tau / how.largest_step)));
  // In v = exp(-z / 8 km) the depth above is tr v + ta v^4: both scale heights are powers of it.
  const int power = static_cast<int>(kAirScaleKm / kAerosolScaleKm);
  double v = 0;
  for (int k = 0; k <= levels.layers; ++k) {
    const double wanted = levels.tau * k / levels.layers;
    if (k == levels.layers) v = 1;
    // From the level above this overshoots and then comes down: the depth is convex in v.
    for (int step = 0; k > 0 && k < levels.layers && step < 60; ++step) {
      const double change = (tr * v + tau_aerosol * std::pow(v, power) - wanted) /
                            (tr + power * tau_aerosol * std::pow(v, power - 1));
      v -= change;
      if (std::abs(change) < 1e-14) break;
    }
    const double from_aerosol = power * tau_aerosol * std::pow(v, power - 1);
    const double share = from_aerosol / (tr + from_aerosol);
    levels.air.push_back(1 - share);
    levels.aerosol.push_back(albedo * share);
  }
  return levels;
}

Field Solver::Matrices::scatter(const Order& order, const Levels& levels, const Field& in) const {
  const int q = how.streams;
  const int width = order.width;
  Field out(levels.layers + 1, width);
  // [0]: the same up and down, [1]: opposite.
  std::vector<double> light[2] = {std::vector<double>(width), std::vector<double>(width)};
  std::vector<double> source[2] = {std::vector<double>(width), std::vector<double>(width)};
  for (int k = 0; k <= levels.layers; ++k) {
    const double* up = &in.up[k * width];
    const double* down = &in.down[k * width];
    for (int i = 0; i < width; ++i) {
      light[0][i] = up[i] + down[i];
      light[1][i] = up[i] - down[i];
    }
    for (int parity = 0; parity < 2; ++parity) {
      double* to = source[parity].data();
      for (int i = 0; i < width; ++i) to[i] = 0;
      if (levels.aerosol[k] == 0) continue;
      const double* matrix = parity == 0 ? order.even.data() : order.odd.data();
      for (int j = 0; j < width; ++j) {
        const double value = levels.aerosol[k] * light[parity][j];
        const double* column = matrix + j * width;
        for (int i = 0; i < width; ++i) to[i] += column[i] * value;
      }
    }
    // Air by its three moments: cheaper than a matrix. No half: both halves of the sphere say the same.
    for (int l = order.m; l <= 2; ++l) {
      const int parity = (l - order.m) % 2;
      const std::vector<double>& own = light[parity];
      const std::vector<double>& other = light[1 - parity];
      double i_moment = 0;
      double q_moment = 0;
      double u_moment = 0;
      for (int j = 0; j < q; ++j) {
        const Carriers& c = order.air[j];
        const double w = rule.w[j];
        i_moment += w * c.p[l] * own[j];
        q_moment += w * c.r[l] * own[q + j];
        u_moment += w * c.t[l] * other[q + j];
        if (order.components == 3) {
          q_moment += w * c.t[l] * own[2 * q + j];
          u_moment += w * c.r[l] * other[2 * q + j];
        }
      }
      const double share = levels.air[k];
      const double to_i = share * (air.beta[l] * i_moment + air.gamma[l] * q_moment);
      const double to_q = share * (air.gamma[l] * i_moment + air.alpha[l] * q_moment);
      const double to_u = share * air.zeta[l] * u_moment;
      for (int j = 0; j < q; ++j) {
        const Carriers& c = order.air[j];
        source[parity][j] += c.p[l] * to_i;
        source[parity][q + j] += c.r[l] * to_q;
        source[1 - parity][q + j] += c.t[l] * to_u;
        if (order.components == 3) {
          source[parity][2 * q + j] += c.t[l] * to_q;
          source[1 - parity][2 * q + j] += c.r[l] * to_u;
        }
      }
    }
    // The matrices act on sums and differences, so what comes out is one too.
    for (int i = 0; i < width; ++i) {
      out.up[k * width + i] = (source[0][i] + source[1][i]) / 2;
      out.down[k * width + i] = (source[0][i] - source[1][i]) / 2;
    }
  }
  return out;
}

Field Solver::Matrices::transfer(const Order& order, const Levels& levels, const Field& source) const {
  const int q = how.streams;
  const int width = order.width;
  Field field(levels.layers + 1, width);
  for (int j = 0; j < q; ++j) {
    const Layer layer(levels.tau / levels.layers, rule.x[j]);
    for (int c = 0; c < order.components; ++c) {
      const int at = c * q + j;
      for (int k = 1; k <= levels.layers; ++k)
        field.down[k * width + at] = field.down[(k - 1) * width + at] * layer.pass +
                                     source.down[k * width + at] * layer.near +
                                     source.down[(k - 1) * width + at] * layer.far;
      for (int k = levels.layers - 1; k >= 0; --k)
        field.up[k * width + at] = field.up[(k + 1) * width + at] * layer.pass +
                                   source.up[k * width + at] * layer.near +
                                   source.up[(k + 1) * width + at] * layer.far;
    }
  }
  return field;
}

/// All orders that follow from a source, its own light included.
Field Solver::Matrices::sum_orders(const Order& order, const Levels& levels, const Field& source) const {
  const int width = order.width;
  const auto size = [&](const Field& field) {
    double sum = 0;
    for (int k = 0; k <= levels.layers; ++k)
      for (int j = 0; j < how.streams; ++j)
        sum += std::abs(field.up[k * width + j]) + std::abs(field.down[k * width + j]);
    return sum;
  };
  Field last = transfer(order, levels, source);
  Field total = last;
  const double first = size(last);
  double before = first;
  double ratio = 0;
  for (int n = 2; n <= kMaxOrders; ++n) {
    last = transfer(order, levels, scatter(order, levels, last));
    const double now = size(last);
    const double next_ratio = before > 0 ? now / before : 0.0;
    const bool settled = std::abs(next_ratio - ratio) < kRatioSettled && next_ratio < 1;
    // What is left: last (1 + r + r^2 + ...).
    const double weight = settled ? 1 / (1 - next_ratio) : 1.0;
    for (std::size_t i = 0; i < total.up.size(); ++i) {
      total.up[i] += weight * last.up[i];
      total.down[i] += weight * last.down[i];
    }
    if (settled || now <= kNothingLeft * first) break;
    before = now;
    ratio = next_ratio;
  }
  return total;
}

/// I at the top in a direction of the sun, of what the field's light scatters that way.
double Solver::Matrices::emerging(const Order& order, const Levels& levels, const Field& field,
                                  int sun) const {
  const int width = order.width;
  const Beam& air_row = order.air_to_sun[sun];
  const Beam& aerosol_row = order.aerosol_to_sun[sun];
  const Layer layer(levels.tau / levels.layers, how.sun_mu[sun]);
  double light = 0;
  double below = 0;
  for (int k = levels.layers; k >= 0; --k) {
    double by_air = 0;
    double by_aerosol = 0;
    for (int i = 0; i < width; ++i) {
      const double up = field.up[k * width + i];
      const double down = field.down[k * width + i];
      by_air += air_row.up[i] * up + air_row.down[i] * down;
      by_aerosol += aerosol_row.up[i] * up + aerosol_row.down[i] * down;
    }
    const double here = levels.air[k] * by_air + levels.aerosol[k] * by_aerosol;
    if (k < levels.layers) light = light * layer.pass + here * layer.near + below * layer.far;
    below = here;
  }
  return light;
}

Solver::Solver(const Discretisation& how, double depolarisation, const TruncatedAerosol& aerosol) {
  auto made = std::make_unique<Matrices>();
  made->how = how;
  made->rule = gauss_legendre(how.streams, 0, 1);
  made->depolarisation = depolarisation;
  made->peak = aerosol.peak;
  made->air = rayleigh_expansion(depolarisation);
  made->aerosol = aerosol.expansion;
  for (int m = 0; m < how.orders; ++m)
    made->orders.push_back(make_order({made->how, made->rule, made->air, made->aerosol}, m));
  matrices_ = std::move(made);
}

Solver::~Solver() = default;

Solution Solver::solve(const Column& column) const {
  const Matrices& all = *matrices_;
  const Discretisation& how = all.how;
  // Light within the peak goes on as if nothing had happened.
  const double unscaled = 1 - all.peak * column.albedo;
  const double tau_aerosol = unscaled * column.tau_aerosol;
  const Levels levels = all.make_levels(column, tau_aerosol, column.albedo * (1 - all.peak) / unscaled);
  Solution solution;
  for (const Order& order : all.orders)
    for (std::size_t view = 0; view < how.view_mu.size(); ++view) {
      Field source(levels.layers + 1, order.width);
      for (int k = 0; k <= levels.layers; ++k) {
        const double beam = std::exp(-levels.tau * k / levels.layers / how.view_mu[view]);
        for (int i = 0; i < order.width; ++i) {
          const int at = k * order.width + i;
          source.up[at] = beam * (levels.air[k] * order.air_from_view[view].up[i] +
                                  levels.aerosol[k] * order.aerosol_from_view[view].up[i]);
          source.down[at] = beam * (levels.air[k] * order.air_from_view[view].down[i] +
                                    levels.aerosol[k] * order.aerosol_from_view[view].down[i]);
        }
      }
      const Field field = all.sum_orders(order, levels, source);
      for (std::size_t sun = 0; sun < how.sun_mu.size(); ++sun)
        solution.multiple.push_back(all.emerging(order, levels, field, static_cast<int>(sun)) /
                                    how.view_mu[view]);
    }
  // Isotropic light from below: by reciprocity what leaves at the top is the transmittance of the way down.
  const Order& mean = all.orders.front();
  Field direct(levels.layers + 1, mean.width);
  for (int k = 0; k <= levels.layers; ++k)
    for (int j = 0; j < how.streams; ++j)
      direct.up[k * mean.width + j] =
          std::exp(-levels.tau * (levels.layers - k) / levels.layers / all.rule.x[j]);
  Field field = all.sum_orders(mean, levels, all.scatter(mean, levels, direct));
  solution.spherical_albedo = 0;
  for (int j = 0; j < how.streams; ++j)
    solution.spherical_albedo +=
        2 * all.rule.w[j] * all.rule.x[j] * field.down[levels.layers * mean.width + j];
  for (std::size_t i = 0; i < field.up.size(); ++i) field.up[i] += direct.up[i];
  for (std::size_t sun = 0; sun < how.sun_mu.size(); ++sun)
    solution.transmittance.push_back(std::exp(-levels.tau / how.sun_mu[sun]) +
                                     all.emerging(mean, levels, field, static_cast<int>(sun)));
  // Single scattering in v = exp(-z / 8 km): the integrands are smooth there.
  const Quadrature heights = gauss_legendre(64, 0, 1);
  for (const double mass : how.air_mass) {
    double by_air = 0;
    double by_aerosol = 0;
    for (std::size_t i = 0; i < heights.x.size(); ++i) {
      const double v = heights.x[i];
      const double passed =
          heights.w[i] * std::exp(-mass * (column.tau_rayleigh * v + tau_aerosol * v * v * v * v));
      by_air += passed;
      by_aerosol += 4 * v * v * v * passed;
    }
    solution.single_air.push_back(column.tau_rayleigh * by_air);
    solution.single_aerosol.push_back(column.albedo * by_aerosol);
  }
  return solution;
}

}  // namespace tilth::rt
