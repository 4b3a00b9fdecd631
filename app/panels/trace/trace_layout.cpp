#include "app/panels/trace/trace_layout.h"

#include <QElapsedTimer>
#include <QFontMetricsF>
#include <algorithm>
#include <cmath>

#include "app/fonts.h"

namespace stemma {

namespace {
constexpr double above = 14, below = 24;
}

double TraceLayout::line_height() { return std::round(text_font().pixelSize() * text_line_height); }

void TraceLayout::clear() {
  blocks_.clear();
  folded_.clear();
  stack();
}

void TraceLayout::set_trace(const Trace* trace, bool marks) {
  std::vector<Step> steps;
  int known = 0;
  if (trace) {
    steps = trace->steps;
    known = static_cast<int>(steps.size());
    const int covered = steps.empty() ? 0 : steps.back().end;
    if (covered < trace->size())
      steps.push_back({covered, trace->size(), covered < trace->prompt_tokens ? StepKind::prompt : StepKind::thought});
  }
  blocks_.resize(steps.size());
  for (size_t i = 0; i < steps.size(); ++i) {
    const Step& step = steps[i];
    const int index = static_cast<int>(i) < known ? static_cast<int>(i) : -1;
    auto& block = blocks_[i];
    if (block && block->begin == step.begin && block->end == step.end && block->kind == step.kind &&
        block->step == index)
      continue;
    if (!block) block = std::make_unique<Block>();
    block->step = index;
    block->begin = step.begin;
    block->end = step.end;
    block->kind = step.kind;
    block->captioned = i == 0 || steps[i - 1].kind != step.kind;
    block->placed = false;
    block->paragraph.set(
        token_run(trace->text, std::span(trace->token_offsets).subspan(step.begin, step.end - step.begin + 1),
                  step.begin, marks),
        text_font());
    block->height = outer(*block, estimate(*block));
  }
  stack();
}

void TraceLayout::set_width(double width) {
  if (width == width_) return;
  width_ = width;
  for (auto& block : blocks_) {
    block->placed = false;
    block->height = outer(*block, estimate(*block));
  }
  stack();
}

void TraceLayout::set_folded(int step, bool folded) {
  if (folded ? !folded_.insert(step).second : folded_.erase(step) == 0) return;
  if (const int index = of_step(step); index >= 0) {
    lay_out(*blocks_[static_cast<size_t>(index)]);
    stack();
  }
}

double TraceLayout::outer(const Block& block, double text) const {
  return (block.captioned ? caption : 0) + 2 * pad + (folded(block.step) ? line_height() : text);
}

double TraceLayout::estimate(const Block& block) const {
  static const double letter = QFontMetricsF(text_font()).averageCharWidth();
  const double letters = static_cast<double>(block.paragraph.run().text.size());
  return line_height() * std::max(1.0, std::ceil(letters * letter / std::max(40.0, width_)));
}

void TraceLayout::lay_out(Block& block) {
  block.height = outer(block, block.placed ? block.paragraph.height() : block.paragraph.layout(width_, line_height()));
  block.placed = true;
}

void TraceLayout::stack() {
  double y = above;
  for (auto& block : blocks_) {
    block->top = y;
    y += block->height + between;
  }
  height_ = y + below;
}

void TraceLayout::place(double from, double to) {
  double y = above;
  for (auto& block : blocks_) {
    block->top = y;
    if (!block->placed && y + block->height + between > from && y < to) lay_out(*block);
    y += block->height + between;
  }
  height_ = y + below;
}

void TraceLayout::place_around(int index, double room) {
  const auto sweep = [&](int from, int by) {
    double left = room;
    for (int i = from; i >= 0 && i < count() && left > 0; i += by) {
      Block& block = *blocks_[static_cast<size_t>(i)];
      if (!block.placed) lay_out(block);
      if (i != index) left -= block.height + between;
    }
  };
  sweep(index, -1);
  sweep(index, 1);
  stack();
}

bool TraceLayout::place_some(int milliseconds) {
  QElapsedTimer clock;
  clock.start();
  bool rest = false;
  for (auto& block : blocks_) {
    if (block->placed) continue;
    if (clock.elapsed() >= milliseconds) {
      rest = true;
      break;
    }
    lay_out(*block);
  }
  stack();
  return rest;
}

int TraceLayout::at(double y) const {
  const auto found = std::partition_point(blocks_.begin(), blocks_.end(),
                                          [y](const auto& block) { return block->top + block->height + between <= y; });
  return found == blocks_.end() || (*found)->top > y ? -1 : static_cast<int>(found - blocks_.begin());
}

int TraceLayout::of_token(int token) const {
  const auto found =
      std::partition_point(blocks_.begin(), blocks_.end(), [token](const auto& block) { return block->end <= token; });
  return found == blocks_.end() || (*found)->begin > token ? -1 : static_cast<int>(found - blocks_.begin());
}

int TraceLayout::of_step(int step) const { return step >= 0 && step < count() && block(step).step == step ? step : -1; }

}  // namespace stemma
