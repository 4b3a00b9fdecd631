#include <algorithm>
#include <vector>

#include "runtime/model/files/checkpoint.h"

namespace stemma {

namespace {

using Rows = Arrangement::Rows;

// The row of the file that holds a row of the checkpoint, of `rows` in all.
int64_t stored_row(const Arrangement& arrangement, int64_t row, int64_t rows) {
  const int64_t head_rows = rows / arrangement.heads, head = row / head_rows, within = row % head_rows;
  if (arrangement.rows == Rows::pairs) {
    const int64_t half = head_rows / 2;
    return head * head_rows + within % half * 2 + within / half;
  }
  const int64_t width = head_rows / 3, part = within / width;
  return part * arrangement.heads * width + head * width + within % width;
}

void read_rows(const Checkpoint::Found& found, int64_t begin, std::span<float> out) {
  const int64_t rows = found.tensor->shape.front(), columns = found.tensor->size() / rows;
  while (!out.empty()) {
    const int64_t column = begin % columns;
    const auto count = std::min(static_cast<size_t>(columns - column), out.size());
    read_f32(*found.tensor, stored_row(found.arrangement, begin / columns, rows) * columns + column, out.first(count),
             found.file);
    begin += static_cast<int64_t>(count);
    out = out.subspan(count);
  }
}

// Decodes the whole matrix each time: models that are stored so are small.
void read_transposed(const Checkpoint::Found& found, int64_t begin, std::span<float> out) {
  const int64_t rows = found.tensor->shape.at(0), columns = found.tensor->shape.at(1);
  std::vector<float> all(static_cast<size_t>(rows * columns));
  read_f32(*found.tensor, 0, all, found.file);
  for (float& x : out) {
    x = all[static_cast<size_t>(begin % columns * rows + begin / columns)];
    ++begin;
  }
}

}  // namespace

bool Checkpoint::Found::plain_f32() const { return tensor->dtype == "F32" && arrangement == Arrangement{}; }

std::span<const std::byte> Checkpoint::Found::row(int64_t row) const {
  const int64_t rows = tensor->shape.front();
  const size_t bytes = tensor->bytes.size() / static_cast<size_t>(rows);
  if (arrangement.rows != Rows::kept) row = stored_row(arrangement, row, rows);
  return tensor->bytes.subspan(static_cast<size_t>(row) * bytes, bytes);
}

void Checkpoint::Found::read(int64_t begin, std::span<float> out) const {
  const bool inside = begin >= 0 && begin + static_cast<int64_t>(out.size()) <= tensor->size();
  if (arrangement.rows == Rows::kept || out.empty() || !inside)
    read_f32(*tensor, begin, out, file);
  else if (arrangement.rows == Rows::transposed)
    read_transposed(*this, begin, out);
  else
    read_rows(*this, begin, out);
  if (arrangement.add != 0)
    for (float& x : out) x += arrangement.add;
}

}  // namespace stemma
