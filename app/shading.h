// What the tokens of a text are shaded by: a number for each, the range it spans, and the tint that shows it.
#pragma once

#include <QColor>
#include <QString>
#include <vector>

#include "runtime/influence/tables/table.h"
#include "runtime/trace/attention_row.h"
#include "runtime/trace/trace.h"

namespace stemma {

enum class Shade { nothing, logprob, entropy, influence, attention };
inline constexpr Shade shades[] = {Shade::nothing, Shade::logprob, Shade::entropy, Shade::influence, Shade::attention};
QString title_of(Shade shade);       // "Log-probability"
QString definition_of(Shade shade);  // a sentence for its tooltip

// Which colours: one hue for probability and entropy, the magnitude ramp, or blue and red about zero.
enum class Ramp { probability, magnitude, signed_values };

struct Shading {
  Shade shade = Shade::nothing;
  Ramp ramp = Ramp::probability;
  std::vector<float> values;  // one a token; NaN: not measured, no tint
  double low = 0, high = 0;   // the ends of the ramp; signed: -high .. high
  QString unit;
  bool cut = false;  // values beyond `high` take its colour

  // The ground's own colour where there is nothing to show. Letters keep a contrast of 7:1 on it.
  QColor tint(int token, const QColor& ground) const;
};

Shading shade_trace(const Trace& trace, const InfluenceTable* table, Shade shade);
// The tokens that a token looks at, percent of its attention. The first of a text often takes most of it, looked at for
// nothing in particular (Xiao et al. 2023), so the ramp ends at the strongest of the others.
Shading shade_attention(const AttentionRow& row);
// One document's tokens by what each adds to the score of the table's row. No values where the session has none.
Shading shade_document(const ShownDocument& document, int row, TokenPart part);

// How strongly a step is tied to its documents: root mean square of its row's scores, nats.
std::vector<double> step_magnitudes(const InfluenceTable& table);
// Row of the table that scores this step of the trace; -1: the step was no query.
int row_of_step(const InfluenceTable& table, int step);

// The colour of a ramp at t in 0..1 (signed: -1..1), as a tint on `ground`.
QColor ramp_tint(Ramp ramp, double t, const QColor& ground);

}  // namespace stemma
