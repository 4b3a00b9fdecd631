#include "app/panels/trace/step_marks.h"

#include <array>
#include <string_view>

#include "app/theme.h"

namespace stemma {

namespace {
struct Label {
  std::string_view name;
  QRgb colour;
};
// thought-anchors.com, in its order.
constexpr std::array<Label, 8> labels = {{{"problem_setup", 0xFF4285F4},
                                          {"plan_generation", 0xFFEA4335},
                                          {"fact_retrieval", 0xFFFBBC05},
                                          {"active_computation", 0xFF34A853},
                                          {"uncertainty_management", 0xFF9C27B0},
                                          {"result_consolidation", 0xFF00BCD4},
                                          {"self_checking", 0xFFFF9800},
                                          {"final_answer_emission", 0xFF795548}}};
}  // namespace

QString title_of(StepKind kind) {
  switch (kind) {
    case StepKind::prompt:
      return QStringLiteral("Prompt");
    case StepKind::thought:
      return QStringLiteral("Thought");
    case StepKind::answer:
      return QStringLiteral("Answer");
  }
  return {};
}

QString title_of_label(const std::string& label) {
  QString out = QString::fromStdString(label).replace('_', ' ');
  if (!out.isEmpty()) out[0] = out[0].toUpper();
  return out;
}

QColor label_colour(const std::string& label) {
  for (const Label& known : labels) {
    if (known.name == label) return QColor(known.colour);
  }
  return {};
}

void draw_step_mark(QPainter& painter, const QPointF& centre, const Step& step) {
  painter.save();
  painter.setRenderHint(QPainter::Antialiasing);
  const QColor labelled = label_colour(step.label);
  const QColor colour = labelled.isValid() ? labelled : theme().quiet;
  const QRectF box(centre.x() - 3.5, centre.y() - 3.5, 7, 7);
  painter.setPen(step.kind == StepKind::prompt ? QPen(colour, 1.4) : QPen(Qt::NoPen));
  painter.setBrush(step.kind == StepKind::prompt ? QBrush(Qt::NoBrush) : QBrush(colour));
  if (step.kind == StepKind::answer) {
    painter.drawRect(box);
  } else {
    painter.drawEllipse(box);
  }
  painter.restore();
}

}  // namespace stemma
