// The small marks of a step: its kind, its label's colour, how its number is said.
#pragma once

#include <QColor>
#include <QPainter>
#include <QString>

#include "runtime/trace/trace.h"

namespace stemma {

QString title_of(StepKind kind);                   // "Prompt"
QString title_of_label(const std::string& label);  // "active_computation" -> "Active computation"
// The colour of the field for each of the eight labels; an invalid one for no label.
QColor label_colour(const std::string& label);
// A ring for the prompt, a disc for the thought, a square for the answer, 8 px about `centre`.
void draw_step_mark(QPainter& painter, const QPointF& centre, const Step& step);

}  // namespace stemma
