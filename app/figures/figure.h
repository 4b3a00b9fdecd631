// A figure for a paper: numbers, words and marks on a column of fixed width, and where all of it comes from.
//
// Drawn without a display: a QGuiApplication under QT_QPA_PLATFORM=offscreen is enough. Lengths are points (1/72 inch).
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace stemma {

// What colour means, and the legend that says so: values -limit..limit on the diverging map (blue positive, red negative)
// or low..high on the sequential one.
struct ColourScale {
  std::string quantity;  // "Influence of each token"
  std::string unit;      // "nats"; "" for none
  bool diverging = true;
  double low = -1, high = 1;
};

// The marks of a body, from top to bottom.
struct Paragraph {
  std::string text;
  bool quiet = false;  // small and grey
};
struct Heading {
  std::string text;
};
// Text with a tint behind each token. values.size() + 1 == offsets.size(); NaN: no tint.
struct ShadedText {
  std::string text;
  std::vector<uint32_t> offsets;
  std::vector<float> values;
  ColourScale scale;
};
// One row a document: rank, source, value as a bar from the middle, first words below.
struct SignedBars {
  struct Row {
    std::string label, detail;
    double value = 0;
  };
  std::string quantity, unit;
  double limit = 0;  // the bars' common scale: a bar of this value is full
  std::vector<Row> rows;
};
// One column a layer, up for positive and down for negative.
struct ColumnBars {
  std::string quantity, unit, axis;  // axis: "layer"
  std::vector<std::string> labels;
  std::vector<double> values;
};
struct HeatMap {
  int rows = 0, columns = 0;
  std::vector<float> values;  // (rows, columns), row 0 at the bottom; NaN: grey, not measured
  ColourScale scale;
  std::string row_axis, column_axis;
  std::vector<std::string> row_labels;
  std::vector<std::string> column_labels;  // written where there is room
  std::vector<int> column_lines;           // a thin line before each of these columns
  bool square = false;                     // cells are as high as they are wide
};
using Mark = std::variant<Paragraph, Heading, ShadedText, SignedBars, ColumnBars, HeatMap>;

struct Table {
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;  // numbers written so that they read back to the same f32
};

struct Figure {
  std::string kind;  // "step", "document", "activations"
  std::string title, caption;
  std::vector<std::pair<std::string, std::string>> provenance;  // ("model", "..."), ..., ("command", "stemma export ...")
  std::vector<Mark> body;
  Table table;
  double width = 170 * 72 / 25.4;  // 170 mm
};

// Writes .svg, .pdf, .png (300 dpi) or .csv, by the extension; the same figure gives the same bytes. The page is as high
// as the figure needs. Replaced whole. Throws Error: an extension that is none of these, a folder that cannot be written.
void export_figure(const Figure& figure, const std::filesystem::path& path);

}  // namespace stemma
