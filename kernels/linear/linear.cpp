// Products with weights as they are stored. Few rows stream the weights through the processor
// (kernels/products/streams.h); many are those of register tiles (kernels/products/panel_product.h) or oneDNN's, in
// bf16 where the processor multiplies bf16, else of panels of the weights that are unpacked before. One way for few and
// many have interleaved rows, by whole numbers (kernels/products/interleaved_code.h), and bf16 where the processor has
// a unit for it (kernels/products/matrix_unit.h).
#include <omp.h>

#include <algorithm>
#include <cassert>
#include <optional>

#include "kernels/cpu_kernels.h"
#include "kernels/divide_up.h"
#include "kernels/products/bf16_product.h"
#include "kernels/products/interleaved.h"
#include "kernels/products/matrix_unit.h"
#include "kernels/products/panel_product.h"
#include "kernels/products/stream_rows.h"
#include "kernels/products/streams.h"
#include "kernels/products/unpacked_panels.h"

namespace stemma::cpu {
namespace {

constexpr int64_t few = 16;           // rows that one reading of the weights serves faster than oneDNN does
constexpr int64_t rows_at_once = 24;  // of w: what a thread takes; of one row of x its share at once
constexpr int forms = 4;              // of RowForm

RowForm form_for(const WeightMatrix& w, const Streams& streams) {
  if (w.interleaved) return streams.interleaved_bytes == 4 ? RowForm::bytes : RowForm::words;
  return streams.form[static_cast<size_t>(w.type)];
}

// All products in one parallel region, each thread its share of each matrix: entering one takes as long as reading
// some ten thousand weights.
void stream_rows(Tensor x, std::span<const Ops::Product> products, const Streams& streams) {
  thread_local RowsMemory memory[forms];
  std::optional<RowsToRead> ready[forms];
  for (const auto& [w, y] : products) {
    const RowForm form = form_for(w, streams);
    auto& rows = ready[static_cast<size_t>(form)];
    if (!rows) rows.emplace(x, form, memory[static_cast<size_t>(form)]);
  }
  const bool share = x.rows > 2;  // else waiting for each other takes longer than reading
  for (const auto& rows : ready)
    for (int64_t i = 0; !share && rows && i < rows->unread; ++i) rows->read(i);
#pragma omp parallel
  {
    for (const auto& rows : ready)
      if (share && rows) {
#pragma omp for schedule(static)
        for (int64_t i = 0; i < rows->unread; ++i) rows->read(i);
      }
    for (const auto& [w, y] : products) {
      const auto type = static_cast<size_t>(w.type);
      const StreamRows& near = ready[static_cast<size_t>(form_for(w, streams))]->near;
      const auto multiply = w.interleaved ? streams.multiply_interleaved[type] : streams.multiply[type];
      const int64_t threads = omp_get_num_threads(), group = w.interleaved ? interleaved_rows : 1,
                    share_of_each = divide_up(divide_up(w.rows, group), threads) * group,
                    height = w.interleaved || x.rows == 1 ? share_of_each : rows_at_once,
                    blocks = (w.rows + height - 1) / height;
#pragma omp for schedule(static) nowait
      for (int64_t i = 0; i < blocks; ++i)
        multiply({w.data, w.row_bytes(), i * height, std::min((i + 1) * height, w.rows), x.data, near, x.rows,
                  x.columns, y.data, y.columns});
    }
  }
}

void multiply_interleaved(Tensor x, const StreamRows& near, const WeightMatrix& w, Tensor y, const Streams& streams) {
  const auto multiply = streams.multiply_interleaved[static_cast<size_t>(w.type)];
#pragma omp parallel for schedule(dynamic)
  for (int64_t begin = 0; begin < w.rows; begin += interleaved_rows)
    multiply({w.data, w.row_bytes(), begin, std::min(begin + interleaved_rows, w.rows), x.data, near, x.rows, x.columns,
              y.data, y.columns});
}

void by_vectors(Tensor x, std::span<const Ops::Product> products, const Streams& streams) {
  if (x.rows <= few) return stream_rows(x, products, streams);
  const auto of_panels = [&](const Ops::Product& p) {
    return takes_panels(x.rows, p.w) && (p.w.type == WeightType::f32 || &streams == &best_streams());
  };
  uint16_t* rounded = nullptr;  // x, once for all
  thread_local RowsMemory memory;
  std::optional<RowsToRead> whole;
  for (size_t i = 0; i < products.size(); ++i) {
    const auto& [w, y] = products[i];
    assert(x.columns == w.columns && y.rows == x.rows && y.columns == w.rows);
    if (of_panels(products[i])) {
      const size_t first = i;
      while (i + 1 < products.size() && products[i + 1].w.type == w.type && of_panels(products[i + 1])) ++i;
      product_panels(x, products.subspan(first, i + 1 - first));
    } else if (w.type == WeightType::f32) {
      matmul(x, false, numbers_of(w), true, y, 1, 0);
    } else if (w.type == WeightType::bf16 && multiplies_bf16() && &streams == &best_streams()) {
      if (!rounded) rounded = rounded_rows(x);
      product_bf16(rounded, w.data, true, w.columns, y);
    } else if (w.interleaved) {
      if (!whole) {
        whole.emplace(x, form_for(w, streams), memory);
#pragma omp parallel for schedule(static)
        for (int64_t i = 0; i < whole->unread; ++i) whole->read(i);
      }
      multiply_interleaved(x, whole->near, w, y, streams);
    } else
      each_panel(w, streams, [&](int64_t first, int64_t count, const float* numbers) {
        product(x.data, false, x.columns, numbers, true, w.columns, y.data + first, x.rows, count, w.columns, 1, 0,
                y.columns);
      });
  }
}

}  // namespace

void linear(Tensor x, std::span<const Ops::Product> products, const Streams& streams) {
  if (x.rows == 0) return;
  const auto of_unit = [&](const Ops::Product& p) { return &streams == &best_streams() && takes_matrix_unit(p.w); };
  while (!products.empty()) {
    const bool unit = of_unit(products[0]);
    const auto end = std::ranges::find_if(products, [&](const Ops::Product& p) { return of_unit(p) != unit; });
    const auto alike = products.first(static_cast<size_t>(end - products.begin()));
    if (unit)
      product_by_matrix_unit(x, alike);
    else
      by_vectors(x, alike, streams);
    products = products.subspan(alike.size());
  }
}

void embed(Ids ids, WeightMatrix table, Tensor out) {
#pragma omp parallel for schedule(static) if (out.rows > 1)
  for (int64_t n = 0; n < out.rows; ++n) unpack_row(table, ids.data[n], out.row(n), best_streams());
}

}  // namespace stemma::cpu
