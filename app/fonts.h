// The three faces of the program.
#pragma once

#include <QFont>

namespace stemma {

QFont text_font();       // traces and documents, 15 px
QFont interface_font();  // labels, buttons, lists, 13 px
QFont small_font();      // captions and legends, 11 px
QFont number_font();     // tokens, code, numbers in tables; tabular figures, 12 px

inline constexpr double text_line_height = 1.5;  // of the text face's size
inline constexpr int measure = 74;               // letters in a line of text

double measure_width();  // of a full line of text, in px

}  // namespace stemma
