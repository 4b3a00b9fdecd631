#include "app/shading.h"

#include <algorithm>
#include <cmath>

#include "app/theme.h"
#include "viewer/colormap.h"

namespace stemma {

namespace {
Rgba rgba(const QColor& c) {
  return {static_cast<uint8_t>(c.red()), static_cast<uint8_t>(c.green()), static_cast<uint8_t>(c.blue())};
}

// As much of `colour` on `ground` as leaves the text a contrast of 7:1.
QColor legible(const QColor& ground, const QColor& colour, double share) {
  const Rgba ink = rgba(theme().text);
  double low = 0, high = share;
  if (contrast(rgba(mixed(ground, colour, high)), ink) >= 7) return mixed(ground, colour, high);
  for (int i = 0; i < 12; ++i) {
    const double middle = (low + high) / 2;
    (contrast(rgba(mixed(ground, colour, middle)), ink) >= 7 ? low : high) = middle;
  }
  return mixed(ground, colour, low);
}

double quantile(std::vector<float> values, double q) {
  std::erase_if(values, [](float v) { return std::isnan(v); });
  if (values.empty()) return 0;
  const auto place = values.begin() + static_cast<ptrdiff_t>(q * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), place, values.end());
  return *place;
}
}  // namespace

QString title_of(Shade shade) {
  switch (shade) {
    case Shade::nothing:
      return QStringLiteral("No shading");
    case Shade::logprob:
      return QStringLiteral("Log-probability");
    case Shade::entropy:
      return QStringLiteral("Entropy");
    case Shade::influence:
      return QStringLiteral("Influence");
    case Shade::attention:
      return QStringLiteral("Attention");
  }
  return {};
}

QString definition_of(Shade shade) {
  switch (shade) {
    case Shade::nothing:
      return QStringLiteral("Text without tints.");
    case Shade::logprob:
      return QStringLiteral(
          "Log-probability of each token given all before it, in nats: darker tokens surprised the model "
          "more.");
    case Shade::entropy:
      return QStringLiteral(
          "Entropy of the distribution each token was drawn from, in nats: darker means that the model "
          "had more choices open.");
    case Shade::influence:
      return QStringLiteral(
          "How strongly training documents act on each step: the root mean square of their scores, in "
          "nats.");
    case Shade::attention:
      return QStringLiteral(
          "How much of the attention of the token under the cursor falls on each token before it, in percent: of one "
          "layer, and one head or the mean of all (Ctrl+arrows choose). Computed again from the tokens.");
  }
  return {};
}

QColor ramp_tint(Ramp ramp, double t, const QColor& ground) {
  const Theme& colours = theme();
  if (std::isnan(t)) return ground;
  switch (ramp) {
    case Ramp::probability:
      return legible(ground, colours.probability, 0.62 * std::clamp(t, 0.0, 1.0));
    case Ramp::magnitude:
      return legible(ground, colours.magnitude, 0.75 * std::clamp(t, 0.0, 1.0));
    case Ramp::signed_values:
      return legible(ground, colour(t >= 0 ? proponent_colour : opponent_colour), 0.62 * std::min(1.0, std::fabs(t)));
  }
  return ground;
}

QColor Shading::tint(int token, const QColor& ground) const {
  if (token < 0 || token >= static_cast<int>(values.size()) || std::isnan(values[token]) || !(high > low))
    return ground;
  const double value = values[token];
  return ramp_tint(ramp, ramp == Ramp::signed_values ? value / high : (value - low) / (high - low), ground);
}

int row_of_step(const InfluenceTable& table, int step) {
  const auto found = std::find(table.step_index.begin(), table.step_index.end(), step);
  return found == table.step_index.end() ? -1 : static_cast<int>(found - table.step_index.begin());
}

std::vector<double> step_magnitudes(const InfluenceTable& table) {
  std::vector<double> out(table.steps, 0);
  for (int row = 0; row < table.steps; ++row) {
    for (int document = 0; document < table.documents; ++document) {
      const double score = table.score(row, document);
      out[row] += score * score;
    }
    out[row] = table.documents > 0 ? std::sqrt(out[row] / table.documents) : 0;
  }
  return out;
}

Shading shade_trace(const Trace& trace, const InfluenceTable* table, Shade shade) {
  Shading out;
  out.shade = shade;
  out.unit = QStringLiteral("nats");
  const size_t tokens = trace.tokens.size();
  const float none = std::nanf("");
  if (shade == Shade::logprob) {
    for (const float value : trace.logprob) out.values.push_back(-value);
    out.high = std::max(1.0, quantile(out.values, 0.98));
  } else if (shade == Shade::entropy) {
    out.values = trace.entropy;
    out.high = std::max(1.0, quantile(out.values, 0.98));
  } else if (shade == Shade::influence && table) {
    out.ramp = Ramp::magnitude;
    out.values.assign(tokens, none);
    const std::vector<double> magnitudes = step_magnitudes(*table);
    for (int row = 0; row < table->steps; ++row) {
      const int index = table->step_index[row];
      if (index < 0 || index >= static_cast<int>(trace.steps.size())) continue;
      const Step& step = trace.steps[index];
      std::fill(out.values.begin() + step.begin, out.values.begin() + step.end, static_cast<float>(magnitudes[row]));
      out.high = std::max(out.high, magnitudes[row]);
    }
  }
  return out;
}

Shading shade_attention(const AttentionRow& row) {
  Shading out;
  out.shade = Shade::attention;
  out.ramp = Ramp::magnitude;
  out.unit = QStringLiteral("%");
  double others = 0, most = 0;
  for (size_t i = 0; i < row.weights.size(); ++i) {
    const double share = 100.0 * row.weights[i];
    out.values.push_back(static_cast<float>(share));
    most = std::max(most, share);
    if (i > 0) others = std::max(others, share);
  }
  out.high = others > 0 ? others : most;
  out.cut = most > out.high;
  return out;
}

Shading shade_document(const ShownDocument& document, int row, TokenPart part) {
  Shading out;
  out.shade = Shade::influence;
  out.ramp = Ramp::signed_values;
  out.unit = QStringLiteral("nats");
  const auto scores = document.scores_of(part, row);
  out.values.assign(scores.begin(), scores.end());
  for (const float value : out.values) {
    if (!std::isnan(value)) out.high = std::max(out.high, std::fabs(static_cast<double>(value)));
  }
  out.low = -out.high;
  return out;
}

}  // namespace stemma
