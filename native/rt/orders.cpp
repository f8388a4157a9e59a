#include "orders.hpp"

namespace tilth::rt {
namespace {

/// Phase matrix of order m applied to I in direction `from`, at direction `to`: sum over l of Pi B Pi e_I.
struct FromIntensity {
  double i = 0;
  double q = 0;
  double u = 0;
};
FromIntensity from_intensity(const Expansion& e, const Carriers& to, const Carriers& from) {
  FromIntensity sum;
  for (std::size_t l = 0; l < e.beta.size(); ++l) {
    sum.i += to.p[l] * e.beta[l] * from.p[l];
    sum.q += to.r[l] * e.gamma[l] * from.p[l];
    sum.u += to.t[l] * e.gamma[l] * from.p[l];
  }
  return sum;
}

/// Source of light that travels down at -mu with flux pi through a plane across it, scattered once.
Beam beam_from(const Scatterers& of, int m, int components, const Expansion& e, double mu, double scale) {
  const Quadrature& rule = of.rule;
  const int count = static_cast<int>(e.beta.size());
  const int q = of.how.streams;
  Beam beam{std::vector<double>(components * q), std::vector<double>(components * q)};
  const Carriers from = carriers(m, -mu, count);
  for (int j = 0; j < q; ++j) {
    const FromIntensity up = from_intensity(e, carriers(m, rule.x[j], count), from);
    const FromIntensity down = from_intensity(e, carriers(m, -rule.x[j], count), from);
    beam.up[j] = scale * up.i;
    beam.down[j] = scale * down.i;
    beam.up[q + j] = scale * up.q;
    beam.down[q + j] = scale * down.q;
    if (components == 3) {
      beam.up[2 * q + j] = scale * up.u;
      beam.down[2 * q + j] = -scale * down.u;
    }
  }
  return beam;
}

/// I that leaves in direction mu of light at the streams: the phase matrix is its own transpose, so the row
/// is a column.
Beam beam_to(const Scatterers& of, int m, int components, const Expansion& e, double mu) {
  const Quadrature& rule = of.rule;
  const int q = of.how.streams;
  // Light at a stream going down at -x and out at mu is as light from mu to -x.
  const int count = static_cast<int>(e.beta.size());
  Beam beam{std::vector<double>(components * q), std::vector<double>(components * q)};
  const Carriers to = carriers(m, mu, count);
  for (int j = 0; j < q; ++j) {
    const FromIntensity up = from_intensity(e, carriers(m, rule.x[j], count), to);
    const FromIntensity down = from_intensity(e, carriers(m, -rule.x[j], count), to);
    const double w = rule.w[j] / 2;
    beam.up[j] = w * up.i;
    beam.down[j] = w * down.i;
    beam.up[q + j] = w * up.q;
    beam.down[q + j] = w * down.q;
    if (components == 3) {
      beam.up[2 * q + j] = w * up.u;
      beam.down[2 * q + j] = -w * down.u;
    }
  }
  return beam;
}

}  // namespace

Order make_order(const Scatterers& of, int m) {
  const auto& [how, rule, air, aerosol] = of;
  Order order;
  order.m = m;
  order.components = m == 0 ? 2 : 3;
  const int q = how.streams;
  const int width = order.width = order.components * q;
  const int count = static_cast<int>(aerosol.beta.size());
  std::vector<Carriers> up;
  std::vector<Carriers> down;
  for (int j = 0; j < q; ++j) {
    up.push_back(carriers(m, rule.x[j], count));
    down.push_back(carriers(m, -rule.x[j], count));
    order.air.push_back(carriers(m, rule.x[j], static_cast<int>(air.beta.size())));
  }
  order.even.assign(width * width, 0.0);
  order.odd.assign(width * width, 0.0);
  // Pi B Pi' of one pair of streams, [to component][from component].
  const auto block = [&](const Carriers& to, const Carriers& from, double out[3][3]) {
    for (int a = 0; a < 3; ++a)
      for (int b = 0; b < 3; ++b) out[a][b] = 0;
    for (int l = m; l < count; ++l) {
      const double beta = aerosol.beta[l];
      const double gamma = aerosol.gamma[l];
      const double alpha = aerosol.alpha[l];
      const double zeta = aerosol.zeta[l];
      const double rows[3][3] = {{beta * from.p[l], gamma * from.r[l], gamma * from.t[l]},
                                 {gamma * from.p[l], alpha * from.r[l], alpha * from.t[l]},
                                 {0, zeta * from.t[l], zeta * from.r[l]}};
      for (int b = 0; b < 3; ++b) {
        out[0][b] += to.p[l] * rows[0][b];
        out[1][b] += to.r[l] * rows[1][b] + to.t[l] * rows[2][b];
        out[2][b] += to.t[l] * rows[1][b] + to.r[l] * rows[2][b];
      }
    }
  };
  double same[3][3];
  double across[3][3];
  for (int i = 0; i < q; ++i)
    for (int j = 0; j < q; ++j) {
      block(up[i], up[j], same);
      block(up[i], down[j], across);
      for (int a = 0; a < order.components; ++a)
        for (int b = 0; b < order.components; ++b) {
          const double turned = b == 2 ? -across[a][b] : across[a][b];
          const int at = (b * q + j) * width + a * q + i;
          order.even[at] = rule.w[j] / 2 * (same[a][b] + turned);
          order.odd[at] = rule.w[j] / 2 * (same[a][b] - turned);
        }
    }
  const double scale = (m == 0 ? 1.0 : 2.0) / 4;
  for (const double mu : how.view_mu) {
    order.air_from_view.push_back(beam_from(of, m, order.components, air, mu, scale));
    order.aerosol_from_view.push_back(beam_from(of, m, order.components, aerosol, mu, scale));
  }
  for (const double mu : how.sun_mu) {
    order.air_to_sun.push_back(beam_to(of, m, order.components, air, mu));
    order.aerosol_to_sun.push_back(beam_to(of, m, order.components, aerosol, mu));
  }
  return order;
}

}  // namespace tilth::rt
